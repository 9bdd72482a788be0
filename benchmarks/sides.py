"""The trainings that are compared: ours as the command builds it, a plain PyTorch loop, Hugging Face's Trainer."""

from __future__ import annotations

import logging
import random
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Sampler
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from benchmarks import runner
from benchmarks.turns import Player
from ftlab.build import build_optimizer, build_scheduler
from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.models.first_token import skip_unread
from ftlab.modules.optimizer import split_decay
from ftlab.verbs import parts as verb_parts
from ftlab.verbs import stages
from ftlab.verbs.machine import pick_machine
from ftlab.verbs.recording import Recording
from ftlab.verbs.tasks.choose import task_of

HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def quiet() -> None:
    """Silence what would fill the screen."""
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric", "alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def sst2(*more: str) -> list[str]:
    """Return the overrides of MiniLM on the movie sentences, cut at 128 tokens.

    Raises:
        runner.Skipped: the data are not there.
    """
    folder = runner.data("sst2")
    files = [f"dataset.{k}={folder / v}" for k, v in (("train", "train.csv"), ("val", "dev.csv"), ("test", "test.csv"))]
    return ["train", "model=minilm", "dataset=sst2", *files, "dataset.max_length=128", "trainer=cpu", *more]


def config(words: list[str]) -> DictConfig:
    """Return the configuration of a command line, checked."""
    with Composer("train") as composer:
        order = make_order(parse(words), composer)
    order.raise_faults()
    return order.cells[0].cfg


@dataclass
class Built:
    """What ftlab builds of a configuration."""

    settings: Any
    machine: Any
    material: Any
    parts: Any

    @property
    def net(self) -> nn.Module:
        """The network, adapter included."""
        return self.parts.module.net

    def optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer as the module makes it."""
        wanted = self.settings.optimizer
        factory = build_optimizer(wanted, self.machine.accelerator, self.machine.precision)
        groups = self.parts.module._param_groups or split_decay(self.net, float(wanted.get("weight_decay", 0.0)))
        return factory(groups)

    def steps(self) -> int:
        """Return the steps of the whole training."""
        found = stages.planned_steps(self.settings.trainer, len(self.material.data.train_dataloader()))
        assert found is not None
        return found


def build(cfg: DictConfig, folder: Path, logger: Any = False, callbacks: bool = True) -> Built:
    """Build net, data and trainer as ``ftlab train`` does."""
    settings = OmegaConf.to_object(cfg)
    if not callbacks:
        settings.callbacks = {}  # type: ignore[union-attr]
    L.seed_everything(settings.seed, verbose=False)  # type: ignore[union-attr]
    machine, task = pick_machine(settings), task_of(settings)  # type: ignore[arg-type]
    material = task.read(machine)
    parts = verb_parts.assemble(task, machine, material, folder, logger)
    return Built(settings, machine, material, parts)


class _Gate(L.Callback):
    """Waits after each batch."""

    def __init__(self, player: Player) -> None:
        self._player = player

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Wait."""
        self._player.pause(outputs["loss"], batch)


def ours(words: list[str], clocks: dict[str, list[float]] | None = None) -> Callable[[Player], None]:
    """Return our training with everything it does: callbacks, run folder, MLflow.

    Args:
        words: of the command line.
        clocks: takes the seconds of each step by callback; None: nothing is wrapped.
    """
    cfg = config(words)

    def run(player: Player) -> None:
        with tempfile.TemporaryDirectory() as place:
            cfg.output_dir = place
            folder = Path(place) / "experiment" / "run"
            folder.mkdir(parents=True)
            with Recording(cfg, folder, overrides=words) as recording:
                recording.start({})
                built = build(cfg, folder, recording.tracker or False)
                trainer = built.parts.trainer
                if clocks is not None:
                    for callback in trainer.callbacks:
                        _time_hooks(callback, clocks)
                trainer.callbacks.insert(_before_checkpoints(trainer.callbacks), _Gate(player))
                stages.fit(trainer, built.parts.learner, built.material.data)

    return run


def _before_checkpoints(callbacks: list[L.Callback]) -> int:
    return next((i for i, c in enumerate(callbacks) if isinstance(c, ModelCheckpoint)), len(callbacks))


def _time_hooks(callback: L.Callback, clocks: dict[str, list[float]]) -> None:
    name = type(callback).__name__
    for hook in HOOKS:
        inner = getattr(callback, hook)
        if getattr(type(callback), hook) is getattr(L.Callback, hook):
            continue
        spent = clocks.setdefault(f"{name}.{hook}", [])

        def timed(*given: Any, inner: Any = inner, spent: list[float] = spent) -> None:
            began = time.perf_counter()
            inner(*given)
            spent.append(time.perf_counter() - began)

        setattr(callback, hook, timed)


def bare(words: list[str]) -> Callable[[Player], None]:
    """Return the same training in Lightning with no callback and no logger: what the loop itself costs."""
    cfg = config(words)

    def run(player: Player) -> None:
        with tempfile.TemporaryDirectory() as place:
            built = build(cfg, Path(place), callbacks=False)
            trainer = built.parts.trainer
            trainer.callbacks[:] = [_Gate(player)]
            stages.fit(trainer, built.parts.learner, built.material.data)

    return run


def plain(words: list[str]) -> Callable[[Player], None]:
    """Return the same training as a loop anyone would write: same network, batches, optimizer, schedule, clipping."""
    cfg = config(words)

    def run(player: Player) -> None:
        with tempfile.TemporaryDirectory() as place:
            built = build(cfg, Path(place), callbacks=False)
        net, optimizer, total = built.net, built.optimizer(), built.steps()
        schedule = build_scheduler(built.settings.scheduler)(optimizer, total)
        clip, loader = built.settings.trainer["gradient_clip_val"], built.material.data.train_dataloader()
        skip_unread(net)
        net.train()
        L.seed_everything(built.settings.seed, verbose=False)
        # In the optimizer's order, as Lightning takes them: the norm is a sum, and rounds by its order.
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        for epoch in range(built.settings.trainer["max_epochs"]):
            loader.batch_sampler.set_epoch(epoch)
            for batch in loader:
                logits = net(**{k: v for k, v in batch.items() if k in _INPUTS}).logits
                loss = functional.cross_entropy(logits.float(), batch["labels"])
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, clip)
                optimizer.step()
                schedule.step()
                player.pause(loss, batch)

    return run


class _Shuffled(Sampler[int]):
    """The batches of another sampler, in a random order."""

    def __init__(self, inner: Any, size: int) -> None:
        self._inner, self._size = inner, size

    def __len__(self) -> int:
        return len(self._inner)

    def __iter__(self) -> Iterator[int]:
        rows = list(self._inner)
        batches = [rows[i : i + self._size] for i in range(0, len(rows) - len(rows) % self._size, self._size)]
        random.Random(0).shuffle(batches)  # noqa: S311 - an order, not a secret
        yield from (row for batch in batches for row in batch)


class _Watched(Trainer):
    """Trainer that keeps its last loss and batch; ``order`` feeds it batches that are made already.

    The batches that it groups by length come in a random order: its own goes from long to short in each group of 50,
    so that a block of a few would be no sample. The batches are the same.
    """

    seen: tuple[Tensor, dict[str, Any]]
    order: Any = None

    def training_step(self, model: nn.Module, inputs: dict[str, Any], *rest: Any, **named: Any) -> Tensor:
        loss = super().training_step(model, inputs, *rest, **named)
        self.seen = (loss, inputs)
        return loss

    def _get_train_sampler(self, *given: Any) -> Any:
        sampler = super()._get_train_sampler(*given)
        grouped = self.args.train_sampling_strategy == "group_by_length"
        return _Shuffled(sampler, self._train_batch_size) if grouped else sampler

    def get_train_dataloader(self) -> Any:
        return super().get_train_dataloader() if self.order is None else self.order


class _HuggingGate(TrainerCallback):
    trainer: _Watched

    def __init__(self, player: Player) -> None:
        self._player = player

    def on_step_end(self, *given: Any, **named: Any) -> None:
        self._player.pause(*self.trainer.seen)


def hugging(words: list[str], strategy: str = "random", same_batches: bool = False) -> Callable[[Player], None]:
    """Return the same network in Hugging Face's Trainer, at its defaults but for batch size, rate and decay.

    The rows are tokenised before; ``DataCollatorWithPadding`` pads them.

    Args:
        words: of our command line, which says network, adapter, batch size and rate.
        strategy: ``train_sampling_strategy``.
        same_batches: feed our batches, in our order.
    """
    cfg = config(words)

    def run(player: Player) -> None:
        with tempfile.TemporaryDirectory() as place:
            built = build(cfg, Path(place), callbacks=False)
            wanted, tokens = built.settings, built.material.data._loaded["train"].data
            options = TrainingArguments(
                output_dir=place,
                per_device_train_batch_size=wanted.dataset.batch_size,
                learning_rate=float(wanted.optimizer["lr"]),
                weight_decay=float(wanted.optimizer["weight_decay"]),
                warmup_steps=round(float(wanted.scheduler["warmup"]) * built.steps()),
                num_train_epochs=wanted.trainer["max_epochs"],
                train_sampling_strategy=strategy,
                report_to="none",
                save_strategy="no",
                use_cpu=True,
                disable_tqdm=True,
                dataloader_pin_memory=False,
            )
            gate = _HuggingGate(player)
            collate = DataCollatorWithPadding(built.material.tokenizer.tokenizer)
            trainer = _Watched(built.net, options, collate, dataset_of(tokens), callbacks=[gate])
            if same_batches:
                loader = built.material.data.train_dataloader()
                trainer.order = [{k: v for k, v in b.items() if k in (*_INPUTS, "labels")} for b in _some(loader)]
            gate.trainer = trainer
            trainer.train()

    return run


def _some(loader: Any, most: int = 80) -> list[dict[str, Tensor]]:
    return [batch for _, batch in zip(range(most), loader, strict=False)]


def dataset_of(tokens: Any) -> Any:
    """Return rows of token ids as the Trainer takes them."""
    from datasets import Dataset

    columns: dict[str, list[Any]] = {"input_ids": [], "attention_mask": [], "labels": list(tokens.labels)}
    for row in range(len(tokens)):
        ids = tokens[row][2].tolist()
        columns["input_ids"].append(ids)
        columns["attention_mask"].append([1] * len(ids))
    return Dataset.from_dict(columns)
