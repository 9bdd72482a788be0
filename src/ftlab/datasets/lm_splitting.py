"""Makes the splits that are not given, draws what ``limit`` asks for, and answers what the splits share."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Sequence

import numpy as np

from ftlab.datasets.compact import Texts
from ftlab.datasets.examples import Kind, asked, unlabelled, without_system
from ftlab.datasets.groups import folded_hashes
from ftlab.datasets.leaks import PAIRS, answer_leaks
from ftlab.datasets.splits import Rows
from ftlab.datasets.strata import limit_rows, split_off
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

_FEW = 10  # documents of plain text; of fewer, each is cut, since whole ones would be no fair share


def make_splits(cfg: DatasetConfig, kind: Kind, rows: dict[str, Rows], notes: list[str]) -> None:
    """Split test and val off train where they are not there, in place.

    Of plain text in a few documents, val and test are the ends of each document; else rows are drawn with
    ``split_seed``, equal ones (and those of one group) together.

    Raises:
        DataError: there are too few rows.
    """
    made = [split for split in ("test", "val") if split not in rows]
    whole = len(rows["train"])
    if made and kind == "text" and whole < _FEW and rows["train"].groups is None:
        _cut(cfg, made, rows, notes)
        return
    for split in made:
        fraction = getattr(cfg, f"{split}_fraction")
        rows[split], rows["train"] = _draw_off(kind, rows["train"], fraction, whole, cfg.split_seed)
        if not len(rows[split]):
            grouped = f" in {len(set(rows['train'].groups))} groups" if rows["train"].groups is not None else ""
            raise DataError(
                f"dataset.train has {whole} row{'s' * (whole != 1)}{grouped}, too few to split {split} rows off; give "
                f"dataset.{split}=<file>, or more rows"
            )


def _draw_off(kind: Kind, rows: Rows, fraction: float, whole: int, seed: int) -> tuple[Rows, Rows]:
    """Split ``fraction`` of ``whole`` rows off; conversations that differ in their system turn only stay together."""
    if rows.groups is not None:
        return split_off(rows, fraction, [whole], seed)
    keys = array("q", folded_hashes(_compared(kind, rows)).tobytes())
    drawn, rest = split_off(dataclasses.replace(rows, groups=keys), fraction, [whole], seed)
    return dataclasses.replace(drawn, groups=None), dataclasses.replace(rest, groups=None)


def _compared(kind: Kind, rows: Rows) -> Rows:
    """Return the rows as they are compared with others: conversations without their system turn."""
    if kind != "chat":
        return rows
    return dataclasses.replace(rows, texts=Texts(without_system(kind, text) for text in rows.texts))


def _cut(cfg: DatasetConfig, made: Sequence[str], rows: dict[str, Rows], notes: list[str]) -> None:
    """Cut each document of train into train, val and test, in this order; together they are the document."""
    shares = {split: getattr(cfg, f"{split}_fraction") if split in made else 0.0 for split in ("val", "test")}
    pieces: dict[str, list[tuple[str, str]]] = {split: [] for split in ("train", "val", "test")}
    for name, text in zip(rows["train"].ids, rows["train"].texts, strict=True):
        second = cut_place(text, round(len(text) * (1 - shares["test"])), 0) if "test" in made else len(text)
        first = cut_place(text, round(len(text) * (1 - sum(shares.values()))), 0, second) if "val" in made else second
        for split, piece in (("train", text[:first]), ("val", text[first:second]), ("test", text[second:])):
            if piece.strip():
                pieces[split].append((name if split == "train" else f"{name}#{split}", piece))
    for split in ("train", *made):
        if not pieces[split]:
            raise DataError(f"dataset.train has too little text to cut {split} off; give dataset.{split}=<file>")
        rows[split] = unlabelled(Texts(text for _, text in pieces[split]), [name for name, _ in pieces[split]])
    count = len(rows["train"])
    ends = " and ".join(f"{split} ({shares[split]:.0%})" for split in reversed(made))
    files = " ".join(f"dataset.{split}=<file>" for split in made)
    notes.append(
        f"train has {count} document{'s' * (count != 1)}, so {ends} {'is' if len(made) == 1 else 'are'} cut from the "
        f"end of {'it' if count == 1 else 'each'}; for others give {files}"
    )
    if any(getattr(cfg.limit, split) is not None for split in pieces) and not cfg.join_rows:
        notes.append("dataset.limit counts documents, not the blocks that a document is cut into")


def cut_place(text: str, wanted: int, low: int, high: int | None = None) -> int:
    """Return where to cut ``text`` near ``wanted``: behind a blank line, else a line, else a word.

    Args:
        text: a document.
        wanted: the place to cut at, in characters.
        low: not before this place.
        high: not behind this place; None: the end.
    """
    high = len(text) if high is None else high
    wanted = min(wanted, high)
    window = max(1, len(text) // 20)  # characters before `wanted` in which a better place may lie
    for sign in ("\n\n", "\n", " "):
        found = text.rfind(sign, max(low, wanted - window), wanted)
        if found > low:
            return min(found + len(sign), high)
    return wanted


def join_rows(cfg: DatasetConfig, split: str, rows: Rows) -> Rows:
    """Return the rows of a split as one document, with a blank line between them; of a limit, the first ones.

    So the guide of transformers on perplexity reads WikiText, whose rows are lines and empty lines.
    """
    most = getattr(cfg.limit, split)
    texts = rows.texts if most is None or most >= len(rows) else rows.texts[:most]
    joined = "\n\n".join(texts)
    return unlabelled(Texts([joined]), [rows.ids[0]]) if joined.strip() else rows.where(np.zeros(len(rows), np.bool_))


def limit_splits(cfg: DatasetConfig, rows: dict[str, Rows]) -> None:
    """Draw at most ``limit`` rows of each split, in place."""
    for split, held in rows.items():
        if (most := getattr(cfg.limit, split)) is not None:
            rows[split] = limit_rows(held, most, 1, cfg.split_seed)


def answer_lm_leaks(
    cfg: DatasetConfig, kind: Kind, rows: dict[str, Rows], notes: list[str], test_is_val: bool = False
) -> int:
    """Find the examples that the splits share, and do with them what ``on_leak`` says, in place.

    Conversations are the same whatever their system turn. Prompts that return with another answer are counted in a
    note; nothing is done about them.

    Returns:
        the number of test rows that stand in train, before any was dropped.

    Raises:
        DataError: ``on_leak=fail`` and something is shared, or nothing is left of a split.
    """
    pairs = [pair for pair in PAIRS if pair[:2] == ("train", "test")] if test_is_val else PAIRS
    # The label of a row compared is its place, so that those that remain can be found again.
    compared = {
        split: dataclasses.replace(_compared(kind, held), labels=array("q", range(len(held))))
        for split, held in rows.items()
    }
    sizes = {split: len(held) for split, held in rows.items()}
    leaked = answer_leaks(cfg, compared, notes, pairs)
    for split, held in compared.items():
        if len(held) < sizes[split]:
            kept = np.zeros(sizes[split], np.bool_)
            kept[np.fromiter(held.labels, np.int64, len(held))] = True
            rows[split] = rows[split].where(kept)
    if not len(rows["train"]):
        raise DataError("dataset.on_leak=drop leaves no row of train; give other files, or type dataset.on_leak=warn")
    if kind != "text" and (told := _shared_prompts(kind, rows)):
        notes.append(told)
    return leaked


def _shared_prompts(kind: Kind, rows: dict[str, Rows]) -> str | None:
    """Return how many prompts of test stand in train with another answer, None where none does."""
    train, test = rows["train"], rows["test"]
    known = {hash(asked(kind, text)) for text in train.texts}
    again = [text for text in test.texts if hash(asked(kind, text)) in known]
    if not again:
        return None
    whole = {hash(without_system(kind, text)) for text in train.texts}
    others = sum(hash(without_system(kind, text)) not in whole for text in again)
    return f"{others} of {len(test)} test prompts stand in train with another answer" if others else None
