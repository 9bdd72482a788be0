"""Rules of ``plan``: those of the training it looks at, a device that is known, and nothing to go on with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ftlab.check.compiler import compiler
from ftlab.check.composed import Composed, missing_path
from ftlab.check.device_rules import device
from ftlab.check.resume_rules import resume
from ftlab.check.shared_rules import login, output
from ftlab.check.train_rules import TRAIN_RULES
from ftlab.errors import closest

_SHEETS = Path(__file__).parents[1] / "planning" / "devices"
HERE = ("auto", "cpu")  # this machine's
_NOT_PLANNED = (compiler, device, login, output, resume)  # of what runs here, or writes


def device_names() -> list[str]:
    """Return the devices that data sheets are shipped of."""
    return sorted(path.stem for path in _SHEETS.glob("*.yaml"))


def _device(c: Composed) -> Iterable[str]:
    wanted = str(c.values["device"])
    names = device_names()
    if wanted in (*HERE, *names):
        return
    if wanted.endswith((".yaml", ".yml")) or "/" in wanted:
        if not Path(wanted).expanduser().is_file():  # what it holds, the plan says
            yield missing_path("device", wanted, lambda path: path.endswith((".yaml", ".yml")))
        return
    near = next((name for name in names if name.startswith(f"{wanted}_")), None) or closest(wanted, names) or "auto"
    yield (
        f"device={wanted} is no device that can be planned for; write device={near}. Devices: {', '.join(HERE)}, "
        f"{', '.join(names)}, or a data sheet of yours as device=<file>.yaml"
    )


def _resume(c: Composed) -> Iterable[str]:
    if c.values.get("resume") is not None:
        yield "resume is for train, and a plan looks at a training that has not begun; leave it out"


PLAN_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(rule for rule in TRAIN_RULES if rule not in _NOT_PLANNED),
    *(_device, _resume),
)
