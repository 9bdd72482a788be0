"""Which full state is whole, and what is said of the others."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.checkpoints import newest_state
from ftlab.checkpoints.states import damage, partial_path, sidecar_path, state_files, write_sidecar
from ftlab.errors import DataError


def make(folder: Path, step: int, content: bytes | None = None) -> Path:
    path = folder / f"state-{step}.ckpt"
    content = content or b"whole file %d" % step
    write_sidecar(path, hashlib.sha256(content).hexdigest())
    path.write_bytes(content)
    return path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "0 bytes": (lambda p: p.write_bytes(b""), "is empty"),
    "half": (lambda p: p.write_bytes(p.read_bytes()[:6]), "does not match its checksum in state-10"),
    "flipped byte": (flip, "does not match its checksum in state-10"),
    "wrong checksum": (lambda p: sidecar_path(p).write_text("0" * 64 + "  x\n"), "does not match its checksum"),
    "empty checksum": (lambda p: sidecar_path(p).write_text(""), "has no checksum beside it"),
    "no checksum": (lambda p: sidecar_path(p).unlink(), r"has no checksum beside it \(state-10\.ckpt\.sha256\)"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_newest_state_is_skipped_aloud_and_refused_where_strict(tmp_path: Path, kind: str) -> None:
    good, bad = make(tmp_path, 9), make(tmp_path, 10)
    hurt, reason = DAMAGE[kind]
    hurt(bad)
    state, skipped = newest_state(tmp_path)
    assert state == good
    (sentence,) = skipped
    assert re.search(reason, sentence)
    assert sentence.startswith(f"the checkpoint {bad} ") and sentence.endswith(", so it is skipped")
    with pytest.raises(DataError, match=rf"newest checkpoint .*state-10\.ckpt .*{reason}.* type resume_policy=same"):
        newest_state(tmp_path, strict=True)


def test_newest_is_by_number_and_found_in_the_run_folder_too(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for step in (9, 100, 20):
        make(folder, step)
    make(folder, 7).rename(folder / "best-7.ckpt")
    assert newest_state(tmp_path) == newest_state(folder) == (folder / "state-100.ckpt", [])
    assert newest_state(tmp_path, strict=True)[0] == folder / "state-100.ckpt"
    assert [p.name for p in state_files(folder)] == ["state-100.ckpt", "state-20.ckpt", "state-9.ckpt"]


def test_where_nothing_is_whole_there_is_none(tmp_path: Path) -> None:
    assert newest_state(tmp_path / "missing") == (None, [])
    assert newest_state(tmp_path, strict=True) == (None, [])
    flip(make(tmp_path, 1))
    flip(make(tmp_path, 2))
    state, skipped = newest_state(tmp_path)
    assert state is None and len(skipped) == 2


def test_leftovers_of_a_killed_save_are_removed_and_nothing_else(tmp_path: Path) -> None:
    state = make(tmp_path, 5)
    partial_path(tmp_path / "state-6.ckpt").write_bytes(b"ha")
    partial_path(sidecar_path(state)).write_bytes(b"ha")
    write_sidecar(tmp_path / "state-6.ckpt", "0" * 64)  # a kill before the rename
    (tmp_path / "notes.partial").write_text("mine")
    newest_state(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.partial", "state-5.ckpt", "state-5.ckpt.sha256"]


def test_while_a_file_is_replaced_both_of_its_contents_have_their_checksum(tmp_path: Path) -> None:
    path = make(tmp_path, 5, b"old")
    write_sidecar(path, hashlib.sha256(b"new").hexdigest())
    assert damage(path) is None, "a kill before the rename leaves the old one"
    path.write_bytes(b"new")
    assert damage(path) is None
    write_sidecar(path, hashlib.sha256(b"newer").hexdigest())
    assert len(sidecar_path(path).read_text().splitlines()) == 2
    path.write_bytes(b"old")
    assert damage(path) is not None


def test_looking_for_a_state_needs_no_heavy_import() -> None:
    code = (
        "import sys; from ftlab.checkpoints import newest_state;"
        "print({'torch', 'numpy', 'lightning'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
