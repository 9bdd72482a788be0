"""state.json: what a run is, written when it begins, so that it can be found and gone on with after its end."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftlab.errors import DataError
from ftlab.records import from_plain, to_plain
from ftlab.redact import redact

NAME = "state.json"
SCHEMA = 1
_MOST_BYTES = 2_000_000  # texts of `dataset.samples` included
# What moves from run to run without changing what is measured.
NOT_DIGESTED = (
    *("seed", "name", "output_dir", "experiment_name", "dry_run", "tracking"),
    *("resume", "resume_policy", "threads", "budget_usd", "skip_unfit", "compare"),
)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run that began. ``config`` holds what the digest covers: resolved values by dotted key, redacted."""

    id: str
    name: str
    verb: str
    pid: int  # of the process that runs it, or ran it last
    host: str
    started: str  # ISO 8601, UTC; of the first start
    config_digest: str  # without the seed
    seed: int
    dataset_digest: str | None  # None: the rows were not read yet
    overrides: list[str]
    mlflow: dict[str, Any]  # uri, experiment_id, run_id, parent_run_id
    sweep: str | None
    parent: str | None = None  # id of the run that an evaluation looks at
    config_dir: str | None = None  # --config-dir
    config: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)  # key -> [before, since] of a run that went on with others
    schema: int = SCHEMA

    def save(self, folder: Path) -> None:
        """Write ``state.json`` into ``folder``, redacted, in one step that outlives a crash."""
        plain = redact(to_plain(self))
        write_durably(folder / NAME, json.dumps({"schema": plain.pop("schema"), **plain}, indent=2, default=str))


def read_state(folder: Path) -> RunState | None:
    """Return what ``state.json`` of ``folder`` says; None where there is none.

    Raises:
        DataError: it is broken, or a newer ftlab wrote it.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            held = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
    try:
        raw = json.loads(held) if len(held) <= _MOST_BYTES else None
        state: RunState = from_plain(RunState, raw)
        texts = [state.id, state.name, state.verb, state.started, state.config_digest, *state.overrides]
        complete = all(isinstance(text, str) for text in texts) and isinstance(state.seed, int)
        complete = complete and isinstance(state.schema, int) and isinstance(state.config, dict)
        complete = complete and isinstance(state.mlflow, dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete = False
    if not complete:
        raise DataError(f"{path} is not a state that ftlab wrote; start the run again without resume")
    if state.schema > SCHEMA:
        raise DataError(f"{path} has schema {state.schema}, this ftlab reads up to {SCHEMA}; update ftlab")
    return state


def write_durably(path: Path, text: str) -> None:
    """Write ``text`` so that after a crash at any moment the file holds either all of it or what it held before."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # the new name itself is on disk only once the folder is
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def digest(plain: Mapping[str, Any]) -> str:
    """Return the sha256 of a resolved configuration without its seed, its name and where it writes."""
    kept = {key: value for key, value in plain.items() if key not in NOT_DIGESTED}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()


def leaves(value: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401 - walks plain containers
    """Return nested dicts as one level of dotted keys; lists stay whole."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= leaves(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def compared(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a resolved configuration that must be the same when a run goes on, as JSON gives them."""
    kept = {key: value for key, value in plain.items() if key not in NOT_DIGESTED}
    values: dict[str, Any] = json.loads(json.dumps(redact(leaves(kept)), default=str))
    return values
