"""Lines of UTF-8 text out of files, packed files and pipes, each with its number; one at a time in memory."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ftlab.errors import DataError
from ftlab.streams.names import STDIN

LONGEST = 16_000_000  # bytes of a line; beyond it the file is of another kind
_LONE_RETURN = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what the system says of a file that is read into one sentence. Wrap reads only: outputs fail otherwise.

    Raises:
        DataError: it cannot be opened, read or unpacked.
    """
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} cannot be unpacked ({error}); pack it again") from None
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror or error}); check its permissions") from None


def open_bytes(name: str) -> IO[bytes]:
    """Open a file, a packed file, or what is piped in.

    Raises:
        DataError: it cannot be opened.
    """
    if name == STDIN:
        return sys.stdin.buffer
    path = Path(name).expanduser()
    with reading(name):
        return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def numbered_lines(file: IO[bytes], name: str) -> Iterator[tuple[int, str]]:
    """Yield the number of each line, from 1, and its text with its end; any of the three line ends will do.

    Raises:
        DataError: a line cannot be read, is not UTF-8, or longer than ``LONGEST``.
    """
    number = 0
    while True:
        with reading(name):
            raw = file.readline(LONGEST + 1)
        if not raw:
            return
        if len(raw) > LONGEST:
            raise DataError(f"{name} line {number + 1} has more than {LONGEST:,} bytes; break the text into lines")
        try:
            text = raw.decode("utf-8-sig" if number == 0 else "utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(name, number + 1, raw, error) from None
        for line in _LONE_RETURN.findall(text) if b"\r" in raw[:-2] else [text]:
            number += 1
            yield number, line


def _not_utf8(name: str, number: int, raw: bytes, error: UnicodeDecodeError) -> DataError:
    known = "utf-16" if number == 1 and raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
    return DataError(
        f"{name} line {number} is not UTF-8 (byte 0x{raw[error.start]:02x}); save it as UTF-8, "
        f"e.g. iconv -f {known} -t utf-8 <old> > <new>"
    )
