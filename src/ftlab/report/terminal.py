"""What the terminal says at the end of a run and of a sweep. 80 columns are enough, and so is a plain file."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from ftlab.redact import redact_text
from ftlab.report import wording
from ftlab.report.tables import (
    STRONG,
    Sample,
    class_table,
    evaluation_tables,
    facts_table,
    latency_table,
    new_table,
    place_lines,
    quality_tables,
    sample_table,
    status_text,
)
from ftlab.report.troubles import trouble_lines
from ftlab.results import LatencyRow, Quality, RunResult

__all__ = ["Report", "Sample", "run_table", "show", "sweep_table"]


@dataclass(frozen=True, slots=True)
class Report:
    """Tables, then lines that must stay whole: paths and commands, to be copied from the screen.

    ``show`` writes such a line as it is, however long; ``Console.print``, which cuts at the width, gets it folded.
    """

    tables: Sequence[RenderableType]
    lines: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for table in self.tables:
            yield table
            yield ""
        whole = options.overflow == "ignore"
        for line in self.lines:
            yield Text(line, overflow="ignore" if whole else "fold", no_wrap=whole)


def show(report: RenderableType, file: TextIO | None = None) -> None:
    """Print ``report`` to ``file`` (default: standard output), without colour where that is no terminal."""
    file = file or sys.stdout
    console = Console(file=file, highlight=False)
    with console.capture() as captured:
        console.print(report, overflow="ignore", crop=False)
    text = "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    encoding = file.encoding or "utf-8"
    file.write(text.encode(encoding, "replace").decode(encoding))  # a sentence may hold what the terminal cannot show
    file.flush()


def run_table(
    result: RunResult,
    folder: Path,
    *,
    samples: Sequence[Sample] = (),
    notes: Sequence[str] = (),
    parent: Quality | None = None,
) -> Report:
    """Return what a run is worth: quality, labels, speed, money, energy, and where things lie.

    Args:
        result: None in it is shown as ``-``.
        folder: of the run.
        samples: sentences predicted before and after.
        notes: sentences for the user, each on its own line.
        parent: of an evaluation, what was measured when the model was trained, on the same rows.
    """
    tables: list[RenderableType] = [_title(result)]
    if result.quality:
        rows = result.dataset.test_rows if result.dataset else None
        evaluates = result.run.verb == "evaluate"
        tables += evaluation_tables(result.quality, parent, rows) if evaluates else quality_tables(result.quality, rows)
        if result.quality.test.get("per_class"):
            tables.append(class_table(result.quality.test["per_class"], result.quality.untrained.get("per_class")))
    if samples:
        tables.append(sample_table(samples))
    if result.latency:
        tables.append(latency_table(result.latency))
    tables.append(facts_table(result))
    if notes:
        tables.append(Text("\n".join(f"Note: {wording.one_line(note)}" for note in notes)))
    if (troubles := trouble_lines(result.diagnosis, result.run.verb)) is not None:
        tables.append(troubles)
    return Report(tables, _places(result, folder))


def sweep_table(results: list[tuple[Path, RunResult]], said: str = "") -> Report:
    """Return a line per job: status, main metric, p50, money, training time; folders and errors below.

    Where the jobs train other shares of their models, a second table says what each way takes. ``said`` are lines on
    their comparison, which stand last.
    """
    mains = {result.quality.main["name"] for _, result in results if result.quality}
    main = mains.pop() if len(mains) == 1 else None
    numbers = [wording.one_line(main or "main metric"), "p50 ms", "$ / 1k", "training"]
    done = sum(result.run.status == "finished" for _, result in results)
    table = new_table(f"{done} of {len(results)} jobs finished", ["#", "job", "status"], numbers)
    lines = []
    for index, (folder, result) in enumerate(results):
        number = folder.name.partition("_")[0]  # Hydra's number of the job
        number = number if number.isdecimal() else str(index)
        table.add_row(number, *_job(result, main))
        lines += place_lines(number, folder, result.run.status, result.run.error)
    shares = {result.model.trainable_percent for _, result in results if result.model}
    tables = [table, _ways_table(results)] if len(shares) > 1 else [table]
    return Report(tables, [*lines, *(["", *said.splitlines()] if said else [])])


def _ways_table(results: list[tuple[Path, RunResult]]) -> Table:
    """Return what each job trained and what it came to: p50 with the adapter apart and merged, size, money."""
    columns = ["trained %", "p50 ms", "p50 merged", "folder MB", "peak MB", "$ training"]
    table = new_table("What each way takes", ["job"], columns)
    for _, result in results:
        if result.model is None:
            continue
        share = wording.number(result.model.trainable_percent)
        apart, merged = (_p50(result, merged) for merged in (False, True))
        size = wording.number(result.artefact.size_mb if result.artefact else None)
        peak, money = wording.number(result.training.peak_memory_mb), result.cost.training_usd if result.cost else None
        name = wording.one_line(result.run.name)
        table.add_row(*map(Text, (name, share, apart, merged, size, peak, wording.usd(money))))
    return table


def _p50(result: RunResult, merged: bool) -> str:
    """Return p50 at the smallest batch of one form of the model."""
    rows = [row for row in result.latency if row.merged == merged]
    return wording.number(min(rows, key=lambda row: row.batch_size).p50_ms if rows else None)


def _job(result: RunResult, main: str | None) -> list[Text]:
    value = wording.UNKNOWN
    if result.quality:
        name = result.quality.main["name"]
        value = wording.score(result.quality.test.get(name))
        value = value if main else f"{wording.one_line(name)} {value}"
    row = _main_latency(result)
    return [
        Text(wording.one_line(result.run.name)),
        status_text(result.run.status),
        Text(value, style=STRONG),
        Text(wording.number(row.p50_ms if row else None)),
        Text(wording.usd(result.cost.usd_per_1k_requests if result.cost else None)),
        Text(wording.duration(result.training.seconds)),
    ]


def _main_latency(result: RunResult) -> LatencyRow | None:
    """Return the row the price rests on, else the first; of several forms the one timed last, which is what ships."""
    size = result.cost.batch_size if result.cost else 1
    rows = [row for row in result.latency if row.batch_size == size] or result.latency[:1]
    return rows[-1] if rows else None


def _title(result: RunResult) -> Text:
    title = Text(wording.subject(result), style=STRONG)
    title.append("  ").append_text(status_text(result.run.status))
    if result.run.error:
        title.append(f"\n{wording.first_line(redact_text(result.run.error))}", style="not bold")
    return title


def _places(result: RunResult, folder: Path) -> list[str]:
    places: dict[str, object] = {"record": folder / "result.json"}
    if result.artefact:
        places["model"] = os.path.normpath(folder / (result.artefact.path or "model"))
    if result.quality:
        places["plots"] = folder / "plots"
    if result.run.error and result.run.log:
        places["log"] = folder / result.run.log
    return [f"{name:<8}{place}" for name, place in (places | _mlflow(result.run.mlflow)).items()]


def _mlflow(names: Mapping[str, str | None]) -> dict[str, str]:
    uri = redact_text(names.get("uri") or "")
    if not uri or not names.get("run_id"):
        return {}
    remote = uri.startswith(("http://", "https://"))
    return {"mlflow": uri if remote else f"mlflow ui --backend-store-uri {shlex.quote(uri)}"}
