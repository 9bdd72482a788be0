"""The record of one run: result.json, schema 1. Keys are a contract: add, never rename.

Every key is present; None stands only where a value cannot be known on this machine or for this kind of run.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftlab.errors import DataError

SCHEMA = 1
Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who ran what, when, and how it ended."""

    id: str
    name: str
    verb: str
    status: str  # finished, failed, killed, pruned, skipped
    error: str | None
    log: str | None
    started: str  # ISO 8601, UTC
    finished: str | None
    seed: int
    sweep: str | None
    parent: str | None
    overrides: list[str]
    config_digest: str  # without the seed
    git_commit: str | None
    mlflow: dict[str, str | None]  # uri, experiment_id, run_id, parent_run_id


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The network that was measured."""

    name: str
    checkpoint: str
    revision: str | None  # resolved commit of the hub repository; None: not from the hub
    init: str
    weights_digest: str | None  # sha256 of the weights before training
    tokenizer: str
    task: str  # classification or causal_lm
    head: str
    max_positions: int | None  # tokens
    parameters: int
    trainable_parameters: int
    trainable_percent: float
    size_mb: float  # weights in memory, 1e6 bytes
    precision: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The rows the numbers rest on."""

    name: str
    digest: str  # sha256 over all rows of all splits
    test_digest: str
    labels: list[str]
    train_rows: int
    val_rows: int
    test_rows: int
    max_length: int  # tokens
    truncated_rows: int
    duplicate_rows: int
    leaked_rows: int


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the predictions are, before and after."""

    main: dict[str, str]  # name, split, direction (max or min)
    untrained: dict[str, Any]
    val: dict[str, Any]
    test: dict[str, Any]
    test_ci95: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class TrainingStats:
    """What training took. All None for adapter=none."""

    seconds: float | None = None
    seconds_to_first_step: float | None = None
    epochs: float | None = None
    steps: int | None = None
    step_p50_ms: float | None = None
    examples_per_second: float | None = None
    tokens_per_second: float | None = None
    padding_fraction: float | None = None  # of all tokens computed, in [0, 1)
    peak_memory_mb: float | None = None
    gpu_utilisation: float | None = None  # in [0, 1]; None: no GPU counter


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Inference time at one batch size, tokenisation included."""

    protocol: str  # full or short
    backend: str
    device: str
    batch_size: int
    merged: bool  # adapter weights folded into the base
    dtype: str
    threads: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    ci95_p50_ms: tuple[float, float]
    samples: int
    total_seconds: float
    tokenization_ms: float  # median, part of the total
    throughput_per_second: float  # texts
    shared_from: str | None = None  # id of the run that measured it
    ttft_ms: float | None = None
    inter_token_ms: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, in US dollars, from a dated price."""

    device: str
    usd_per_hour: float | None
    price_source: str | None
    price_date: str | None
    utilisation: float
    batch_size: int
    training_usd: float | None = None
    usd_per_1k_requests: float | None = None
    usd_per_1m_tokens: float | None = None  # generated tokens; None for classifiers
    prompt_tokens: float | None = None  # mean tokens read per request
    completion_tokens: float | None = None
    usd_prompt_share: float | None = None


@dataclass(frozen=True, slots=True)
class Energy:
    """Electrical energy; None for unknown, never 0."""

    training_wh: float | None = None
    wh_per_1k_requests: float | None = None
    method: str = "none"  # counter, estimate, none
    scope: str | None = None  # what the number covers


@dataclass(frozen=True, slots=True)
class Artefact:
    """The model folder, reloaded and scored again."""

    path: str | None
    size_mb: float | None
    verified: bool
    max_abs_logit_difference: float | None


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
    schema: int = field(default=SCHEMA)

    def to_dict(self) -> dict[str, Any]:
        """Return plain containers, schema first, non-finite numbers as None."""
        plain = dataclasses.asdict(self)
        cleaned: dict[str, Any] = _finite({"schema": plain.pop("schema"), **plain})
        return cleaned

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
        sections: dict[str, Any] = {
            "cost": _numbers(self.cost),
            "energy": _numbers(self.energy),
            "training": _numbers(self.training),
            "model": _numbers(self.model),
            "artefact": _numbers(self.artefact),
        }
        if self.quality:
            sections |= {"untrained": self.quality.untrained, "test": self.quality.test}
            sections["best_val"] = self.quality.val
            for metric, (low, high) in self.quality.test_ci95.items():
                sections[f"test_ci95/{metric}"] = {"low": low, "high": high}
        for row in self.latency:
            sections[f"latency/b{row.batch_size}{'_merged' if row.merged else ''}"] = _numbers(row)
        named = {f"{s}/{k}": v for s, values in sections.items() for k, v in values.items()}
        return {k: float(v) for k, v in named.items() if _is_finite_number(v)}


def load_result(folder: Path) -> RunResult:
    """Read ``result.json`` of a run folder.

    Raises:
        DataError: there is none, it is broken, or a newer ftlab wrote it.
    """
    path = folder / "result.json"
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{folder} holds no result.json, so it is no finished run; `ls outputs` shows yours") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid JSON ({error}); run the job again") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("schema"), int):
        raise DataError(f"{path} has no schema number, so ftlab did not write it; give another run folder")
    if raw["schema"] > SCHEMA:
        raise DataError(f"{path} has schema {raw['schema']}, this ftlab reads up to {SCHEMA}; update ftlab")
    try:
        return _from_dict(raw)
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is not a complete record ({error}); run the job again") from None


def _from_dict(raw: dict[str, Any]) -> RunResult:
    def part(kind: type[Any], key: str) -> Any:  # noqa: ANN401 - one of the dataclasses above
        value = raw[key]
        known = {f.name for f in dataclasses.fields(kind)}
        return None if value is None else kind(**{k: v for k, v in value.items() if k in known})

    rows = [LatencyRow(**{k: v for k, v in r.items() if k in LatencyRow.__slots__}) for r in raw["latency"]]
    return RunResult(
        run=part(RunInfo, "run"),
        model=part(ModelInfo, "model"),
        adapter=raw["adapter"],
        prompt=raw["prompt"],
        compression=raw["compression"],
        dataset=part(DatasetInfo, "dataset"),
        quality=part(Quality, "quality"),
        training=part(TrainingStats, "training"),
        latency=rows,
        cost=part(Cost, "cost"),
        energy=part(Energy, "energy"),
        artefact=part(Artefact, "artefact"),
        environment=raw["environment"],
    )


def _numbers(record: object) -> dict[str, Any]:
    if record is None:
        return {}
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}  # type: ignore[arg-type]


def _is_finite_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _finite(value: Any) -> Any:  # noqa: ANN401 - walks any JSON value
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
