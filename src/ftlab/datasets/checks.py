"""Checks every row of every split, and gives each label its number; all faults together, ten at most."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ftlab.datasets.compact import Texts
from ftlab.datasets.faults import Faults
from ftlab.datasets.labels import check_gaps, check_names, name_labels, number_labels, read_labels
from ftlab.datasets.parts import Part
from ftlab.datasets.splits import Rows
from ftlab.datasets.text_files import MAX_CHARACTERS
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

_FEW = 10  # rows among which each may well have a label of its own


def check_rows(cfg: DatasetConfig, parts: dict[str, Part]) -> tuple[dict[str, Rows], list[str]]:
    """Return the rows by split, and the names of the labels in the order of their numbers.

    A label that only val or test has is unknown: nothing in train teaches it. So is a named label without a row in
    train, whether in ``dataset.labels`` or with rows in val or test; names that only the source lists may be unused.

    Raises:
        DataError: one sentence per fault, with file, row and column.
    """
    given = cfg.labels if cfg.labels is not None else parts["train"].columns.label_names
    if cfg.labels is not None:
        check_names(cfg.labels)
    faults = Faults()
    texts = {}
    for split, part in parts.items():
        if not part.ids:
            faults.add(f"{part.where} has no rows for {split}; give another file with dataset.{split}=<file>")
        check_texts(part, "text_column", cfg.text_column, faults)
        if cfg.text_pair_column is not None:
            check_texts(part, "text_pair_column", cfg.text_pair_column, faults)
        texts[split] = read_labels(part.where, part.columns, given, faults, cfg.label_column)
        del part.columns.values["label_column"]
    faults.raise_any()
    labels = name_labels(texts["train"], given)
    if given is None:
        _check_distinct(cfg, parts["train"].where, texts["train"], labels)
        check_gaps(parts["train"].where, labels, cfg.label_column, faults)
    numbers = {
        split: number_labels(part.where, part.columns, texts[split], labels, given is not None, faults)
        for split, part in parts.items()
    }
    faults.raise_any()
    _check_distinct(cfg, parts["train"].where, texts["train"], labels)
    _check_taught(cfg, parts, texts, numbers, labels)
    return {split: _rows(part, numbers[split]) for split, part in parts.items()}, labels


def _check_distinct(cfg: DatasetConfig, where: str, train: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a label column with one value, or with another one in each row."""
    distinct = set(train)
    other = f"choose another column with dataset.label_column=<column> (now {cfg.label_column})"
    if len(distinct) < 2:
        raise DataError(
            f"{where} has the label {distinct.pop()!r} in every row, and a classifier needs two labels at least; "
            f"{other} or add rows"
        )
    if len(distinct) == len(train) > _FEW:
        raise DataError(f"{where} has {len(train):,} rows and as many labels, one for each row; {other}")
    if len(train) < len(labels):
        raise DataError(f"{where} has {len(train)} rows for {len(labels)} labels, fewer than one each; add rows")


def _check_taught(
    cfg: DatasetConfig,
    parts: dict[str, Part],
    texts: dict[str, list[str]],
    numbers: dict[str, Sequence[int]],
    labels: Sequence[str],
) -> None:
    """Refuse labels without a row in train that someone wants: the user by name, or rows of val or test."""
    untaught = set(range(len(labels))) - set(numbers["train"])
    faults = Faults()
    for number in sorted(untaught):
        split = next((split for split in ("val", "test") if number in set(numbers.get(split, ()))), None)
        if split is not None:
            place = parts[split].columns.place(list(numbers[split]).index(number), parts[split].where)
            faults.add(
                f"{parts['train'].where} has no row of the label {labels[number]!r}, and {place} has it; add such rows "
                "to train, or take them out there"
            )
        elif cfg.labels is not None:
            written = dict(zip(numbers["train"], texts["train"], strict=True))  # a name, or its number
            listed = ",".join(written[taught] for taught in sorted(written))
            faults.add(
                f"{parts['train'].where} has no row of the label {labels[number]!r} that dataset.labels names; add "
                f"such rows, or type 'dataset.labels=[{listed}]'"
            )
    faults.raise_any()


def _rows(part: Part, numbers: Sequence[int]) -> Rows:
    values = part.columns.values
    groups = None
    if (named := values.get("group_column")) is not None:
        # A row without a group stands alone. Hashes of this process do: they are compared, never kept.
        pairs = zip(named, part.ids, strict=True)
        groups = array("q", (hash(group) if group else hash((part.where, name)) for group, name in pairs))
    return Rows(values["text_column"], values.get("text_pair_column"), numbers, part.ids, groups)


def check_texts(part: Part, role: str, column: str, faults: Faults) -> None:
    """Add the texts of a column that no tokenizer could read to ``faults``."""
    texts = part.columns.values[role]
    odd = texts.odd if isinstance(texts, Texts) else {}
    for position, text in enumerate(texts):
        if isinstance(text, str) and text and not text.isspace():
            if text.isascii() and len(text) <= MAX_CHARACTERS and "\0" not in text:
                continue  # nearly every row
            why = odd_text(text)
            if why is None:
                continue
        else:
            value = odd.get(position, text)
            if value is None or isinstance(value, str):
                why = "is empty; fill it in or delete the row"
            else:
                kind = type(value).__name__
                why = f"holds a {kind}, not text; choose another column with dataset.{role}=<column>"
        faults.add(f"{part.columns.place(position, part.where)}: column {column!r} {why}")


def odd_text(text: str, most: int = MAX_CHARACTERS) -> str | None:
    """Return what makes ``text`` unfit for a tokenizer, None where nothing does."""
    if len(text) > most:
        return f"has {len(text):,} characters, more than {most:,}; cut the text or delete the row"
    if "\0" in text:
        return "holds a NUL character; take it out or delete the row"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is no character; take it out or delete the row"
    return None
