"""What the terminal says: the data before training, the worth of the run after it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.report.terminal import Sample, run_table, show
from ftlab.results import RunResult
from ftlab.verbs.finish import Outcome
from ftlab.verbs.material import Material
from ftlab.verbs.tested import Answer

log = logging.getLogger(__name__)
_SHOWN = 3  # test prompts in the terminal


def data_notes(material: Material) -> list[str]:
    """Return what a user should know of the data: what was drawn, lost, repeated or replaced."""
    data, info = material.data, material.data.info()
    notes = list(material.splits.notes)
    if isinstance(data, LmDataModule):
        notes += _cut_notes(data)
    elif info.truncated_rows:
        total = info.train_rows + info.val_rows + info.test_rows
        notes.append(
            f"{info.truncated_rows} of {total} texts are longer than {info.max_length} tokens and lose their end; "
            "dataset.max_length=<n> keeps more"
        )
    if info.duplicate_rows:
        notes.append(f"{info.duplicate_rows} training texts stand in train more than once")
    if material.tokenizer.note:
        notes.append(material.tokenizer.note)
    if material.tokenizer.substituted:
        notes.append(f"the model's own tokenizer is not on this machine; {material.tokenizer.name} stands in for it")
    return notes


def _cut_notes(data: LmDataModule) -> list[str]:
    length = data.info().max_length
    notes = []
    if data.truncated_rows:
        notes.append(
            f"{data.truncated_rows} texts are longer than {length} tokens and lose the beginning of what stands before "
            "their answer; dataset.max_length=<n> keeps more"
        )
    if data.truncated_answers:
        notes.append(
            f"{data.truncated_answers} answers alone are longer than {length} tokens and lose their end; "
            "dataset.max_length=<n> keeps more"
        )
    return notes


def show_start(material: Material, what: str, folder: Path) -> list[str]:
    """Print one line on the run and one on its data, then the notes, those on the model first; return the notes."""
    data, info = material.data, material.data.info()
    console = Console(soft_wrap=True, highlight=False)
    rows = f"{info.train_rows} train, {info.val_rows} val, {info.test_rows} test"
    if isinstance(data, LmDataModule):
        kind = f"format: {data.splits.format}; {data.supervised_train_tokens:,} of {data.train_tokens:,} tokens learned"
    else:
        kind = f"labels: {', '.join(info.labels)}"
    console.print(f"{what}; {info.name}: {rows}; {kind}", markup=False)
    console.print(f"writes to {folder}", markup=False)
    notes = [*material.remarks, *data_notes(material)]
    for note in notes:
        console.print(f"note: {note}", markup=False)
        log.info(note)
    return notes


def show_run(
    result: RunResult,
    folder: Path,
    texts: Sequence[str],
    outcome: Outcome,
    after: Sequence[Answer],
    notes: Sequence[str],
) -> None:
    """Print the table at the end.

    Args:
        result: of the run.
        folder: of the run.
        texts: of ``dataset.samples``; where there are none, a model that writes shows test prompts and its answers.
        outcome: of the run.
        after: to ``texts``, by the weights that ship.
        notes: for the user.
    """
    samples = [_sample(*row) for row in zip(texts, outcome.untrained.samples, after, strict=True)]
    samples = samples or [_sample(*row) for row in _test_prompts(outcome)]
    show(run_table(result, folder, samples=samples, notes=notes))


def _test_prompts(outcome: Outcome) -> list[tuple[str, Answer, Answer]]:
    data, written = outcome.material.data, outcome.tested.written
    if written is None or not isinstance(data, LmDataModule):
        return []
    prompts = data.shown("test")
    before = outcome.untrained.beside(outcome.tested)
    if not before:
        return []
    answers = list(zip(written.rows.tolist(), before, written.texts, strict=True))
    return [(prompts[row], Answer(old), Answer(new)) for row, old, new in answers[:_SHOWN]]


def _sample(text: str, before: Answer, after: Answer) -> Sample:
    return Sample(text, (before.text, before.probability), (after.text, after.probability))
