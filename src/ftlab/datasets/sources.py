"""Reads a data set: finds its rows, checks them, numbers their labels, splits and limits them.

No torch, no transformers: every fault of the data is found before a tokenizer or a weight is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.datasets.delimited import MAX_CHARACTERS
from ftlab.datasets.faults import Faults
from ftlab.datasets.labels import check_names, name_labels, number_labels, read_labels
from ftlab.datasets.leaks import count_duplicates, find_leaks
from ftlab.datasets.options import check_options
from ftlab.datasets.parts import Part, read_parts
from ftlab.datasets.splits import Rows, Splits, digest_rows
from ftlab.datasets.strata import limit_per_label, limit_rows, split_off
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig


def read_splits(cfg: DatasetConfig) -> Splits:
    """Read, check, split and limit the rows that ``cfg`` names.

    In this order: rows are read and checked; what is not given is split off train; ``sample_per_class`` and ``limit``
    draw; leaks are counted and, with ``on_leak=drop``, leave train.

    Raises:
        ConfigError: options that fit no data set.
        DataError: whatever is wrong with the rows, one sentence per fault, ten at most.
    """
    check_options(cfg)
    parts = read_parts(cfg)
    rows, labels = _number(cfg, parts)
    notes = [note for part in parts.values() for note in part.columns.notes]
    del parts  # the label column as read is as long as the data set
    made = _make_splits(cfg, rows, len(labels))
    rows = _limit(cfg, rows, made, labels, notes)
    duplicates = count_duplicates(rows["train"])
    leaked = _answer_leaks(cfg, rows, notes)
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


def _number(cfg: DatasetConfig, parts: dict[str, Part]) -> tuple[dict[str, Rows], list[str]]:
    """Check every row and give each label its number; all faults of all splits together."""
    given = cfg.labels if cfg.labels is not None else parts["train"].columns.label_names
    if cfg.labels is not None:
        check_names(cfg.labels)
    faults = Faults()
    texts = {}
    for split, part in parts.items():
        if not part.ids:
            faults.add(f"{part.where} has no rows for {split}; give another file with dataset.{split}=<file>")
        _check_texts(part, "text_column", cfg.text_column, faults)
        if cfg.text_pair_column is not None:
            _check_texts(part, "text_pair_column", cfg.text_pair_column, faults)
        texts[split] = read_labels(part.where, part.columns, given, faults)
    faults.raise_any()
    labels = name_labels(texts["train"], given)
    numbers = {
        split: number_labels(part.where, part.columns, texts[split], labels, given is not None, faults)
        for split, part in parts.items()
    }
    faults.raise_any()
    only = set(texts["train"])
    if len(only) < 2:
        raise DataError(
            f"{parts['train'].where} has the label {only.pop()!r} in every row, and a classifier needs two labels at "
            f"least; choose another column with dataset.label_column=<column> (now {cfg.label_column}) or add rows"
        )
    rows = {
        split: Rows(
            part.columns.values["text_column"], part.columns.values.get("text_pair_column"), numbers[split], part.ids
        )
        for split, part in parts.items()
    }
    return rows, labels


def _check_texts(part: Part, role: str, column: str, faults: Faults) -> None:
    for row, text in zip(part.columns.rows, part.columns.values[role], strict=True):
        if isinstance(text, str) and text and not text.isspace():
            if text.isascii() and len(text) <= MAX_CHARACTERS and "\0" not in text:
                continue  # nearly every row
            why = _odd_text(text)
            if why is None:
                continue
        elif text is None or isinstance(text, str):
            why = "is empty; fill it in or delete the row"
        else:
            why = f"holds a {type(text).__name__}, not text; choose another column with dataset.{role}=<column>"
        faults.add(f"{part.where} row {row}: column {column!r} {why}")


def _odd_text(text: str) -> str | None:
    """Return what makes ``text`` unfit for a tokenizer, None where nothing does."""
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text):,} characters, more than {MAX_CHARACTERS:,}; cut the text or delete the row"
    if "\0" in text:
        return "holds a NUL character; take it out or delete the row"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is no character; take it out or delete the row"
    return None


def _make_splits(cfg: DatasetConfig, rows: dict[str, Rows], num_labels: int) -> frozenset[str]:
    """Split what is not given off train, in place; return the names of the splits made."""
    whole = rows["train"].counts(num_labels)
    made = [split for split in ("test", "val") if split not in rows]
    for split in made:
        fraction = getattr(cfg, f"{split}_fraction")
        rows[split], rows["train"] = split_off(rows["train"], fraction, whole, cfg.split_seed)
        if not len(rows[split]):
            raise DataError(
                f"dataset.train has {sum(whole)} rows in {sum(1 for n in whole if n)} labels, too few to split {split} "
                f"rows off and keep one of each label; give dataset.{split}=<file>, or more rows"
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


def _answer_leaks(cfg: DatasetConfig, rows: dict[str, Rows], notes: list[str]) -> int:
    """Count the test rows that stand in train, and do with them what ``on_leak`` says."""
    leaked, holds = find_leaks(rows["train"], rows["test"])
    if not leaked:
        return 0
    found = f"{leaked} of {len(rows['test'])} test texts stand in train"
    if cfg.on_leak == "fail":
        raise DataError(
            f"{found} (first: {rows['train'].ids[int(holds.argmax())]}), and dataset.on_leak=fail; "
            "type dataset.on_leak=drop to take them out of train, or dataset.on_leak=warn to go on"
        )
    if cfg.on_leak == "drop":
        rows["train"] = rows["train"].where(~holds)
        notes.append(f"{found}; dataset.on_leak=drop took {holds.sum()} rows out of train")
    else:
        notes.append(f"{found}, so test scores flatter; take them out of train with dataset.on_leak=drop")
    return leaked


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
