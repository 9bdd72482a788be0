"""Rules about training in several processes. What depends on the GPUs there are, ``processes.plan`` says."""

from __future__ import annotations

from collections.abc import Iterable

from ftlab.check.components import typed
from ftlab.check.composed import Composed
from ftlab.datasets.options import AUTO
from ftlab.errors import closest
from ftlab.processes.devices import SHARDED, STRATEGIES, named_devices, not_processes, uneven

_ONE_PROCESS = (None, "auto", "single_device")


def processes(c: Composed) -> Iterable[str]:
    """Yield devices that are none, strategies ftlab does not start, and rows that cannot be shared out."""
    trainer, dataset = c.values["trainer"], c.values["dataset"]
    key = "effective_batch_size" if dataset["batch_size"] == AUTO else "batch_size"
    rows = dataset[key]
    devices, strategy, accelerator = trainer.get("devices", 1), trainer.get("strategy"), trainer.get("accelerator")
    nodes = trainer.get("num_nodes", 1)
    if nodes not in (None, 1):
        yield f"trainer.num_nodes={typed(nodes)} is not possible, since the processes of a run share one machine; " + (
            "write trainer.num_nodes=1"
        )
    if strategy not in (*_ONE_PROCESS, *STRATEGIES):
        near = closest(str(strategy), STRATEGIES) or "ddp"
        yield f"trainer.strategy={typed(strategy)} is not one of {', '.join(STRATEGIES)}; write trainer.strategy={near}"
    count = named_devices(devices)
    if count is None:
        yield (
            f"trainer.devices={typed(devices)} is no number of devices, list of GPUs, auto or -1; "
            "write trainer.devices=1"
        )
    elif accelerator == "cpu" and strategy != SHARDED and (said := not_processes(devices, count)):
        yield said
    elif accelerator == "mps" and count > 1:
        yield f"trainer.devices={typed(devices)} is more than the one Apple GPU there is; write trainer.devices=1"
    elif count > 1 and type(rows) is int and rows >= 1 and rows % count:
        yield uneven(rows, count, key)
    if strategy == "fsdp":
        yield from _sharded(c)


def _sharded(c: Composed) -> Iterable[str]:
    trainer = c.values["trainer"]
    if trainer.get("accelerator") in ("cpu", "mps"):
        yield (
            f"trainer.strategy=fsdp shards the weights over GPUs, and trainer.accelerator={trainer['accelerator']} is "
            "none; write trainer=ddp_cpu"
        )
    if trainer.get("gradient_clip_algorithm") == "value":
        yield (
            "trainer.gradient_clip_algorithm=value is not possible with fsdp; write "
            "trainer.gradient_clip_algorithm=norm"
        )
    if str(trainer.get("precision")) in ("64-true", "64"):
        yield f"trainer.precision={trainer['precision']} is not possible with fsdp; write trainer.precision=32-true"
    if trainer.get("compile"):
        yield "trainer.compile=true is not for fsdp, which replaces the layers; write trainer.compile=false"
