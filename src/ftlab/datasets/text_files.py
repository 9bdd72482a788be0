"""Opens text files, packed with gzip or not, so that nothing in them can take more memory than it should."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO

from ftlab.errors import DataError

MAX_CHARACTERS = 1_000_000  # per text; beyond it a quote was left open, or the text is a book
MAX_LINE = 8 * MAX_CHARACTERS  # per line: a text with every character escaped, and the other columns
MAX_RATIO = 200  # unpacked to packed; text packs 3 to 20 times smaller, a file made to fill the memory 1000 times
_FREE = 2**26  # bytes that may be unpacked whatever the ratio
_MAGIC = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive or a spreadsheet", b"PAR1": "parquet"}


def is_packed(path: Path) -> bool:
    """Say whether the name says that the file is packed with gzip."""
    return path.suffix.lower() == ".gz"


@contextmanager
def open_text(path: Path, newline: str | None = None) -> Iterator[IO[str]]:
    """Open a UTF-8 file, byte order mark or not; bytes that are no UTF-8 become one sentence with their line.

    Raises:
        DataError: it cannot be read, is not UTF-8, is a damaged gzip file, or unpacks to far more than text does.
    """
    try:
        with _open_bytes(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline) as text:
            yield text
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is cut short or damaged ({error}); copy it again, or unpack and pack it") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}); check its permissions") from None


def lines(path: Path, file: IO[str]) -> Iterator[str]:
    """Yield the lines of ``file``.

    Raises:
        DataError: one has more than ``MAX_LINE`` characters; no more than these were read.
    """
    for number, line in enumerate(iter(partial(file.readline, MAX_LINE), ""), start=1):
        if len(line) >= MAX_LINE and line[-1] not in "\r\n":
            raise DataError(f"{path} line {number} has more than {MAX_LINE:,} characters; break it up or delete it")
        yield line


class _Unpacked(io.RawIOBase):
    """A gzip file that stops where it has unpacked to more than text can."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = gzip.open(path)
        self._most = max(_FREE, path.stat().st_size * MAX_RATIO)
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = self._file.readinto(buffer)
        self._read += count
        if self._read > self._most:
            raise DataError(
                f"{self._path} unpacks to more than {MAX_RATIO} times its size, which text does not; unpack it and "
                "look what it holds"
            )
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _open_bytes(path: Path) -> IO[bytes]:
    return io.BufferedReader(_Unpacked(path), 2**17) if is_packed(path) else path.open("rb")


def _not_utf8(path: Path) -> DataError:
    """Return the error for a file that is not UTF-8, with the first bad line."""
    decoder, number = codecs.getincrementaldecoder("utf-8")(), 1
    with _open_bytes(path) as file:
        for piece in chain(iter(partial(file.readline, MAX_LINE), b""), [b""]):  # the last: nothing may be left over
            for start, kind in _MAGIC.items() if number == 1 else ():
                if piece.startswith(start):
                    remedy = f"name it {path.name}.gz" if kind == "gzip" else "name it as what it is, or export it"
                    return DataError(f"{path} is {kind}, not text; {remedy}")
            try:
                decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                known = "utf-16" if number == 1 and piece[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
                name = path.name.removesuffix(path.suffix) if is_packed(path) else path.name
                return DataError(
                    f"{path} line {number} is not UTF-8 (byte 0x{error.object[error.start]:02x}); save the file as "
                    f"UTF-8, e.g. iconv -f {known} -t utf-8 {name} > utf8{Path(name).suffix}"
                )
            number += piece.endswith(b"\n")
    raise AssertionError(f"{path} is UTF-8 after all")
