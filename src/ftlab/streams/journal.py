"""An output that grows a chunk at a time and survives being killed at any moment.

Rows are appended to ``<output>.partial``. After each chunk is on the disk, ``<output>.partial.json`` says how many rows
and bytes are: what lies behind them was torn by a kill, and is cut off. The output gets its name when it is whole.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ftlab.errors import DataError
from ftlab.streams.chunks import Chunk
from ftlab.streams.names import partial_of, state_of
from ftlab.streams.writers import Writer

_SCHEMA = 1


@dataclass(slots=True)
class Progress:
    """How far an output is.

    Args:
        rows: written.
        bytes: of the partial file that are theirs.
        digest: of those rows as they were read.
        complete: whether they are all.
        columns: of the header, once it is written.
        counts: label -> rows; rows without a text under the empty name.
        batch_tokens: of the predictor after the last chunk; None before the first.
    """

    rows: int = 0
    bytes: int = 0
    digest: str = ""
    complete: bool = False
    columns: list[str] | None = None
    counts: dict[str, int] = field(default_factory=dict)
    batch_tokens: int | None = None


class OtherRowsError(DataError):
    """The input does not begin with the rows that were written."""


class Journal:
    """The unfinished output of one command.

    Args:
        output: the file to be made.
        identity: what must be the same for a second command to go on: key as typed -> value.
        overwrite: replace a finished output, and start anew where an unfinished one is another command's.

        afresh: look at nothing unfinished.

    Raises:
        DataError: the output exists, or what is unfinished cannot be gone on with.
    """

    def __init__(
        self, output: Path, identity: dict[str, Any], *, overwrite: bool = False, afresh: bool = False
    ) -> None:
        self.output = output
        self.partial, self._state = partial_of(output), state_of(output)
        self._identity = identity
        self._file: IO[bytes] | None = None
        try:
            self.progress = Progress() if afresh else self._read()
        except DataError:
            if not overwrite:
                raise
            self.progress = Progress()
        if output.exists() and not overwrite and not self.progress.complete:
            raise DataError(f"output={output} exists; write overwrite=true to replace it, or another output=<file>")

    def _read(self) -> Progress:
        if not self._state.exists():
            if self.partial.exists() and self.partial.stat().st_size:
                raise self._unusable(f"{self.partial} lies there without {self._state.name}")
            return Progress()
        try:
            held = json.loads(self._state.read_text(encoding="utf-8"))
            progress, identity = Progress(**held["progress"]), dict(held["identity"])
            assert held["schema"] == _SCHEMA and isinstance(progress.rows, int) and isinstance(progress.bytes, int)
        except (OSError, ValueError, KeyError, TypeError, AssertionError):
            raise self._unusable(f"{self._state} cannot be read") from None
        other = next((key for key in self._identity if identity.get(key) != self._identity[key]), None)
        if other is not None:
            was, now = (json.dumps(found.get(other), ensure_ascii=False) for found in (identity, self._identity))
            raise self._unusable(f"{self.partial} was begun with {other}={was}, and now it is {now}")
        size = self.partial.stat().st_size if self.partial.exists() else 0
        if size < progress.bytes and not (progress.complete and self.output.exists()):
            raise self._unusable(f"{self.partial} has {size:,} bytes where {progress.bytes:,} were written")
        return progress

    def _unusable(self, why: str) -> DataError:
        return DataError(f"{why}; write overwrite=true to start output={self.output} anew, or another output=<file>")

    def start(self) -> None:
        """Open the partial file for this process alone, and cut off what a kill has torn.

        Raises:
            DataError: another process writes it, or it cannot be written.
        """
        try:
            self.output.parent.mkdir(parents=True, exist_ok=True)
            file = self.partial.open("ab")
        except OSError as error:
            raise DataError(f"output={self.output} cannot be written ({error.strerror}); choose another") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given free by the system, however the process ends
        except OSError:
            file.close()
            raise DataError(f"output={self.output} is being written by another process; let it end") from None
        held, named = os.fstat(file.fileno()), self.partial.stat() if self.partial.exists() else None
        if named is None or held.st_ino != named.st_ino or held.st_size < self.progress.bytes:
            file.close()  # the other process has just finished it
            raise DataError(f"output={self.output} was written by another process meanwhile; choose another")
        self._file = file
        self._say(self.progress)  # before any row: a kill then leaves nothing that cannot be gone on with
        file.truncate(self.progress.bytes)

    def append(self, data: bytes, progress: Progress) -> None:
        """Put a chunk on the disk, then say so.

        Raises:
            DataError: the disk is full, or gone.
        """
        assert self._file is not None, "start comes first"
        progress.bytes = self.progress.bytes + len(data)
        try:
            self._file.write(data)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._say(progress)
        except OSError as error:
            raise DataError(
                f"{self.partial} cannot be written ({error.strerror}); make room and type the same command again"
            ) from None
        self.progress = progress

    def finish(self, writer: Writer) -> None:
        """Give the output its name. A kill in here leaves what the next call finishes."""
        self.progress.complete = True
        self._say(self.progress)
        if self.partial.exists():  # else it was killed after the renaming
            writer.finish(self.partial, self.output)
        _sync_folder(self.output.parent)
        self._state.unlink()
        self.close()

    def close(self) -> None:
        """Give the partial file free; remove it where no row was written."""
        if self._file is None:
            return
        if not self.progress.rows:
            self.partial.unlink(missing_ok=True)
            self._state.unlink(missing_ok=True)
        self._file.close()
        self._file = None

    def check_rows(self, found: Iterator[Chunk], source: str) -> None:
        """Take the chunks that are written from ``found``, comparing them.

        Raises:
            OtherRowsError: they are not the same any more.
        """
        rows, digest = 0, ""
        while rows < self.progress.rows:
            chunk = next(found, None)
            if chunk is None:
                break
            rows, digest = rows + len(chunk.rows), chunk.digest(digest)
        if (rows, digest) != (self.progress.rows, self.progress.digest):
            why = f"the first {self.progress.rows:,} rows of {source} are not those in {self.partial}"
            raise OtherRowsError(*self._unusable(why).sentences)

    def _say(self, progress: Progress) -> None:
        held = {"schema": _SCHEMA, "identity": self._identity, "progress": asdict(progress)}
        partial = self._state.with_name(f"{self._state.name}.new")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(held, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._state)


def _sync_folder(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
