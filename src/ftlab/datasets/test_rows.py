"""The rows that a trained model is scored on: the test split alone, its labels matched to the model's by name."""

from __future__ import annotations

import dataclasses
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from ftlab.datasets.checks import check_texts
from ftlab.datasets.faults import Faults
from ftlab.datasets.labels import check_names, number_labels, read_labels
from ftlab.datasets.options import check_options
from ftlab.datasets.parts import Part, read_parts
from ftlab.datasets.sources import read_splits
from ftlab.datasets.splits import Rows, digest_rows
from ftlab.datasets.strata import limit_per_label, limit_rows
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

_MOST_NAMED = 20  # labels listed in a sentence
_INTEGER = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Rows to score, and what is known of them."""

    name: str
    test: Rows  # labels are the model's numbers
    labels: list[str]  # the model's, in the order of its numbers
    digest: str  # sha256 over the rows: equal to the ``test_digest`` of a training run on the same test split
    leaked_rows: int | None = None  # None: train was not read
    notes: list[str] = field(default_factory=list)  # sentences for the user

    def rows(self, split: str) -> Rows:
        """Return the rows; ``split`` can only be test."""
        assert split == "test", "there are no other rows"
        return self.test

    def texts(self, split: str) -> Sequence[str] | Sequence[tuple[str, str]]:
        """Return the texts, or pairs of texts, in the order of ``rows``."""
        rows = self.rows(split)
        return rows.texts if rows.pairs is None else list(zip(rows.texts, rows.pairs, strict=True))


def read_test(cfg: DatasetConfig, labels: Sequence[str]) -> ScoredRows:
    """Read and check the test rows that ``cfg`` names; train and val are read only where test is split off train.

    ``sample_per_class`` and ``limit.test`` draw as in training, so that a run's own data set gives the rows on which
    the run was tested. Labels are matched by name. Integers mean the names of ``cfg.labels``, or of the source itself
    (a hub data set's ClassLabel); where neither is known, the model's numbers.

    Args:
        cfg: the data set.
        labels: the model's label names, in the order of its numbers.

    Raises:
        ConfigError: options that fit no data set.
        DataError: whatever is wrong with the rows, or a label that the model does not know.
    """
    check_options(cfg)
    if cfg.bundled is None and cfg.test is None:
        return _split_off(cfg, labels)
    part = _read_part(cfg)
    rows = _limit(cfg, _number(cfg, part, labels), len(labels))
    return _scored(cfg, rows, labels, list(part.columns.notes))


def _split_off(cfg: DatasetConfig, labels: Sequence[str]) -> ScoredRows:
    """Split test off train as training does."""
    splits = read_splits(dataclasses.replace(cfg, on_leak="warn"))
    names = [splits.labels[number] for number in splits.test.labels]
    if unknown := [name for name in splits.labels if name not in labels and name in names]:
        raise DataError(_unknown(f"dataset.train={cfg.train}", unknown, splits.labels, labels, renamed=False))
    numbers = {name: number for number, name in enumerate(labels)}
    rows = dataclasses.replace(splits.test, labels=array("i", (numbers[name] for name in names)))
    return dataclasses.replace(_scored(cfg, rows, labels, []), leaked_rows=splits.leaked_rows)


def _scored(cfg: DatasetConfig, rows: Rows, labels: Sequence[str], notes: list[str]) -> ScoredRows:
    missing = [name for name, count in zip(labels, rows.counts(len(labels)), strict=True) if not count]
    if missing:
        notes.append(f"no test row has the label {', '.join(missing)}, so the metrics say nothing of it")
    return ScoredRows(cfg.name, rows, list(labels), digest_rows(labels, rows), notes=notes)


def _read_part(cfg: DatasetConfig) -> Part:
    if cfg.bundled is not None:
        return read_parts(dataclasses.replace(cfg, group_column=None))["test"]
    # Groups say which rows may not be split, and nothing is split here.
    return read_parts(dataclasses.replace(cfg, group_column=None), ("test",))["test"]


def _number(cfg: DatasetConfig, part: Part, labels: Sequence[str]) -> Rows:
    """Check every row and give each label the model's number; all faults together."""
    faults = Faults()
    if not part.ids:
        faults.add(f"{part.where} has no rows; give another file with dataset.test=<file>")
    check_texts(part, "text_column", cfg.text_column, faults)
    if cfg.text_pair_column is not None:
        check_texts(part, "text_pair_column", cfg.text_pair_column, faults)
    known = cfg.labels if cfg.labels is not None else part.columns.label_names
    if cfg.labels is not None:
        check_names(cfg.labels)
    texts = read_labels(part.where, part.columns, known or labels, faults, cfg.label_column)
    faults.raise_any()
    if known is None:
        numbers = _by_model(part, texts, labels, faults)
    else:
        found = number_labels(part.where, part.columns, texts, known, True, faults)
        faults.raise_any()
        numbers = _by_name(part, texts, [known[number] for number in found], known, labels)
    faults.raise_any()
    values = part.columns.values
    return Rows(values["text_column"], values.get("text_pair_column"), numbers, part.ids)


def _by_model(part: Part, texts: list[str], labels: Sequence[str], faults: Faults) -> Sequence[int]:
    """Number labels whose names nobody gave: they are the model's names, or its numbers."""
    tried = Faults()
    numbers = number_labels(part.where, part.columns, texts, labels, True, tried)
    if tried:
        unknown = sorted({text for text in texts if text not in labels})
        faults.add(_unknown(part.where, unknown, sorted(set(texts)), labels, renamed=_all_integers(texts)))
    return numbers


def _by_name(
    part: Part, texts: list[str], names: list[str], known: Sequence[str], labels: Sequence[str]
) -> Sequence[int]:
    if unknown := [name for name in known if name not in labels and name in names]:
        renamed = _all_integers(texts) or part.columns.label_names is not None
        raise DataError(_unknown(part.where, unknown, known, labels, renamed=renamed))
    numbers = {name: number for number, name in enumerate(labels)}
    return array("i", (numbers[name] for name in names))


def _all_integers(texts: Sequence[str]) -> bool:
    return all(_INTEGER.fullmatch(text) for text in texts)


def _unknown(where: str, unknown: Sequence[str], known: Sequence[str], labels: Sequence[str], *, renamed: bool) -> str:
    """Return the sentence for labels of the data that the model does not have.

    Args:
        where: the file or hub split.
        unknown: labels of the data.
        known: all labels of the data, in the order of their numbers where they have any.
        labels: the model's.
        renamed: whether the data holds numbers, so that ``dataset.labels`` gives them other names.
    """
    said = (
        f"{where} has the label {_listed(unknown)}, which the model does not know; "
        f"labels of the data: {_listed(known)}; of the model: {_listed(labels)}"
    )
    if not renamed:
        return (
            f"{said}; write the model's names into the label column, or choose another: dataset.label_column=<column>"
        )
    free = iter([name for name in labels if name not in known])
    new = [name if name in labels else next(free, "<name>") for name in known]
    return f"{said}; say which is which, in the order of the data's numbers: 'dataset.labels=[{','.join(new)}]'"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def _limit(cfg: DatasetConfig, rows: Rows, num_labels: int) -> Rows:
    if cfg.sample_per_class is not None:
        rows = limit_per_label(rows, cfg.sample_per_class, num_labels, cfg.split_seed)
    if cfg.limit.test is not None:
        rows = limit_rows(rows, cfg.limit.test, num_labels, cfg.split_seed)
    return rows
