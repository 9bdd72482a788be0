"""The table of ``ftlab plan``: what each training would take, whether it fits, and what would make it fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ftlab.planning.types import Estimate
from ftlab.report import wording
from ftlab.report.tables import BAD, GOOD, new_table
from ftlab.report.terminal import Report

_FLOPS = "KMGTP"
_UNITS = ((100.0, 1.0, "s"), (6000.0, 60.0, "min"), (172_800.0, 3600.0, "h"), (math.inf, 86_400.0, "days"))
_SHORT = {"gradients": "grads", "optimizer": "optim.", "activations": "activ."}  # on a narrow terminal
_GB_FROM = 1000.0  # MB: plans with a larger peak are written in GB


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One training that is planned.

    Args:
        words: what else sets it apart from the others of the grid, as typed.
        device: name of its data sheet.
        memory_gb: of the device.
        estimate: None: ``error`` says why.
        left_out: why a sweep with this budget would leave it out.
    """

    model: str
    adapter: str
    words: str
    device: str
    memory_gb: float | None
    estimate: Estimate | None
    error: str | None = None
    left_out: str | None = None


Say = Callable[[PlanLine], Text | str]
Columns = dict[str, Say]


def plan_report(lines: Sequence[PlanLine], title: str) -> Report:
    """Return the plan: one table where the terminal is wide enough for it, else three; sentences below.

    Args:
        lines: in the order of the jobs.
        title: says for what device, and where its numbers come from.
    """
    return Report([_Tables(lines, title)], [*_below(lines)])


class _Tables:
    """One wide table or three narrow ones: whoever prints it knows how much room there is."""

    def __init__(self, lines: Sequence[PlanLine], title: str) -> None:
        self.lines, self.title = lines, title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        parts = [_size_columns(), _memory_columns(self.lines), _price_columns()]
        whole = _table(self.title, self.lines, {key: say for part in parts for key, say in part.items()})
        if console.measure(whole, options=options.update(max_width=10_000)).maximum <= options.max_width:
            yield whole
            return
        titles = [self.title, f"Memory in {_unit(self.lines)}", "Time and money of training"]
        for place, (title, part) in enumerate(zip(titles, parts, strict=True)):
            if place:
                yield ""
            yield _table(title, self.lines, {_SHORT.get(head, head): say for head, say in part.items()}, gap=0)


def _table(title: str, lines: Sequence[PlanLine], columns: Columns, gap: int = 1) -> Table:
    """Return a row per line: what it is, then ``columns``."""
    names: Columns = {"model": lambda line: wording.one_line(line.model), "adapter": lambda line: line.adapter}
    if any(line.words for line in lines):
        names["with"] = lambda line: wording.one_line(line.words)
    if len({line.device for line in lines}) > 1:
        names["device"] = lambda line: line.device
    number = ["#"] if len(lines) > 1 else []
    table = new_table(escape(title), [*number, *names], list(columns))
    table.padding = (0, gap, 0, 0)
    for place, line in enumerate(lines):
        table.add_row(*[str(place)][: len(number)], *_told(names, line), *_told(columns, line))
    return table


def _told(columns: Columns, line: PlanLine) -> list[Text | str]:
    return [say(line) for say in columns.values()]


def _of(say: Callable[[Estimate], str]) -> Say:
    return lambda line: wording.UNKNOWN if line.estimate is None else say(line.estimate)


def _size_columns() -> Columns:
    return {
        "parameters": _of(lambda e: wording.scaled(e.parameters)),
        "trained": _of(_trained),
        "FLOPs / token": _of(lambda e: wording.scaled(e.flops_per_token, _FLOPS)),
        "saved MB": _of(lambda e: wording.number(e.artefact_mb)),
    }


def _trained(estimate: Estimate) -> str:
    share = 100 * estimate.trainable_parameters / max(1, estimate.parameters)
    return f"{wording.scaled(estimate.trainable_parameters)} ({share:.3g}%)"


def _memory_columns(lines: Sequence[PlanLine]) -> Columns:
    scale = 1000.0 if _unit(lines) == "GB" else 1.0

    def of(key: str) -> Say:
        return _of(lambda e: wording.number(round(getattr(e, f"{key}_mb") / scale, 3)))

    parts: Columns = {key: of(key) for key in ("weights", "gradients", "optimizer", "activations")}
    return {**parts, f"peak {_unit(lines)}": of("peak"), "rows": _of(lambda e: f"{e.micro_batch:,}"), "fits": _fits}


def _unit(lines: Sequence[PlanLine]) -> str:
    most = max((line.estimate.peak_mb for line in lines if line.estimate), default=0.0)
    return "GB" if most >= _GB_FROM else "MB"


def _fits(line: PlanLine) -> Text:
    if line.estimate is None or line.estimate.fits is None:
        return Text(wording.UNKNOWN)
    return Text("yes", style=GOOD) if line.estimate.fits else Text("no", style=BAD)


def _price_columns() -> Columns:
    return {
        "tokens": _of(lambda e: wording.scaled(e.train_tokens)),
        "time": _of(lambda e: time_span(e.seconds)),
        "$": _of(lambda e: _usd_span(e.usd)),
    }


def time_span(seconds: tuple[float, float] | None) -> str:
    """Return how long it may take, as exactly as one can know: ``13 to 32 min``, ``1.5 to 4 days``."""
    if seconds is None:
        return wording.UNKNOWN
    scale, unit = next((scale, unit) for most, scale, unit in _UNITS if seconds[1] < most)
    return f"{wording.span(seconds, lambda value: wording.number(_rounded((value or 0.0) / scale)))} {unit}"


def _usd_span(usd: tuple[float, float] | None) -> str:
    return wording.span(usd, lambda value: wording.usd(_rounded(value or 0.0)))


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")


def _below(lines: Sequence[PlanLine]) -> Iterator[str]:
    """Yield what does not fit and what would make it fit, what is left out, the sum, and notes on the numbers."""
    several = len(lines) > 1
    for number, line in enumerate(lines):
        start = f"{number:>3}  " if several else ""
        if line.error is not None:
            yield f"{start}cannot be planned: {wording.first_line(line.error)}"
        elif line.estimate is not None and line.estimate.fits is False:
            yield start + unfit(line.estimate, line.device, line.memory_gb)
        if line.left_out is not None:
            yield f"{start}left out: {line.left_out}"
    if several:
        yield _sum(lines)
    notes = dict.fromkeys(note for line in lines if line.estimate for note in line.estimate.notes)
    for note in notes:
        about = [number for number, line in enumerate(lines) if line.estimate and note in line.estimate.notes]
        which = f" ({_numbers(about)})" if several and len(about) < len(lines) else ""
        yield f"note{which}: {wording.one_line(note)}"


def _numbers(numbers: Sequence[int]) -> str:
    """Return ``0, 2, 5 to 9``."""
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    said = ([f"{group[0]} to {group[-1]}"] if len(group) > 2 else [str(number) for number in group] for group in groups)
    return ", ".join(word for words in said for word in words)


def unfit(estimate: Estimate, device: str, memory_gb: float | None) -> str:
    """Return the sentence on a training that does not fit, with what would make it fit."""
    has = "" if memory_gb is None else f", which has {wording.number(memory_gb, 'GB')}"
    remedy = f"write {estimate.remedy}" if estimate.remedy else "no single option makes it fit; take a larger device"
    return f"needs {wording.number(estimate.peak_mb / 1000, 'GB')} and does not fit on {device}{has}; {remedy}"


def _sum(lines: Sequence[PlanLine]) -> str:
    kept = [line.estimate for line in lines if line.left_out is None and line.estimate is not None]
    times = [e.seconds for e in kept if e.seconds is not None]
    prices = [e.usd for e in kept if e.usd is not None]
    parts = [
        said if len(known) in (0, len(kept)) else f"{said} ({len(known)} of {len(kept)} known)"
        for known, said in ((times, time_span(_total(times))), (prices, _usd_span(_total(prices))))
    ]
    jobs = wording.count(len(kept), "job")
    return f"{jobs} in all, one after the other: {parts[0]}, {parts[1]}"


def _total(known: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    return (sum(low for low, _ in known), sum(high for _, high in known)) if known else None
