"""What the terminal says: the data before training, the worth of the run after it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.splits import Splits
from ftlab.models.tokenizer import LoadedTokenizer
from ftlab.predictor import Prediction
from ftlab.report.terminal import Sample, run_table, show
from ftlab.results import RunResult

log = logging.getLogger(__name__)


def data_notes(splits: Splits, data: TextDataModule, tokenizer: LoadedTokenizer) -> list[str]:
    """Return what a user should know of the data: what was drawn, lost, repeated or replaced."""
    info = data.info()
    notes = list(splits.notes)
    if info.truncated_rows:
        total = info.train_rows + info.val_rows + info.test_rows
        notes.append(
            f"{info.truncated_rows} of {total} texts are longer than {info.max_length} tokens and lose their end; "
            "dataset.max_length=<n> keeps more"
        )
    if info.duplicate_rows:
        notes.append(f"{info.duplicate_rows} training texts stand in train more than once")
    if tokenizer.substituted:
        notes.append(f"the model's own tokenizer is not on this machine; {tokenizer.name} stands in for it")
    return notes


def show_start(
    splits: Splits,
    data: TextDataModule,
    tokenizer: LoadedTokenizer,
    what: str,
    folder: Path,
    more: Sequence[str] = (),
) -> list[str]:
    """Print one line on the run and one on its data, then the notes, those of ``more`` first; return the notes."""
    info = data.info()
    console = Console(soft_wrap=True, highlight=False)
    rows = f"{info.train_rows} train, {info.val_rows} val, {info.test_rows} test"
    console.print(f"{what}; {info.name}: {rows}; labels: {', '.join(info.labels)}", markup=False)
    console.print(f"writes to {folder}", markup=False)
    notes = [*more, *data_notes(splits, data, tokenizer)]
    for note in notes:
        console.print(f"note: {note}", markup=False)
        log.info(note)
    return notes


def show_run(
    result: RunResult,
    folder: Path,
    texts: Sequence[str],
    before: Sequence[Prediction],
    after: Sequence[Prediction],
    notes: Sequence[str],
) -> None:
    """Print the table at the end."""
    samples = [
        Sample(text, (old.label, old.probability), (new.label, new.probability))
        for text, old, new in zip(texts, before, after, strict=True)
    ]
    show(run_table(result, folder, samples=samples, notes=notes))
