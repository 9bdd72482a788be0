"""Reads jsonl and json files, record by record, so that memory grows with the wanted columns only.

A json file may be an array of objects, one object per line (as jsonl), one object with such an array in it
(``{"data": [...]}``), or an object of columns (``{"text": [...], "label": [...]}``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ftlab.datasets.columns import NESTED, Collector, Columns, check_columns, collect
from ftlab.datasets.text_files import MAX_LINE, lines, open_text
from ftlab.errors import DataError

_CHUNK = 2**16  # characters read at a time
_LITERAL = 32  # characters of the longest thing that reads as wrong when it is cut: a literal, an escape, a number
_SHAPES = 'write [{"text": ..., "label": ...}, ...], or one object per line'


def read_jsonl(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read one JSON object per line; blank lines are skipped, and a row's number is its line.

    Raises:
        DataError: missing column, a line that is no JSON object, or bytes that are not UTF-8.
    """
    collector = Collector(wanted)
    with open_text(path) as file:
        for number, line in enumerate(lines(path, file), start=1):
            if not line.strip():
                continue
            record = parse_line(path, number, line)
            if not len(collector):
                check_columns(str(path), wanted, list(record))
            collector.add(map(record.get, wanted.values()), number)
    if not len(collector):
        raise DataError(f"{path} is empty; give a file with one JSON object per line")
    return collector.columns(str(path))


def parse_line(path: Path, number: int, line: str) -> dict[str, Any]:
    """Return the object on a line of a jsonl file.

    Raises:
        DataError: the line is no JSON, or no object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        why = f"{error.msg}, character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise DataError(f"{path} line {number} is no JSON ({why}); write one object per line") from None
    if not isinstance(record, dict):
        raise DataError(f'{path} line {number} is no JSON object; write one per line: {{"text": ..., "label": ...}}')
    return record


def read_json(path: Path, wanted: Mapping[str, str]) -> Columns:
    """Read a json file of one of the four shapes.

    Raises:
        DataError: missing column, broken JSON, another shape, or bytes that are not UTF-8.
    """
    with open_text(path) as file:
        stream = JsonStream(path, file)
        first = stream.peek()
        if first == "":
            raise DataError(f"{path} is empty; {_SHAPES}")
        if first == "[":
            return _records(path, stream.array(), wanted)
        if first != "{":
            raise DataError(f"{path} holds no objects; {_SHAPES}")
        return _read_object(path, stream, wanted)


def _records(path: Path, records: Iterator[Any], wanted: Mapping[str, str], first: Any = None) -> Columns:  # noqa: ANN401
    collector = Collector(wanted)
    if first is not None:
        check_columns(str(path), wanted, list(first))
        collector.add(map(first.get, wanted.values()))
    for number, record in enumerate(records, start=len(collector) + 1):
        if not isinstance(record, dict):
            raise DataError(f"{path} row {number} is no JSON object; {_SHAPES}")
        if number == 1:
            check_columns(str(path), wanted, list(record))
        collector.add(map(record.get, wanted.values()))
    return collector.columns(str(path))


def _read_object(path: Path, stream: JsonStream, wanted: Mapping[str, str]) -> Columns:
    """Read a file that begins with an object: the first of many, one of columns, or one around an array of objects."""
    roles = {name: role for role, name in wanted.items()}
    columns: dict[str, Any] = {}
    members: dict[str, Any] = {}
    read: Columns | None = None
    for name in stream.members():
        if stream.peek() != "[":
            members[name] = stream.value()
            continue
        stream.next("[")
        if stream.peek() == "{" and name not in wanted.values() and read is None:
            read = _records(path, stream.elements(), wanted)
        elif name in wanted.values():
            nested = roles[name] in NESTED  # may be one value, and not a column of values
            columns[name] = list(stream.elements()) if nested else collect(roles[name], stream.elements())
        else:
            for _ in stream.elements():  # read over, not kept
                continue
            columns[name] = []
    if read is not None and not any(name in columns or name in members for name in wanted.values()):
        return read
    if members and all(isinstance(value, dict) for value in members.values()) and not columns:
        raise DataError(f"{path} is an object of objects; write the table again, in pandas with orient='records'")
    alone = any(columns.get(name) and isinstance(columns[name][0], dict) for name in wanted.values())
    if alone or stream.peek() == "{" or any(name in members for name in wanted.values()):
        return _records(path, stream.rest(), wanted, columns | members)
    check_columns(str(path), wanted, list(columns))
    return _from_lists(path, columns, wanted)


def _from_lists(path: Path, columns: dict[str, Any], wanted: Mapping[str, str]) -> Columns:
    lengths = {name: len(columns[name]) for name in wanted.values() if name in columns}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(f"{path} has columns of different lengths ({told}); give each row a value in each column")
    values = {
        role: collect(role, columns[name]) if role in NESTED else columns[name]
        for role, name in wanted.items()
        if name in columns
    }
    return Columns(values, range(1, max(lengths.values()) + 1), files=[(str(path), 0)])


class JsonStream:
    """JSON values one after another from a file of any size; at most ``MAX_LINE`` characters per value."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path, self._file = path, file
        self._text, self._at, self._line = "", 0, 1  # _line: of the first character of _text
        self._ended = False
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next character that is no white space, without passing it; '' at the end of the file."""
        while True:
            while self._at < len(self._text):
                if not self._text[self._at].isspace():
                    return self._text[self._at]
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def next(self, *expected: str) -> str:
        """Pass the next character, which is one of ``expected``."""
        found = self.peek()
        if found not in expected:
            raise self._broken(f"{found or 'the end of the file'} stands where {' or '.join(expected)} should")
        self._at += 1
        return found

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the next value."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                # A number at the end of what was read may go on.
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
                why, place = "", self._at
            except (ValueError, RecursionError) as error:
                why, place = str(getattr(error, "msg", error)), getattr(error, "pos", self._at)
                # The end of what was read explains an open string, and whatever is wrong right there.
                if not why.startswith("Unterminated") and place + _LITERAL < len(self._text):
                    raise self._broken(why, place) from None
            if len(self._text) - self._at > MAX_LINE:
                raise self._broken(f"a value of more than {MAX_LINE:,} characters; a quote or bracket was left open")
            place -= self._at  # which is 0 once more is read
            if not self._more(size) and why:
                raise self._broken(why, place)
            size *= 2  # so that a long value is not parsed anew for each chunk

    def members(self) -> Iterator[str]:
        """Yield the names of an object; whoever takes one reads its value before the next."""
        self.next("{")
        while self.peek() != "}":
            if self.peek() != '"':
                raise self._broken("a name in double quotes is missing")
            name = self.value()
            self.next(":")
            yield name
            if self.next(",", "}") == "}":
                return
        self.next("}")

    def array(self) -> Iterator[Any]:
        """Yield the elements of an array that is all there is in the file."""
        self.next("[")
        yield from self.elements()
        if self.peek():
            raise self._broken("something stands behind the end of the array")

    def elements(self) -> Iterator[Any]:
        """Yield the elements of an array whose bracket was passed."""
        if self.peek() == "]":
            self.next("]")
            return
        while True:
            yield self.value()
            if self.next(",", "]") == "]":
                return

    def rest(self) -> Iterator[Any]:
        """Yield the values up to the end of the file."""
        while self.peek():
            yield self.value()

    def _more(self, size: int) -> bool:
        self._line += self._text.count("\n", 0, self._at)
        read = self._file.read(size)
        self._text, self._at = self._text[self._at :] + read, 0
        self._ended = len(read) < size
        return bool(read)

    def _broken(self, why: str, position: int | None = None) -> DataError:
        line = self._line + self._text.count("\n", 0, self._at if position is None else position)
        return DataError(f"{self._path} line {line} is no JSON ({why}); {_SHAPES}")
