"""A process that has imported everything and forks a child per training, which may then be killed without mercy.

Reads one JSON job per line, answers with one JSON line: how the child ended. Importing takes many seconds, forking a
few milliseconds; it is safe as long as this process has no thread, so it never trains itself.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1")


def prepare(cache: str) -> dict[str, Any]:
    """Compose tiny_bert, dropout on, shuffled; 40 updates in 4 epochs; tokenise the rows."""
    os.environ["FTLAB_CACHE"] = cache
    import torch

    torch.set_num_threads(1)
    from ftlab.command.arguments import parse
    from ftlab.command.composer import Composer
    from ftlab.command.order import make_order
    from ftlab.datasets.datamodule import TextDataModule
    from ftlab.datasets.sources import read_splits
    from ftlab.models.tokenizer import load_tokenizer
    from small import SMALL

    own = ["dataset.limit={train: 160, val: 24, test: 30}", "trainer.max_epochs=4", "dataset.max_length=32"]
    own += ["callbacks.checkpoint.every_n_steps=5", "dataset.batching=shuffled", "model.dropout=0.1"]
    with Composer("train") as composer:
        order = make_order(parse([*SMALL, *own, f"output_dir={cache}"]), composer)
    order.raise_faults()
    cfg = order.cells[0].cfg
    from omegaconf import OmegaConf

    settings = OmegaConf.to_object(cfg)
    splits = read_splits(settings.dataset)
    tokenizer = load_tokenizer(settings.model, settings.dataset.tokenizer).tokenizer
    return {"settings": settings, "data": TextDataModule(splits, tokenizer, settings.dataset, settings.seed)}


def train(parts: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
    """Do one training, from the newest state if there is one, and return what must be equal to the bit."""
    import lightning as L
    import torch

    from ftlab import build
    from ftlab.callbacks.curves import Curves
    from ftlab.checkpoints import newest_state
    from ftlab.metrics import classification
    from ftlab.models.pretrained import load_classifier
    from ftlab.schema import CostConfig
    from ftlab.verbs import stages
    from training import hashes

    settings, data, folder = parts["settings"], parts["data"], Path(job["folder"])
    state, _ = newest_state(folder)
    L.seed_everything(job.get("seed", settings.seed), verbose=False)
    data.seed = data._train_batches.seed = job.get("seed", settings.seed)
    loaded = load_classifier(settings.model, data.labels, 0)
    adapted = build.build_adapter(settings.adapter, loaded.net, 40)
    module = build.build_module(
        settings.model._target_,
        adapted.net,
        classification.build_metrics(len(data.labels), {}),
        optimizer=build.build_optimizer(settings.optimizer, "cpu", "32-true"),
        scheduler=build.build_scheduler(settings.scheduler),
        param_groups=adapted.param_groups,
        fingerprint=loaded.weights_digest,
    )
    callbacks = build.build_callbacks(
        {name: node for name, node in settings.callbacks.items() if name != "latency"},
        monitor="val/f1_macro",
        mode="max",
        folder=folder,
        data=data,
        cost=CostConfig(usd_per_hour=1.0, device_class="cpu"),
        model_name="tiny",
        architecture={},
        seed=settings.seed,
    )
    trainer = build.build_trainer(
        settings.trainer,
        precision="32-true",
        folder=folder,
        callbacks=[*callbacks, Log(Path(job["log"])), *strikes(job)],
        logger=False,
    )
    stages.fit(trainer, module, data, state)
    moments = {f"{i}.{k}": v for i, s in trainer.optimizers[0].state_dict()["state"].items() for k, v in s.items()}
    history = next(c for c in callbacks if isinstance(c, Curves)).history
    return {
        "weights": hashes(module.state_dict()),
        "moments": hashes(moments),
        "schedule": str(trainer.lr_scheduler_configs[0].scheduler.state_dict()),
        "history": [[p["step"], p["epoch"], p["name"], p["value"].hex()] for p in history],
        "best": Path(stages.best_checkpoint(trainer).best_model_path).name,  # type: ignore[union-attr]
        "random": hashes({"torch": torch.get_rng_state()}),
        "steps": trainer.global_step,
    }


def strikes(job: dict[str, Any]) -> list[Any]:
    """Return the callbacks, or set the trap, that kill this process where the job says."""
    from training import Strike

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if "save" in job:
        trap_save(job["save"], kill)
    return [Strike(job["hook"], job["number"], kill)] if "hook" in job else []


def trap_save(number: int, kill: Any) -> None:
    """Kill when the ``number``-th checkpoint from now has half of its bytes on the disk."""
    from ftlab.checkpoints import durable

    dump, write, count = durable._dump, durable._Hashed.write, 0

    def counted(checkpoint: Any, path: Path) -> str:
        nonlocal count
        count += 1
        if count == number:
            whole = path.with_name("whole")
            dump(checkpoint, whole)
            half = whole.stat().st_size // 2
            whole.unlink()

            def half_way(self: Any, data: Any) -> int:
                written = write(self, data)
                if self._file.tell() >= half:
                    self._file.flush()
                    kill()
                return written

            durable._Hashed.write = half_way  # type: ignore[method-assign]
        return dump(checkpoint, path)

    durable._dump = counted


def Log(path: Path) -> Any:
    """Return a callback that writes a line per batch which a kill does not take back."""
    import lightning as L

    class Lines(L.Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen = [trainer.current_epoch, batch_idx, batch["row_ids"].tolist(), float(outputs["loss"]).hex()]
            with path.open("a") as file:
                file.write(json.dumps(seen) + "\n")

    return Lines()


def child(parts: dict[str, Any], job: dict[str, Any]) -> None:
    """Train in a process of its own, and leave without the parent's farewells."""
    code = 1
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        Path(job["out"]).write_text(json.dumps(train(parts, job)))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Serve jobs until the input ends."""
    import warnings

    warnings.simplefilter("ignore")
    parts = prepare(sys.argv[1])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            child(parts, job)
        if "seconds" in job:
            time.sleep(job["seconds"])
            os.kill(pid, signal.SIGKILL)  # a child that has ended is still there to be waited for
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    main()
