"""Makes each row of a file an example, whatever its format; what is wrong with a row becomes a sentence."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from ftlab.datasets.checks import odd_text
from ftlab.datasets.columns import Columns
from ftlab.datasets.compact import Texts
from ftlab.datasets.examples import Example, Kind, encode
from ftlab.datasets.faults import Faults
from ftlab.datasets.formats import file_ending
from ftlab.datasets.lm_formats import needed_columns, other_format
from ftlab.datasets.lm_turns import TurnsError, read_turns
from ftlab.datasets.peek import record_columns
from ftlab.prompts.turns import Turn
from ftlab.schema import DatasetConfig

KINDS: dict[str, Kind] = {
    "messages": "chat",
    "conversations": "chat",
    "alpaca": "chat",
    "prompt_completion": "pair",
    "text": "text",
}


class RowError(Exception):
    """What is wrong with a row, and the remedy."""


@dataclass(slots=True)
class Read:
    """Examples as they are read, encoded."""

    texts: Texts = field(default_factory=Texts)
    rows: array[int] = field(default_factory=lambda: array("I"))  # row of each in its file
    groups: array[int] | None = None  # hash of the group of each, where there are groups
    blank: int = 0  # rows of plain text without a text, left out


def read_examples(
    form: str, cfg: DatasetConfig, where: str, columns: Columns, wanted: Mapping[str, str], faults: Faults
) -> Read:
    """Return the examples of a file or hub split.

    Args:
        form: its format.
        cfg: the data set.
        where: the file, for sentences.
        columns: as read.
        wanted: role to column name, as they were read.
        faults: collects a sentence for each row that no example can be made of.
    """
    make = _MAKERS[form]
    read = Read(groups=array("q") if "group_column" in wanted else None)
    cells = {role: _cells(columns, role) for role in wanted}
    for position, values in enumerate(zip(*cells.values(), strict=False)):
        row = dict(zip(cells, values, strict=True))
        try:
            example = make(row, wanted)
        except RowError as error:
            place = columns.place(position, where)
            faults.add(_mixed(form, cfg, columns, position, row) or f"{place}{error}")
            continue
        if example is None and not cfg.join_rows:
            read.blank += 1
            continue
        read.texts.append("" if example is None else encode(example))
        read.rows.append(columns.rows[position])
        if read.groups is not None:
            group = row["group_column"]  # a row without one stands alone
            read.groups.append(hash(group) if group else hash((where, position)))
    return read


def _cells(columns: Columns, role: str) -> Iterator[Any]:
    """Yield the values of a column as the file has them, None where it has none."""
    held = columns.values.get(role)
    if held is None:
        return repeat(None)
    if not isinstance(held, Texts):
        return iter(held)
    return (text or held.odd.get(i, "") for i, text in enumerate(held))


def _mixed(form: str, cfg: DatasetConfig, columns: Columns, position: int, row: Mapping[str, Any]) -> str | None:
    """Return the sentence for a record in another format than the file; None where that is not what is wrong."""
    if not columns.files or any(row.get(role) is not None for role in needed_columns(form, cfg)):
        return None
    path, number = Path(columns.place(position, "").rpartition(" row ")[0]), columns.rows[position]
    if file_ending(path.name) not in (".json", ".jsonl", ".ndjson"):
        return None
    other = other_format(record_columns(path, number), form, cfg)
    if other is None:
        return None
    return (
        f"{path} row {number} is in the format {other}, and its file in {form}; a data set has one format, so put such "
        "rows into a file of their own, or rewrite them"
    )


def _text(row: Mapping[str, Any], role: str, wanted: Mapping[str, str], optional: bool = False) -> str:
    """Return the text of a column.

    Raises:
        RowError: it is empty and need not be, or no text that a tokenizer could read.
    """
    value = row.get(role)
    column = f": column {wanted.get(role, role)!r}"
    if value is None or value == "" or (isinstance(value, str) and value.isspace()):
        if optional:
            return ""
        raise RowError(f"{column} is empty; fill it in or delete the row")
    if not isinstance(value, str):
        option = f"choose another with dataset.{role}=<column>" if role.endswith("_column") else "write text"
        raise RowError(f"{column} holds a {type(value).__name__}, not text; {option}")
    if (why := odd_text(value)) is not None:
        raise RowError(f"{column} {why}")
    return value


def _conversation(row: Mapping[str, Any], wanted: Mapping[str, str]) -> Example:
    try:
        return Example(read_turns(row["messages_column"]))
    except TurnsError as error:
        said = str(error)
        whole = f": column {wanted['messages_column']!r}" if said.startswith(("is ", "holds ")) else ""
        raise RowError(f"{whole or (':' if said.startswith('turn ') else '')} {said}") from None


def _instruction(row: Mapping[str, Any], wanted: Mapping[str, str]) -> Example:
    """Make turns of an alpaca row: system, history, instruction with its input below, output."""
    more = _text(row, "input", wanted, optional=True)
    task = _text(row, "instruction", wanted, optional=bool(more))
    turns = [Turn("user", "\n\n".join(part for part in (task, more) if part))]
    turns.append(Turn("assistant", _text(row, "output", wanted)))
    if history := row.get("history"):
        turns[:0] = _history(history)
    if system := _text(row, "system", wanted, optional=True):
        turns.insert(0, Turn("system", system))
    return Example(tuple(turns))


def _history(value: Any) -> list[Turn]:  # noqa: ANN401 - whatever stands in the column
    shape = ': column \'history\' is no list of pairs; write [["question", "answer"], ...]'
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise RowError(shape) from None
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise RowError(shape)
    turns = []
    for pair in value:
        for role, said in zip(("user", "assistant"), pair, strict=True):
            turns.append(Turn(role, _text({"history": said}, "history", {})))  # type: ignore[arg-type]
    return turns


def _pair(row: Mapping[str, Any], wanted: Mapping[str, str]) -> Example:
    for role in ("prompt_column", "completion_column"):
        if isinstance(row[role], (list, dict)):
            raise RowError(
                f": column {wanted[role]!r} holds a {type(row[role]).__name__}, not text; write conversations into one "
                "column, {messages: [{role, content}, ...]}"
            )
    return Example(prompt=_text(row, "prompt_column", wanted), completion=_text(row, "completion_column", wanted))


def _plain(row: Mapping[str, Any], wanted: Mapping[str, str]) -> Example | None:
    """Return the document; None where there is no text, as between the paragraphs of a data set of lines."""
    value = row["text_column"]
    if isinstance(value, str) and (not value or value.isspace()):
        return None
    return Example(text=_text(row, "text_column", wanted))


_MAKERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Example | None]] = {
    "messages": _conversation,
    "conversations": _conversation,
    "alpaca": _instruction,
    "prompt_completion": _pair,
    "text": _plain,
}
