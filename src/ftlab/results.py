"""The record of one run: result.json, schema 1. Keys are a contract: add, never rename.

Every key is present; None stands only where a value cannot be known on this machine or for this kind of run.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftlab.errors import DataError
from ftlab.records import read_record, to_plain
from ftlab.sections import (
    Artefact,
    Cost,
    DatasetInfo,
    Energy,
    LatencyRow,
    ModelInfo,
    Quality,
    RunInfo,
    TrainingStats,
    Trouble,
)

__all__ = [
    "SCHEMA",
    "Artefact",
    "Cost",
    "DatasetInfo",
    "Energy",
    "LatencyRow",
    "Metrics",
    "ModelInfo",
    "Quality",
    "RunInfo",
    "RunResult",
    "TrainingStats",
    "Trouble",
    "load_result",
]

SCHEMA = 1
Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run. ``flat`` names its numbers for MLflow and tables."""

    run: RunInfo
    model: ModelInfo | None
    adapter: dict[str, Any]
    prompt: dict[str, Any]
    compression: dict[str, Any]
    dataset: DatasetInfo | None
    quality: Quality | None
    training: TrainingStats
    latency: list[LatencyRow]
    cost: Cost | None
    energy: Energy
    artefact: Artefact | None
    environment: dict[str, Any]
    diagnosis: list[Trouble] | None = None  # empty: none was seen; None: an older record, or no result to look at
    schema: int = field(default=SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers, schema first, non-finite numbers as None."""
        record: dict[str, Any] = to_plain(self)
        return {"schema": record.pop("schema"), **record}

    def save(self, folder: Path) -> Path:
        """Write ``result.json`` into ``folder`` in one step (temporary file, then rename)."""
        path = folder / "result.json"
        partial = path.with_suffix(".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(self.to_dict(), file, indent=2, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def flat(self) -> Metrics:
        """Return every finite number under its MLflow name: ``test/accuracy``, ``latency/b1/p50_ms``, ..."""
        record = self.to_dict()
        sections = {name: record[name] for name in ("cost", "energy", "training", "model", "artefact")}
        if quality := record["quality"]:
            sections |= {"untrained": quality["untrained"], "test": quality["test"], "best_val": quality["val"]}
            for metric, (low, high) in quality["test_ci95"].items():
                sections[f"test_ci95/{metric}"] = {"low": low, "high": high}
        for row in record["latency"]:
            sections[f"latency/b{row['batch_size']}{'_merged' if row['merged'] else ''}"] = row
        named = {f"{section}/{key}": v for section, values in sections.items() for key, v in (values or {}).items()}
        return {k: float(v) for k, v in named.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def load_result(folder: Path) -> RunResult:
    """Read ``result.json`` of a run folder.

    Raises:
        DataError: there is none, it is broken, or a newer ftlab wrote it.
    """
    path = folder / "result.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no result.json, so it is no finished run; `ftlab list` shows yours")
    result: RunResult = read_record(RunResult, path, SCHEMA)
    if result.run is None:
        raise DataError(f"{path} does not say which run it is; run the job again")
    return result
