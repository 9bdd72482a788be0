"""Rules about where a run computes: devices, precisions that they have, numbers of threads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ftlab.check.components import typed
from ftlab.check.composed import Composed
from ftlab.errors import closest

DEVICES = ("auto", "cpu", "cuda", "mps")


def threads(c: Composed) -> Iterable[str]:
    """Yield a number of threads that is none."""
    wanted = c.values["threads"]
    if wanted != "auto" and (type(wanted) is not int or wanted < 1):
        yield f"threads={typed(wanted)} must be auto, or a whole number from 1; write threads=auto"


def device(c: Composed) -> Iterable[str]:
    """Yield a device of inference that is none."""
    wanted = str(c.values["device"])
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?|mps(:0)?", wanted):
        near = closest(wanted, DEVICES) or "auto"
        yield f"device={wanted} is not one of {', '.join(DEVICES)}, or cuda:<number>; write device={near}"


def precision(c: Composed) -> Iterable[str]:
    """Yield a precision that the accelerator lacks, where both are named; ``modules.precision`` knows ``auto``."""
    trainer = c.values["trainer"]
    wanted, accelerator = str(trainer.get("precision")), trainer.get("accelerator")
    if accelerator == "cpu" and wanted in ("16-mixed", "16"):
        # Lightning would train in bf16 and say so in a warning; the record and the timing would say fp16.
        yield f"trainer.precision={wanted} needs a GPU, and this run is on the CPU; write trainer.precision=bf16-mixed"
    if accelerator == "mps" and wanted in ("64-true", "64"):
        yield f"trainer.precision={wanted} is not possible on Apple GPUs; write trainer.precision=32-true"
