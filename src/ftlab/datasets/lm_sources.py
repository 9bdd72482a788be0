"""Reads a data set that a language model is to learn: finds its examples, checks, splits and limits them.

No torch, no transformers: every fault of the data is found before a tokenizer or a weight is loaded.
"""

from __future__ import annotations

import dataclasses

from ftlab.datasets.compact import Texts
from ftlab.datasets.examples import Examples, Kind, LmSplits, with_system
from ftlab.datasets.faults import Faults
from ftlab.datasets.leaks import count_duplicates
from ftlab.datasets.lm_checks import KINDS
from ftlab.datasets.lm_files import LmParts, read_lm_parts
from ftlab.datasets.lm_formats import detect_format
from ftlab.datasets.lm_splitting import answer_lm_leaks, join_rows, limit_splits, make_splits
from ftlab.datasets.options import check_options
from ftlab.datasets.splits import Rows, digest_rows
from ftlab.errors import ConfigError
from ftlab.schema import DatasetConfig

__all__ = ["detect_format", "read_lm_splits", "read_lm_test"]


def read_lm_splits(cfg: DatasetConfig) -> LmSplits:
    """Read, check, split and limit the examples that ``cfg`` names.

    In this order: rows are read and checked; where val is given and test is not, test is the val rows; what is still
    missing is split off train; ``limit`` draws; leaks are counted and, with ``on_leak=drop``, leave train (and val).

    Raises:
        ConfigError: options that fit no data set, or not this format.
        DataError: whatever is wrong with the rows, one sentence per fault, ten at most.
    """
    _check(cfg)
    parts = read_lm_parts(cfg)
    kind, notes = KINDS[parts.format], parts.notes
    rows = _checked(cfg, parts)
    same = "val" in rows and "test" not in rows
    if same:
        rows["test"] = rows["val"]
        notes.append(
            f"no test file is given, so test is the validation file: {parts.by_split['val'].where}; it also chose the "
            "best epoch, so give dataset.test=<file> for a judgement"
        )
    joined = cfg.join_rows and {split: join_rows(cfg, split, held) for split, held in rows.items()}
    rows = joined or rows
    make_splits(cfg, kind, rows, notes)
    if not joined:
        limit_splits(cfg, rows)
    duplicates = count_duplicates(rows["train"])
    leaked = answer_lm_leaks(cfg, kind, rows, notes, test_is_val=same)
    return LmSplits(
        name=cfg.name,
        format=parts.format,
        train=_asked_as(cfg, kind, rows["train"]),
        val=_asked_as(cfg, kind, rows["val"]),
        test=_asked_as(cfg, kind, rows["test"]),
        digest=digest_rows([kind], rows["train"], rows["val"], rows["test"]),
        test_digest=digest_rows([kind], rows["test"]),
        duplicate_rows=duplicates,
        leaked_rows=leaked,
        notes=notes,
    )


def read_lm_test(cfg: DatasetConfig) -> LmSplits:
    """Read the test examples for a model that is trained; train and val are empty where test is a file.

    ``limit.test`` draws as in training, so that a run's own data set gives the examples on which the run was tested.

    Raises:
        ConfigError: options that fit no data set, or not this format.
        DataError: whatever is wrong with the rows.
    """
    if cfg.bundled is not None or cfg.test is None:
        return read_lm_splits(cfg)
    _check(cfg)
    parts = read_lm_parts(cfg, ("test",))
    kind, rows = KINDS[parts.format], _checked(cfg, parts)
    if cfg.join_rows:
        rows["test"] = join_rows(cfg, "test", rows["test"])
    else:
        limit_splits(cfg, rows)
    test, none = _asked_as(cfg, kind, rows["test"]), Examples((), ())
    digest = digest_rows([kind], rows["test"])
    return LmSplits(cfg.name, parts.format, none, none, test, digest, digest, 0, 0, parts.notes)


def _check(cfg: DatasetConfig) -> None:
    check_options(cfg)
    if cfg.format == "classification":
        raise ConfigError(
            "dataset.format=classification is for labelled texts, and this model writes; type dataset.format=auto"
        )


def _asked_as(cfg: DatasetConfig, kind: Kind, rows: Rows) -> Examples:
    """Return the examples, under the system line that is given where one is.

    Digests are of the rows as they were read: models told in other words are compared on the same test rows.
    """
    if cfg.system is None or kind != "chat":
        return Examples.of_rows(kind, rows)
    told = Texts(with_system(text, cfg.system) for text in rows.texts)
    return Examples.of_rows(kind, dataclasses.replace(rows, texts=told))


def _checked(cfg: DatasetConfig, parts: LmParts) -> dict[str, Rows]:
    """Return the rows of each split, none of them empty, and note the rows of plain text without a text."""
    faults = Faults()
    for split, part in parts.by_split.items():
        if not len(part.rows):
            empty = f" with a text in column {cfg.text_column!r}" if part.blank else ""
            faults.add(f"{part.where} has no rows{empty} for {split}; give another file with dataset.{split}=<file>")
        elif part.blank:
            parts.notes.append(f"{part.where} has {part.blank:,} rows without a text; they are left out")
    faults.raise_any()
    return {split: part.rows for split, part in parts.by_split.items()}
