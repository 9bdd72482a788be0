"""Reads a data set: finds its rows, checks them, numbers their labels, splits and limits them.

No torch, no transformers: every fault of the data is found before a tokenizer or a weight is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.datasets.checks import check_rows
from ftlab.datasets.leaks import answer_leaks, count_duplicates
from ftlab.datasets.options import check_options
from ftlab.datasets.parts import read_parts
from ftlab.datasets.splits import Rows, Splits, digest_rows
from ftlab.datasets.strata import limit_per_label, limit_rows, split_off
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig


def read_splits(cfg: DatasetConfig) -> Splits:
    """Read, check, split and limit the rows that ``cfg`` names.

    In this order: rows are read and checked; what is not given is split off train; ``sample_per_class`` and ``limit``
    draw; leaks are counted and, with ``on_leak=drop``, leave train (and val).

    Raises:
        ConfigError: options that fit no data set.
        DataError: whatever is wrong with the rows, one sentence per fault, ten at most.
    """
    check_options(cfg)
    parts = read_parts(cfg)
    rows, labels = check_rows(cfg, parts)
    notes = [note for part in parts.values() for note in part.columns.notes]
    del parts  # the label column as read is as long as the data set
    made = _make_splits(cfg, rows, len(labels))
    rows = _limit(cfg, rows, made, labels, notes)
    duplicates = count_duplicates(rows["train"])
    leaked = answer_leaks(cfg, rows, notes)
    _check_train(cfg, rows["train"], labels, notes)
    return Splits(
        name=cfg.name,
        train=rows["train"],
        val=rows["val"],
        test=rows["test"],
        labels=labels,
        digest=digest_rows(labels, rows["train"], rows["val"], rows["test"]),
        test_digest=digest_rows(labels, rows["test"]),
        duplicate_rows=duplicates,
        leaked_rows=leaked,
        notes=notes,
    )


def _make_splits(cfg: DatasetConfig, rows: dict[str, Rows], num_labels: int) -> frozenset[str]:
    """Split what is not given off train, in place; return the names of the splits made."""
    whole = rows["train"].counts(num_labels)
    groups = len(set(rows["train"].groups or ()))
    made = [split for split in ("test", "val") if split not in rows]
    for split in made:
        fraction = getattr(cfg, f"{split}_fraction")
        rows[split], rows["train"] = split_off(rows["train"], fraction, whole, cfg.split_seed)
        if not len(rows[split]):
            grouped = f", {groups} groups by {cfg.group_column}" if cfg.group_column else ""
            raise DataError(
                f"dataset.train has {sum(whole)} rows in {sum(1 for n in whole if n)} labels{grouped}, too few to "
                f"split {split} rows off and keep one of each label; give dataset.{split}=<file>, or more rows"
            )
    return frozenset(made)


def _limit(
    cfg: DatasetConfig, rows: dict[str, Rows], made: frozenset[str], labels: Sequence[str], notes: list[str]
) -> dict[str, Rows]:
    """Apply ``sample_per_class`` to train and test, and ``limit`` to every split.

    A val split made from train shrinks with it, to ``val_fraction`` of the sample; a val split given stays whole.
    """
    limited = dict(rows)
    if (most := cfg.sample_per_class) is not None:
        for split in ("train", "test"):
            limited[split] = limit_per_label(rows[split], most, len(labels), cfg.split_seed)
            few = [f"{labels[i]} {n}" for i, n in enumerate(rows[split].counts(len(labels))) if n < most]
            if few:
                after = f", after splitting off {' and '.join(sorted(made))}," if split == "train" and made else ""
                notes.append(
                    f"{split}{after} has fewer than {most} rows of some labels, all are taken: {', '.join(few)}"
                )
        if "val" in made:
            fewer = max(1, round(most * cfg.val_fraction))
            limited["val"] = limit_per_label(rows["val"], fewer, len(labels), cfg.split_seed)
    for split in limited:
        if (most := getattr(cfg.limit, split)) is not None:
            limited[split] = limit_rows(limited[split], most, len(labels), cfg.split_seed)
    return limited


def _check_train(cfg: DatasetConfig, train: Rows, labels: Sequence[str], notes: list[str]) -> None:
    counts = train.counts(len(labels))
    if sum(1 for count in counts if count) < 2:
        cuts = [f"dataset.limit.train={cfg.limit.train}"] if cfg.limit.train is not None else []
        cuts += ["dataset.on_leak=drop"] if cfg.on_leak == "drop" else []
        raise DataError(
            f"train is left with {len(train)} rows of fewer than two labels after {' and '.join(cuts) or 'splitting'}; "
            "type a larger dataset.limit.train, or dataset.on_leak=warn"
        )
    missing = [name for name, count in zip(labels, counts, strict=True) if not count]
    if missing:
        notes.append(f"train has no row of {', '.join(missing)}, so the model cannot learn to predict it")
