"""How Lightning writes and reads checkpoint files here: all or nothing, with a checksum, and plain tensors only."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from ftlab.checkpoints.states import damage, partial_path, sidecar_path, sync_folder, write_sidecar
from ftlab.errors import DataError

_log = logging.getLogger(__name__)


class CheckpointWriteError(OSError):
    """A checkpoint could not be written twice in a row; the one before is as it was."""


class _Hashed:
    """A file for ``torch.save``: counts the SHA-256 as it writes, and remembers what went wrong.

    torch reports a failed write as a RuntimeError about its own zip writer; the reason is kept here.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes, or a view of them
        """Write ``data`` and return its length."""
        try:
            self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise
        self._hash.update(data)
        return len(data)

    def flush(self) -> None:
        """Hand what is buffered to the system."""
        self._file.flush()

    def digest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._hash.hexdigest()


class DurableCheckpointIO(CheckpointIO):
    """Writes a checkpoint under another name in the same folder, syncs it, writes its checksum, then renames it.

    So a kill or a full disk at any moment leaves the file before or the whole new one. A failed write is tried once
    more. Reading compares the checksum where there is one, and takes nothing but tensors and plain values.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ANN401 - Lightning's signature
    ) -> None:
        """Write ``checkpoint`` to ``path``, and its checksum to ``<path>.sha256``.

        Raises:
            CheckpointWriteError: two attempts failed.
        """
        assert storage_options is None, "there are no storage options"
        target = Path(path)
        try:
            _write(checkpoint, target)
        except OSError as error:
            _log.warning("the checkpoint %s could not be written (%s); trying once more", target, error)
            try:
                _write(checkpoint, target)
            except OSError as again:
                raise _failure(target, again) from again

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[[Any, Any], Any] | None = lambda storage, location: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Return what ``path`` holds, on the CPU. ``weights_only`` is always true, whatever is asked for.

        Raises:
            DataError: there is no such file, it does not match its checksum, or it holds more than plain values.
        """
        file = Path(path)
        if not file.is_file():
            kind = "is a folder" if file.is_dir() else "does not exist"
            raise DataError(f"the checkpoint {path} {kind}; give a file that a run left in its checkpoints folder")
        if sidecar_path(file).exists() and (reason := damage(file)):
            raise DataError(f"the checkpoint {path} {reason}; take another one, or start afresh")
        try:
            loaded: dict[str, Any] = torch.load(file, map_location=map_location, weights_only=True)
        except Exception as error:
            raise DataError(
                f"the checkpoint {path} cannot be read as tensors and plain values ({type(error).__name__}); "
                "take another one, or start afresh"
            ) from error
        return loaded

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove ``path`` and then its checksum, where they exist."""
        target = Path(path)
        target.unlink(missing_ok=True)
        sidecar_path(target).unlink(missing_ok=True)


def _write(checkpoint: dict[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = partial_path(target)
    try:
        write_sidecar(target, _dump(checkpoint, temporary))
        temporary.replace(target)
    except BaseException:  # an interrupt too
        temporary.unlink(missing_ok=True)
        partial_path(sidecar_path(target)).unlink(missing_ok=True)
        if not target.exists():
            sidecar_path(target).unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def _dump(checkpoint: dict[str, Any], path: Path) -> str:
    """Write ``checkpoint`` to ``path``, down to the disk, and return the SHA-256."""
    with path.open("wb") as file:
        hashed = _Hashed(file)
        try:
            torch.save(checkpoint, cast(IO[bytes], hashed))  # torch calls write and flush only
        except Exception:
            if hashed.error is not None:
                raise hashed.error from None
            raise
        file.flush()
        os.fsync(file.fileno())
    return hashed.digest()


def _failure(target: Path, error: OSError) -> CheckpointWriteError:
    free = shutil.disk_usage(target.parent).free if target.parent.is_dir() else 0
    return CheckpointWriteError(
        error.errno,
        f"the checkpoint {target} could not be written, tried twice ({error.strerror or error}; {free / 1e6:.0f} MB "
        "are free there); the checkpoint before is intact: free some space, or write elsewhere with "
        "output_dir=<folder>",
    )
