"""The rows of an input, answered chunk by chunk, written in order with all their columns."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ftlab.errors import DataError
from ftlab.results import RunResult
from ftlab.schema import PredictConfig
from ftlab.streams.chunks import MOST_ROWS, Chunk, check_columns, chunks
from ftlab.streams.delimited import Row
from ftlab.streams.journal import Journal, OtherRowsError, Progress
from ftlab.streams.names import STDIN, output_kind
from ftlab.streams.readers import TEXT, Source, open_source
from ftlab.streams.writers import JsonLines, Writer, make_writer
from ftlab.verbs.answering import Answering
from ftlab.yaml_file import read_yaml

NO_TEXT = ""  # the name under which rows without a text are counted
_SPEAK_SECONDS = 10.0


class Terminal:
    """Rows that go to stdout: nothing to go on with."""

    def __init__(self) -> None:
        self.progress = Progress()

    def append(self, data: bytes, progress: Progress) -> None:
        """Print a chunk."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        self.progress = progress


def predict_rows(
    settings: PredictConfig,
    folder: Path,
    record: RunResult,
    added: dict[str, type],
    load: Callable[[], Answering],
) -> None:
    """Write the rows of ``settings.input``, each with what the model answers.

    Args:
        settings: of the verb.
        folder: of the run.
        record: of the run.
        added: names and types of the columns that the answers fill.
        load: gives the model; called once the input is known to be good.

    Raises:
        DataError: input or output are not as they must be; rows already written are kept.
    """
    afresh = settings.overwrite and settings.input == STDIN  # a pipe cannot be read a second time
    try:
        _predict_rows(settings, folder, record, added, load, afresh=afresh)
    except OtherRowsError:
        if not settings.overwrite:
            raise
        _predict_rows(settings, folder, record, added, load, afresh=True)


def _predict_rows(
    settings: PredictConfig,
    folder: Path,
    record: RunResult,
    added: dict[str, type],
    load: Callable[[], Answering],
    *,
    afresh: bool,
) -> None:
    assert settings.input is not None, "checked"
    with open_source(settings.input, settings.input_format) as source:
        wanted = _wanted(settings, folder, source)
        if settings.output is None:
            writer: Writer = JsonLines()
            sink: Journal | Terminal = Terminal()
        else:
            kind = output_kind(settings.output)
            assert kind is not None, "checked"
            writer = make_writer(kind, settings.output, source.schema, added)
            path, identity = Path(settings.output).expanduser(), _identity(settings, record, wanted)
            sink = Journal(path, identity, overwrite=settings.overwrite, afresh=afresh)
            if sink.progress.complete:
                sink.finish(writer)
                _close_books(settings, sink.progress, 0, 0.0)
                return
        found = chunks(source, *(column for _, column in wanted))
        first = next(found, None)
        if first is None:
            raise DataError(f"input={settings.input} holds no rows; give a file that does")
        check_columns(source, first.rows[0], wanted, list(added))
        found = itertools.chain([first], found)
        if isinstance(sink, Journal) and sink.progress.rows:
            sink.check_rows(found, source.shown)
            print(f"goes on after {sink.progress.rows:,} rows in {sink.partial}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        done = _write(found, source, load(), sink, writer, added)
        _close_books(settings, sink.progress, done, time.perf_counter() - began)


def _wanted(settings: PredictConfig, folder: Path, source: Source) -> list[tuple[str, str]]:
    """Return (key, column) of the text, and of its pair where the run was trained on pairs."""
    dataset: Any = read_yaml(folder / "config.yaml")
    dataset = dataset.get("dataset") if isinstance(dataset, dict) else None
    own = dataset if isinstance(dataset, dict) else {}
    text = settings.text_column or _name(own.get("text_column")) or TEXT
    pair = settings.text_pair_column or _name(own.get("text_pair_column"))
    if source.kind != "txt":
        return [("text_column", text), *([("text_pair_column", pair)] if pair else [])]
    if pair:
        raise DataError(
            f"input={settings.input} is read as plain text, one text per line, and the run takes pairs; "
            "give a csv or jsonl file with two columns"
        )
    return [("text_column", TEXT)]


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and value != "???" and "${" not in value else None


def _identity(settings: PredictConfig, record: RunResult, wanted: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what decides on the bytes of the output, but for the rows themselves, whose digest the journal keeps."""
    return {
        "run": record.run.id,
        "text_column": dict(wanted)["text_column"],
        "text_pair_column": dict(wanted).get("text_pair_column"),
        "prefix": settings.prefix,
        "batch_size": settings.batch_size,
        "generation": dataclasses.asdict(settings.generation),
        "device": settings.device,
        "chunk_rows": MOST_ROWS,
    }


def _answered(
    chunk: Chunk, model: Answering, source: Source, added: dict[str, type], counts: dict[str, int]
) -> list[Row]:
    """Return the rows of ``chunk`` with the added columns, and count what they are in ``counts``."""
    clash = next((name for row in chunk.rows for name in added if name in row), None)
    if clash is not None:
        raise DataError(f"a later row of {source.shown} has a column {clash!r}; write prefix=new_ to add new_{clash}")
    answers = iter(model.rows([text for text in chunk.texts if text is not None]))
    rows = []
    for row, text in zip(chunk.rows, chunk.texts, strict=True):
        values: list[Any] = [None] * len(added) if text is None else next(answers)
        kind = NO_TEXT if text is None else model.kind(values)
        counts[kind] = counts.get(kind, 0) + 1
        rows.append({**row, **dict(zip(added, values, strict=True))})
    return rows


def _write(
    found: Iterator[Chunk],
    source: Source,
    model: Answering,
    sink: Journal | Terminal,
    writer: Writer,
    added: dict[str, type],
) -> int:
    """Answer and append chunk by chunk, after those that are written; return how many rows that were."""
    before = sink.progress
    model.batch_tokens = before.batch_tokens or model.batch_tokens
    writer.columns = before.columns
    try:
        if isinstance(sink, Journal):
            sink.start()
        _append_all(found, source, model, sink, writer, added)
        if isinstance(sink, Journal):
            sink.finish(writer)
    except DataError as error:
        raise DataError(*error.sentences, *_kept(sink)) from None
    except (KeyboardInterrupt, SystemExit):
        print(*_kept(sink), sep="\n", file=sys.stderr)
        raise
    except BrokenPipeError:  # whoever reads stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        if isinstance(sink, Journal):
            sink.close()
    return sink.progress.rows - before.rows


def _append_all(
    found: Iterator[Chunk],
    source: Source,
    model: Answering,
    sink: Journal | Terminal,
    writer: Writer,
    added: dict[str, type],
) -> None:
    start = spoken = time.perf_counter()
    began = sink.progress.rows
    for chunk in found:
        now = sink.progress
        counts = dict(now.counts)
        data = writer.encode(_answered(chunk, model, source, added, counts))
        count = now.rows + len(chunk.rows)
        digest = chunk.digest(now.digest) if isinstance(sink, Journal) else ""
        sink.append(
            data,
            Progress(count, digest=digest, columns=writer.columns, counts=counts, batch_tokens=model.batch_tokens),
        )
        if time.perf_counter() - spoken > _SPEAK_SECONDS:
            spoken = time.perf_counter()
            print(f"{count:,} rows, {(count - began) / (spoken - start):,.0f} rows/s", file=sys.stderr, flush=True)


def _kept(sink: Journal | Terminal) -> list[str]:
    if isinstance(sink, Terminal) or not sink.progress.rows:
        return []
    return [f"{sink.progress.rows:,} rows are kept in {sink.partial}; the same command goes on from there"]


def _close_books(settings: PredictConfig, progress: Progress, done: int, seconds: float) -> None:
    file = sys.stderr if settings.output is None else sys.stdout
    place = "" if settings.output is None else f" in {settings.output}"
    speed = f"; {done:,} in {seconds:.1f} s ({done / seconds:,.0f} rows/s)" if done and seconds else ""
    print(f"{progress.rows:,} rows{place}{speed}", file=file)
    counts = sorted((item for item in progress.counts.items() if item[0] != NO_TEXT), key=lambda item: -item[1])
    print("; ".join(f"{label} {count:,}" for label, count in counts), file=file)
    if empty := progress.counts.get(NO_TEXT):
        print(f"{empty:,} without a text have no prediction", file=file)
