"""What a reader of a board must know before believing it, one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ftlab.compare.comparable import UNTIMED
from ftlab.compare.named import a_few
from ftlab.compare.types import Axis, Candidate, Run
from ftlab.results import Cost


def board_notes(
    candidates: Sequence[Candidate],
    asked: Sequence[Axis],
    protocol: str,
    replaced: Sequence[str],
    repeated: Sequence[Run],
) -> Iterator[str]:
    """Yield the sentences.

    Args:
        candidates: of the board.
        asked: axes the front was to be drawn over; the main one first.
        protocol: of the latency of all of them.
        replaced: keys of candidates whose tokenizer is not their model's own.
        repeated: runs left out, since a later one has the same configuration and seed.
    """
    if protocol == UNTIMED:
        yield "latency was not measured (latency.enabled=false), so nothing is ranked by it"
    elif protocol != "full":
        yield (
            f"latency was measured by the {protocol} protocol (too few calls or seconds), so nothing is ranked by it, "
            "and the price of a request rests on few calls; raise latency.max_seconds"
        )
    if replaced:
        yield f"not ranked for latency or price, since a tokenizer stands in for the model's own: {a_few(replaced)}"
    known = {name for one in candidates for name, value in one.values.items() if value is not None}
    for axis in asked:
        if axis.name not in known:
            yield f"no candidate has a value of {axis.name}, so the front is drawn without it"
    mains = sorted({_main_name(run) for one in candidates for run in one.runs})
    if len(mains) > 1:
        yield f"the best epoch was chosen by different metrics ({', '.join(mains)}); ranked by {asked[0].name}"
    yield from _prices(candidates)
    if beside := [c.key for c in candidates if c.chosen and (a := c.chosen.result.artefact) and a.base == "hub"]:
        yield f"size_mb is that of the adapter alone, whose base is not in the folder: {a_few(beside)}"
    yield from _origins(candidates)
    if repeated:
        names = sorted({run.result.run.name for run in repeated})
        times = f"{len(repeated)} run{'' if len(repeated) == 1 else 's'}"
        yield f"{times} left out, since a later run has the same configuration and seed: {a_few(names)}"


def _origins(candidates: Iterable[Candidate]) -> Iterator[str]:
    """Yield whose quality is not that of the model it is named after: random weights, 4 bits, a stand-in."""
    models = [(one.key, one.chosen.result.model) for one in candidates if one.chosen and one.chosen.result.model]
    if drawn := [key for key, model in models if model.init == "random"]:
        yield (
            "trained from random weights, or not at all, so their quality says nothing of what a trained checkpoint "
            f"reaches, while time, memory, size and price of requests do: {a_few(drawn)}"
        )
    if packed := [key for key, model in models if model.weights == "package_4bit"]:
        yield f"weights in 4 bits from a package, not the hub's own, which may be somewhat better: {a_few(packed)}"
    stood: dict[tuple[str, str], list[str]] = {}
    for key, model in models:
        if model.stands_for:
            stood.setdefault((model.name, model.stands_for), []).append(key)
    for (name, published), keys in stood.items():
        yield f"{name} stands in for {published}, which the study names: {a_few(keys)}"


def _prices(candidates: Iterable[Candidate]) -> Iterator[str]:
    """Yield a sentence for each part of the price that is not the same for all: their dollars cannot be compared."""
    costs = [one.chosen.result.cost for one in candidates if one.chosen and one.chosen.result.cost]
    parts: dict[str, Callable[[Cost], float | int | None]] = {
        "cost.usd_per_hour": lambda cost: cost.usd_per_hour,
        "cost.utilisation": lambda cost: cost.utilisation,
        "cost.batch_size": lambda cost: cost.batch_size,
    }
    for key, value in parts.items():
        found = sorted({f"{part:g}" for cost in costs if (part := value(cost)) is not None})
        if len(found) > 1:
            remedy = "" if key == "cost.batch_size" else f"; give {key}=<number> to price all alike"
            yield f"{key} differs between the runs ({a_few(found)}), so their dollars do too{remedy}"


def _main_name(run: Run) -> str:
    return run.result.quality.main["name"] if run.result.quality else ""
