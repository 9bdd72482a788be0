"""One finished run and one that failed, made by hand."""

from __future__ import annotations

import dataclasses
import math

import pytest

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

PRICE = "AWS m5.large, 2 vCPU, on demand, us-east-1"


def timed(batch_size: int, p50_ms: float, p95_ms: float, protocol: str = "full", merged: bool = False) -> LatencyRow:
    return LatencyRow(
        protocol=protocol,
        backend="torch",
        device="Some CPU",
        batch_size=batch_size,
        merged=merged,
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


@pytest.fixture
def finished() -> RunResult:
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
    return RunResult(
        run=run,
        model=model,
        adapter={"name": "lora", "learning_rate": 1e-3},
        prompt={"name": "none"},
        compression={"name": "none"},
        dataset=DatasetInfo("policy_stance", "e0e0", "e1e1", ["support", "oppose"], 1000, 165, 495, 128, 3, 1, 2),
        quality=quality,
        training=TrainingStats(seconds=754.0, steps=480, peak_memory_mb=1843.2),
        latency=[timed(1, 12.34, 14.5), timed(32, 230.4, 1442.0, "short")],
        cost=Cost("Some CPU", 0.096, PRICE, "2025-06", 0.5, 1, 0.0213, 0.00123),
        energy=Energy(0.52, None, "estimate", "cpu and memory"),
        artefact=Artefact("model", 270.9, True, 1e-6),
        environment={"python": "3.11.7", "torch": "2.13.0", "cpu": "Some CPU"},
    )


@pytest.fixture
def failed(finished: RunResult) -> RunResult:
    run = dataclasses.replace(
        finished.run,
        name="bert_large_prompt_tuning",
        status="failed",
        error="OutOfMemoryError: tried to take [2 GB]\nat step 3",
        mlflow={},
    )
    empty = dict.fromkeys(["model", "dataset", "quality", "cost", "artefact"])
    return dataclasses.replace(finished, run=run, latency=[], training=TrainingStats(), energy=Energy(), **empty)
