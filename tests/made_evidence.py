"""Runs made by hand for the rules of a diagnosis: a healthy one, and what changes for a trouble."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ftlab.diagnosis.evidence import Evidence, LabelCounts, Options, Point
from ftlab.results import DatasetInfo, Quality, TrainingStats
from made_runs import model_info, run_info, run_result

LABELS = ("oppose", "neutral", "support")
HEALTHY_TRAIN = [1.10, 1.02, 0.80, 0.62, 0.52, 0.47, 0.44, 0.42, 0.41, 0.40, 0.40, 0.39, 0.39, 0.39, 0.38, 0.38]
HEALTHY_VAL = [0.62, 0.50, 0.47, 0.465]
OPTIONS = Options(
    learning_rate=5e-5,
    usual_rate=5e-5,
    max_epochs=4,
    max_steps=-1,
    clip=1.0,
    scheduler="get_linear_schedule_with_warmup",
    warmup=0.1,
    precision="32-true",
    calibration="none",
    batching="length_grouped",
    batch_size=16,
    max_length=128,
    on_leak="warn",
    workers=0,
    cores=8,
)
UNTRAINED = {"accuracy": 0.33, "f1_macro": 0.2, "loss": 1.1, "ece": 0.02, "mean_confidence": 0.35}
TESTED = {"accuracy": 0.82, "f1_macro": 0.81, "loss": 0.47, "ece": 0.04, "mean_confidence": 0.83, "auroc": 0.93}
INTERVALS = {
    "accuracy": (0.80, 0.84),
    "f1_macro": (0.79, 0.83),
    "loss": (0.44, 0.50),
    "ece": (0.03, 0.06),
    "mean_confidence": (0.82, 0.84),
}


def curve(name: str, values: Sequence[float], steps: int = 160, epochs: int = 4) -> list[Point]:
    """Return a curve with even steps, its last point in the last step."""
    ends = [round(steps * (place + 1) / len(values)) for place in range(len(values))]
    return [
        Point(step, min(epochs - 1, (step - 1) * epochs // max(1, steps)), name, value)
        for step, value in zip(ends, values, strict=True)
    ]


def counts(
    true: Sequence[int] = (200, 200, 200),
    predicted: Sequence[int] = (210, 190, 200),
    train: Sequence[int] | None = (213, 213, 214),
) -> LabelCounts:
    return LabelCounts(LABELS, tuple(true), tuple(predicted), None if train is None else tuple(train))


def evidence(
    train: Sequence[float] = HEALTHY_TRAIN,
    val: Sequence[float] = HEALTHY_VAL,
    *,
    main: Sequence[float] = (0.70, 0.78, 0.80, 0.81),
    labels: LabelCounts | None = None,
    steps: int = 160,
    epochs: int = 4,
    before: dict[str, float] | None = None,
    test: dict[str, float] | None = None,
    ci95: dict[str, tuple[float, float]] | None = None,
    data: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    prompt: dict[str, Any] | None = None,
    kept: dict[str, float] | None = None,
    verb: str = "train",
    main_metric: str = "f1_macro",
    evidence: dict[str, Any] | None = None,
    **options: Any,
) -> Evidence:
    """Return a healthy classifier's evidence but for what is given; ``options`` are keys of ``Options``."""
    direction = "min" if main_metric in ("loss", "perplexity") else "max"
    measured = {"seconds": 600.0, "epochs": float(epochs), "steps": steps, "padding_fraction": 0.03}
    rows = DatasetInfo("policy_stance", "e0", "e1", list(LABELS), 640, 180, 600, 128, 0, 0, 0)
    result = run_result(
        run=run_info(verb=verb),
        model=model_info(max_positions=512, **(model or {})),
        prompt={"name": "none", **(prompt or {})},
        dataset=dataclasses.replace(rows, **(data or {})),
        quality=Quality(
            main={"name": main_metric, "split": "test", "direction": direction},
            untrained=UNTRAINED if before is None else before,
            val=kept or {},
            test={**TESTED, **(test or {})},
            test_ci95={**INTERVALS, **(ci95 or {})},
        ),
        training=TrainingStats(**{**measured, "loader_wait_fraction": 0.01, **(training or {})}),
    )
    history = [
        *curve("train/loss", train, steps, epochs),
        *curve("val/loss", val, steps, epochs),
        *(curve("val/f1_macro", main, steps, epochs) if len(main) == len(val) else []),
    ]
    changed = dataclasses.replace(OPTIONS, max_epochs=epochs, **options) if "max_epochs" not in options else None
    return Evidence(
        result,
        tuple(history),
        labels if labels is not None else counts(),
        changed or dataclasses.replace(OPTIONS, **options),
        **(evidence or {}),
    )


def writer(train: Sequence[float], val: Sequence[float], **more: Any) -> Evidence:
    """Return the evidence of a causal language model that learns to write."""
    test = {"loss": val[-1] if val else 3.0, "perplexity": 20.0}
    made = evidence(
        train,
        val,
        main=(),
        main_metric="loss",
        model={"task": "causal_lm", "head": "lm", "name": "smollm2_135m", **more.pop("model", {})},
        before=more.pop("before", {"loss": 3.4, "perplexity": 30.0}),
        test={**test, **more.pop("test", {})},
        ci95={"loss": (test["loss"] - 0.05, test["loss"] + 0.05), **more.pop("ci95", {})},
        **more,
    )
    quality = made.result.quality
    assert quality is not None
    kept = {name: value for name, value in quality.test.items() if name in ("loss", "perplexity")}
    ends = {name: value for name, value in quality.test_ci95.items() if name in kept}
    result = dataclasses.replace(made.result, quality=dataclasses.replace(quality, test=kept, test_ci95=ends))
    return dataclasses.replace(made, result=result, counts=None)
