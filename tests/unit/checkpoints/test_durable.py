"""A checkpoint is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.checkpoints import durable, states
from ftlab.checkpoints.durable import CheckpointWriteError, DurableCheckpointIO
from ftlab.errors import DataError

KEEPER = DurableCheckpointIO()


def content(value: float, size: int = 5000) -> dict[str, Any]:
    return {"state_dict": {"w": torch.full((size,), value)}, "step": 3}


def value(path: Path) -> float:
    return float(KEEPER.load_checkpoint(path)["state_dict"]["w"][0])


def test_file_and_checksum_agree_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state-3.ckpt"
    KEEPER.save_checkpoint(content(1.0), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (path.parent / "state-3.ckpt.sha256").read_text() == f"{digest}  state-3.ckpt\n"
    assert len(list(path.parent.iterdir())) == 2
    assert value(path) == 1.0
    KEEPER.save_checkpoint(content(2.0), path)
    assert value(path) == 2.0 and states.damage(path) is None
    KEEPER.remove_checkpoint(path)
    assert list(path.parent.iterdir()) == []
    KEEPER.remove_checkpoint(path)


def test_order_is_sync_checksum_rename_sync_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(handle: int) -> None:
        steps.append("sync " + Path(os.readlink(f"/proc/self/fd/{handle}")).name.split(f".{os.getpid()}")[0])
        sync(handle)

    def replaced(self: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    KEEPER.save_checkpoint(content(1.0), tmp_path / "a.ckpt")
    assert steps == [
        *("sync .a.ckpt", "sync .a.ckpt.sha256", "rename a.ckpt.sha256", "rename a.ckpt", f"sync {tmp_path.name}"),
    ]


def test_it_is_written_in_the_same_folder_so_that_another_temporary_filesystem_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was moved across folders")

    for module, name in ((shutil, "move"), (shutil, "copyfile"), (tempfile, "mkstemp")):
        monkeypatch.setattr(module, name, refuse)
    monkeypatch.setenv("TMPDIR", "/nowhere")
    assert states.partial_path(tmp_path / "a.ckpt").parent == tmp_path
    KEEPER.save_checkpoint(content(1.0), tmp_path / "a.ckpt")
    assert value(tmp_path / "a.ckpt") == 1.0


def fail_after(monkeypatch: pytest.MonkeyPatch, size: int, number: int, times: int = 99) -> list[int]:
    """Let the file system refuse each file's bytes beyond ``size``; ``times`` files in all."""
    start, failed = durable._Hashed.__init__, []

    class Full:
        def __init__(self, file: Any) -> None:
            self.file, self.refused = file, False

        def write(self, data: Any) -> int:
            if self.refused or (len(failed) < times and self.file.tell() + len(data) > size):
                failed.extend([] if self.refused else [number])
                self.refused = True
                raise OSError(number, os.strerror(number))
            return int(self.file.write(data))

        def flush(self) -> None:
            self.file.flush()

    monkeypatch.setattr(durable._Hashed, "__init__", lambda self, file: start(self, Full(file)))
    return failed


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
@pytest.mark.parametrize("old", [True, False])
def test_full_disk_leaves_what_was_there_and_says_where_and_how_much_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, old: bool
) -> None:
    path = tmp_path / "state-3.ckpt"
    if old:
        KEEPER.save_checkpoint(content(1.0), path)
    before = sorted(p.name for p in tmp_path.iterdir())
    with monkeypatch.context() as patch:
        failed = fail_after(patch, 9000, number)
        with pytest.raises(
            CheckpointWriteError, match=r"state-3\.ckpt could not be written.* \d+ MB are free"
        ) as raised:
            KEEPER.save_checkpoint(content(2.0), path)
    assert set(failed) == {number} and raised.value.errno == number
    assert os.strerror(number) in str(raised.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert not old or value(path) == 1.0


def test_a_write_is_tried_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    failed = fail_after(monkeypatch, 9000, errno.EIO, times=1)
    KEEPER.save_checkpoint(content(2.0), tmp_path / "a.ckpt")
    assert len(failed) == 1 and value(tmp_path / "a.ckpt") == 2.0
    assert "trying once more" in caplog.text


def test_limit_of_the_system_is_met_in_earnest(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    KEEPER.save_checkpoint(content(1.0), tmp_path / "a.ckpt")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(CheckpointWriteError, match="File too large"):
            KEEPER.save_checkpoint(content(2.0, 50_000), tmp_path / "a.ckpt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert value(tmp_path / "a.ckpt") == 1.0


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_interrupt_within_a_save_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    path = tmp_path / "a.ckpt"
    KEEPER.save_checkpoint(content(1.0), path)

    def stop(*_: Any) -> None:
        raise error

    monkeypatch.setattr(durable, "write_sidecar", stop)
    with pytest.raises(error):
        KEEPER.save_checkpoint(content(2.0), path)
    assert value(path) == 1.0 and len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    for place, kind in ((tmp_path / "none.ckpt", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(DataError, match=kind):
            KEEPER.load_checkpoint(place)
    with pytest.raises(DataError, match="does not exist"):
        KEEPER.load_checkpoint("https://example.org/a.ckpt")
    path = tmp_path / "a.ckpt"
    KEEPER.save_checkpoint(content(1.0), path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="does not match its checksum"):
        KEEPER.load_checkpoint(path)
    (tmp_path / "a.ckpt.sha256").unlink()
    with pytest.raises(DataError, match="cannot be read as tensors"):
        KEEPER.load_checkpoint(path)


class Opened:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("asked", [None, False, True])
def test_nothing_in_a_checkpoint_is_executed_whatever_is_asked_for(tmp_path: Path, asked: bool | None) -> None:
    torch.save({"state_dict": Opened(tmp_path / "made")}, tmp_path / "bad.ckpt")
    with pytest.raises(DataError, match="cannot be read as tensors and plain values"):
        KEEPER.load_checkpoint(tmp_path / "bad.ckpt", weights_only=asked)
    assert not (tmp_path / "made").exists()
    torch.load(tmp_path / "bad.ckpt", weights_only=False)  # the control: it would have
    assert (tmp_path / "made").exists()
