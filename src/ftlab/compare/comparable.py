"""Which runs may stand on one board, and in words why the others may not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ftlab.compare.axes import shipped
from ftlab.compare.named import a_few
from ftlab.compare.reading import NEWER
from ftlab.compare.seeds import settings_key
from ftlab.compare.types import Run, Unlike
from ftlab.results import RunResult

UNTIMED = "untimed"
# Libraries that compute in our own process: one is a way to run the model faster, so they are compared.
_IN_PROCESS = frozenset(("torch", "onnx", "onnxruntime", "openvino", "ctranslate2", "llama_cpp", "tflite"))


@dataclass(frozen=True, slots=True)
class Likeness:
    """What must agree before two runs are ranked together."""

    task: str
    test_digest: str
    protocol: str  # of the latency of one text, in the form that ships: full, short, or untimed
    backend: str  # class of backends: in process, or a server's name
    device: str


_WORDS = {
    "task": "the task",
    "test_digest": "the test rows",
    "protocol": "the latency protocol",
    "backend": "the backend",
    "device": "the device",
}


def likeness(result: RunResult) -> Likeness:
    """Return what a finished run can be compared by."""
    assert result.model is not None and result.dataset is not None, "a finished run has both"
    row = shipped(result) or (result.latency[-1] if result.latency else None)
    where, about = (row.device if row else None) or result.environment.get("device"), result.environment
    device = str(where or "unknown")
    if device in ("cpu", "mps"):  # which says nothing of its speed
        threads = row.threads if row else about.get("threads")
        told = [str(about["cpu"])] if about.get("cpu") else []
        told += [f"{threads} thread{'' if threads == 1 else 's'}"] if threads and device == "cpu" else []
        device += f" ({', '.join(told)})" if told else ""
    return Likeness(
        task=result.model.task,
        test_digest=result.dataset.test_digest,
        protocol=row.protocol if row else UNTIMED,
        backend=_backend_class(row.backend if row else "torch"),
        device=device,
    )


def part_unlike(runs: Iterable[Run]) -> tuple[tuple[Run, ...], tuple[Unlike, ...]]:
    """Return the runs of the board, and the others by what keeps them apart, the largest group first.

    The board is the group with the most configurations (then the most runs, then the newest run).
    """
    groups: dict[Likeness, list[Run]] = {}
    for run in runs:
        groups.setdefault(likeness(run.result), []).append(run)
    ranked = sorted(groups.items(), key=lambda group: _rank(group[1]), reverse=True)
    if not ranked:
        return (), ()
    (main, chosen), *others = ranked
    return tuple(chosen), tuple(Unlike(tuple(some), _reason(like, main, some, chosen)) for like, some in others)


def left_out(run: Run, error: str) -> str:
    """Return why a run that did not finish, or was not read, is on no board; ``error``: one line of its own, or empty.

    ``Not finished: minilm_lora is failed: out of memory``, ``Not read: <file> is of a newer ftlab ...``.
    """
    if run.result.run.status == NEWER:
        return f"Not read: {error}"
    return f"Not finished: {run.result.run.name} is {run.result.run.status}{f': {error}' if error else ''}"


def _rank(runs: Sequence[Run]) -> tuple[int, int, str, str]:
    newest = max((run.result.run.finished or run.result.run.started or "", str(run.folder)) for run in runs)
    return len({settings_key(run.result) for run in runs}), len(runs), *newest


def _reason(like: Likeness, main: Likeness, runs: Sequence[Run], chosen: Sequence[Run]) -> str:
    """Return one sentence: whose, what differs, and both values of it."""
    told = [
        f"{_WORDS[name]} ({_value(name, like, runs)}, not {_value(name, main, chosen)})"
        for name in (field.name for field in fields(Likeness))
        if getattr(like, name) != getattr(main, name)
    ]
    who = a_few(sorted(run.result.run.name for run in runs))
    differ = "differs" if len(told) == 1 and not told[0].startswith("the test rows") else "differ"
    return f"{who}: {', '.join(told)} {differ} from the board's"


def _value(name: str, like: Likeness, runs: Sequence[Run]) -> str:
    if name != "test_digest":
        return str(getattr(like, name))
    data = runs[0].result.dataset
    assert data is not None, "a finished run has one"
    return f"{data.test_rows:,} of {data.name}, digest {like.test_digest[:8]}"


def _backend_class(name: str) -> str:
    return "in process" if name.split("-")[0].lower() in _IN_PROCESS else name
