"""Names and checksums of checkpoint files; which full state to go on from. No heavy import."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from ftlab.errors import DataError

PARTIAL = ".partial"  # ends the name of a file that is still being written; the name begins with a dot
SIDECAR = ".sha256"
_STATE = re.compile(r"state-(\d+)\.ckpt")


def state_name(step: int) -> str:
    """Return the name of the full state after ``step`` updates."""
    return f"state-{step}.ckpt"


def state_step(path: Path) -> int:
    """Return the step in the name of a full state."""
    found = _STATE.fullmatch(path.name)
    assert found is not None, f"{path.name} is no full state"
    return int(found[1])


def state_files(folder: Path) -> list[Path]:
    """Return the full states in ``folder``, the newest first."""
    return sorted((p for p in folder.glob("state-*.ckpt") if _STATE.fullmatch(p.name)), key=state_step, reverse=True)


def partial_path(target: Path) -> Path:
    """Return where ``target`` is written before it gets its name: in the same folder, so on the same filesystem."""
    return target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")


def sidecar_path(target: Path) -> Path:
    """Return the file beside ``target`` that holds its SHA-256."""
    return target.with_name(target.name + SIDECAR)


def write_sidecar(target: Path, digest: str) -> None:
    """Write the checksum of the content that ``target`` is about to get, durably.

    Where ``target`` exists, the checksum of its present content stays as the second line: whichever of the two
    contents a kill leaves, it has its checksum.
    """
    sidecar = sidecar_path(target)
    digests = dict.fromkeys([digest, *(_digests(sidecar)[:1] if target.exists() else [])])
    temporary = partial_path(sidecar)
    with temporary.open("w", encoding="ascii") as file:
        file.writelines(f"{known}  {target.name}\n" for known in digests)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(sidecar)


def damage(file: Path) -> str | None:
    """Return what is wrong with ``file`` by its checksum, as the end of a sentence; None: it is whole."""
    known = _digests(sidecar_path(file))
    if file.stat().st_size == 0:
        return "is empty"
    if not known:
        return f"has no checksum beside it ({sidecar_path(file).name})"
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if found in known else f"does not match its checksum in {sidecar_path(file).name}"


def _digests(sidecar: Path) -> list[str]:
    if not sidecar.is_file():
        return []
    lines = sidecar.read_text(encoding="ascii", errors="replace").splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def sync_folder(folder: Path) -> None:
    """Make new names in ``folder`` survive a power cut. Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def newest_state(folder: Path, *, strict: bool = False) -> tuple[Path | None, list[str]]:
    """Return the newest full state whose checksum holds, with one sentence per newer one that was skipped.

    Only for a folder that no process writes to: leftovers of a save that a kill cut short are removed.

    Args:
        folder: of the checkpoints, or of the run that has them in ``checkpoints``.
        strict: refuse a damaged newest state rather than take the one before.

    Raises:
        DataError: ``strict``, and the newest state is damaged.
    """
    folder = folder / "checkpoints" if (folder / "checkpoints").is_dir() else folder
    if not folder.is_dir():
        return None, []
    _tidy(folder)
    skipped: list[str] = []
    for path in state_files(folder):
        reason = damage(path)
        if reason is None:
            return path, skipped
        if strict:
            raise DataError(
                f"the newest checkpoint {path} {reason}; type resume_policy=same to go on from the one before"
            )
        skipped.append(f"the checkpoint {path} {reason}, so it is skipped")
    return None, skipped


def _tidy(folder: Path) -> None:
    for path in folder.glob(f".*{PARTIAL}"):
        path.unlink()
    for sidecar in folder.glob(f"*.ckpt{SIDECAR}"):
        if not sidecar.with_name(sidecar.name.removesuffix(SIDECAR)).exists():
            sidecar.unlink()
