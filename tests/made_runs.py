"""A finished run and its folder, made by hand: what the records, the reports and the list are tested with."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import yaml

from ftlab.results import (
    Artefact,
    Cost,
    DatasetInfo,
    Energy,
    LatencyRow,
    ModelInfo,
    Quality,
    RunInfo,
    RunResult,
    TrainingStats,
)
from ftlab.state import RunState

PRICE = "AWS m5.large, 2 vCPU, on demand, us-east-1"
NOTHING_MEASURED: dict[str, Any] = {
    **dict.fromkeys(["model", "dataset", "quality", "cost", "artefact"]),
    "latency": [],
    "training": TrainingStats(),
    "energy": Energy(),
}


def timed(batch_size: int = 1, p50_ms: float = 12.34, p95_ms: float = 14.5, **changes: Any) -> LatencyRow:
    row = LatencyRow(
        protocol="full",
        backend="torch",
        device="Some CPU",
        batch_size=batch_size,
        merged=False,
        dtype="float32",
        threads=2,
        p50_ms=p50_ms,
        p90_ms=p95_ms,
        p95_ms=p95_ms,
        p99_ms=p95_ms,
        mean_ms=p50_ms,
        ci95_p50_ms=(p50_ms, p50_ms),
        samples=1234,
        total_seconds=3.0,
        tokenization_ms=0.41,
        throughput_per_second=1000 * batch_size / p50_ms,
    )
    return dataclasses.replace(row, **changes)


def run_info(**changes: Any) -> RunInfo:
    run = RunInfo(
        id="0a1b2c3d",
        name="distilbert_lora",
        verb="train",
        status="finished",
        error=None,
        log="run.log",
        started="2026-01-01T00:00:00+00:00",
        finished="2026-01-01T00:20:00+00:00",
        seed=42,
        sweep=None,
        parent=None,
        overrides=["dataset.train=/home/someone/private.csv"],
        config_digest="c0ffee",
        git_commit="abc123",
        mlflow={
            "uri": "sqlite:////runs/out puts/mlflow.db",
            "experiment_id": "1",
            "run_id": "r1",
            "parent_run_id": None,
        },
    )
    return dataclasses.replace(run, **changes)


def model_info(**changes: Any) -> ModelInfo:
    model = ModelInfo(
        name="distilbert",
        checkpoint="distilbert/distilbert-base-uncased",
        revision="12040accade4e8a0f71eabdb258fecc2e7e948be",
        init="pretrained",
        weights_digest="d0d0",
        tokenizer="distilbert/distilbert-base-uncased",
        task="classification",
        head="classification",
        max_positions=512,
        parameters=67_696_134,
        trainable_parameters=740_355,
        trainable_percent=1.0936,
        size_mb=270.8,
        precision="32-true",
    )
    return dataclasses.replace(model, **changes)


def run_result(**changes: Any) -> RunResult:
    """Return a finished run; ``changes`` replace whole sections."""
    quality = Quality(
        main={"name": "f1_macro", "split": "test", "direction": "max"},
        untrained={"accuracy": 0.331, "f1_macro": 0.165, "loss": 1.102, "auroc": 0.5, "mcc": 0.01},
        val={"accuracy": 0.79},
        test={
            "accuracy": 0.812,
            "f1_macro": 0.809,
            "loss": 0.523,
            "auroc": math.nan,
            "mcc": 0.71,
            "per_class": {
                "support": {"precision": 0.81, "recall": 0.82, "f1": 0.815, "support": 165},
                "oppose": {"precision": 0.7, "recall": 0.6, "f1": 0.646, "support": 1650},
            },
        },
        test_ci95={"accuracy": (0.772, 0.851), "f1_macro": (0.768, 0.847), "loss": (0.47, 0.58)},
    )
    whole = RunResult(
        run=run_info(),
        model=model_info(),
        adapter={"name": "lora", "learning_rate": 1e-3},
        prompt={"name": "none"},
        compression={"name": "none"},
        dataset=DatasetInfo("policy_stance", "e0e0", "e1e1", ["support", "oppose"], 1000, 165, 495, 128, 3, 1, 2),
        quality=quality,
        training=TrainingStats(seconds=754.0, steps=480, peak_memory_mb=1843.2),
        latency=[timed(1), timed(32, 230.4, 1442.0, protocol="short")],
        cost=Cost("Some CPU", 0.096, PRICE, "2025-06", 0.5, 1, 0.0213, 0.00123),
        energy=Energy(0.52, None, "estimate", "cpu and memory"),
        artefact=Artefact("model", 270.9, True, 1e-6),
        environment={"python": "3.11.7", "torch": "2.13.0", "cpu": "Some CPU"},
    )
    return dataclasses.replace(whole, **changes)


def save_run(
    folder: Path,
    *,
    model: str = "distilbert",
    adapter: str = "lora",
    dataset: str = "policy_stance",
    main: float = 0.809,
    metric: str = "f1_macro",
    direction: str = "max",
    p50_ms: float = 12.34,
    usd: float | None = 0.00123,
    **run: Any,
) -> Path:
    """Write the folder of a run that ended: nothing measured unless ``run`` leaves its status at finished."""
    whole = run_result()
    info = run_info(name=f"{model}_{adapter}", id=folder.name.rsplit("_", 1)[-1], **run)
    assert whole.quality and whole.dataset and whole.cost
    measured: dict[str, Any] = {
        "model": model_info(name=model),
        "dataset": dataclasses.replace(whole.dataset, name=dataset),
        "quality": dataclasses.replace(
            whole.quality, main={"name": metric, "split": "test", "direction": direction}, test={metric: main}
        ),
        "latency": [timed(1, 2 * p50_ms), timed(1, p50_ms, merged=True), timed(32, 9 * p50_ms)],
        "cost": dataclasses.replace(whole.cost, usd_per_1k_requests=usd),
    }
    sections = measured if info.status == "finished" else NOTHING_MEASURED
    folder.mkdir(parents=True)
    _save_config(folder, model, adapter, dataset)
    run_result(run=info, adapter={"name": adapter}, **sections).save(folder)
    return folder


def save_state(
    folder: Path, *, model: str = "minilm", adapter: str = "full", dataset: str = "imdb", **state: Any
) -> Path:
    """Write the folder of a run that began and left no record; its owner is gone."""
    began = RunState(
        id=folder.name.rsplit("_", 1)[-1],
        name=f"{model}_{adapter}",
        verb="train",
        pid=2**22 + 1,  # beyond the largest process id of Linux
        host="here",
        started="2026-01-02T00:00:00+00:00",
        config_digest="c0ffee",
        seed=42,
        dataset_digest=None,
        overrides=[],
        mlflow={},
        sweep=None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    _save_config(folder, model, adapter, dataset)
    dataclasses.replace(began, **state).save(folder)
    return folder


def save_sweep(folder: Path) -> Path:
    """Write the folder of a sweep, its jobs still to come."""
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"id": folder.name.rsplit("_", 1)[-1]}), encoding="utf-8")
    return folder


def _save_config(folder: Path, model: str, adapter: str, dataset: str) -> None:
    groups = {"model": {"name": model}, "adapter": {"name": adapter}, "dataset": {"name": dataset}}
    (folder / "config.yaml").write_text(yaml.safe_dump(groups), encoding="utf-8")
