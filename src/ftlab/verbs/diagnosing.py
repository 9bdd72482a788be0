"""Gathers what a diagnosis looks at, and asks for it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from ftlab.callbacks.nan_guard import NonFiniteLossError
from ftlab.cores import usable_cores
from ftlab.datasets.options import step_rows
from ftlab.diagnosis.diagnose import diagnose
from ftlab.diagnosis.evidence import Evidence, LabelCounts, Lost, Options, Point
from ftlab.modules.scores import Scores
from ftlab.results import RunResult
from ftlab.schema import DatasetConfig, EvaluateConfig, TrainConfig

log = logging.getLogger(__name__)


def diagnosed(
    result: RunResult,
    settings: TrainConfig,
    history: Sequence[Mapping[str, Any]],
    scores: object,
    train_counts: Sequence[int] | None,
) -> RunResult:
    """Return the record of a training with its diagnosis.

    Args:
        result: the record.
        settings: of the run.
        history: points of its curves.
        scores: of the test rows, of whatever kind the task has.
        train_counts: train rows of each label; None: there are none.
    """
    points = tuple(Point(row["step"], row["epoch"], row["name"], row["value"]) for row in history)
    evidence = Evidence(result, points, _counts(result, scores, train_counts), _options(settings))
    return _with(result, evidence)


def diagnosed_again(result: RunResult, settings: EvaluateConfig, trained: RunResult, scores: object) -> RunResult:
    """Return the record of an evaluation with its diagnosis; what would help is for the next training.

    Args:
        result: the record.
        settings: of the evaluation.
        trained: record of the run it looks at.
        scores: of the test rows, of whatever kind the task has.
    """
    prompt, labels = trained.prompt, max(1, len(result.dataset.labels) if result.dataset else 0)
    options = dataclasses.replace(
        _of_rows(settings.dataset),
        learning_rate=trained.training.learning_rate,
        calibration=prompt.get("calibration"),
        shots=int(prompt.get("shots") or 0) // labels,
    )
    steps = trained.training.steps or 0
    return _with(result, Evidence(result, (), _counts(result, scores, None), options, steps_before=steps))


def diagnosed_failure(result: RunResult, cfg: DictConfig, error: BaseException) -> RunResult:
    """Return the record of a run that died, with its diagnosis where a loss that is no number was the end of it."""
    if not isinstance(error, NonFiniteLossError):
        return result
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, TrainConfig), "only a training has such a loss"
    lost = Lost(error.epoch, error.step, error.loss, error.before)
    return _with(result, Evidence(result, options=_options(settings), lost=lost))


def _with(result: RunResult, evidence: Evidence) -> RunResult:
    """Return the record with its diagnosis; a rule that fails costs the diagnosis, and not the run."""
    try:
        return dataclasses.replace(result, diagnosis=diagnose(evidence))
    except Exception:
        log.warning("the run could not be diagnosed; everything else of its record holds", exc_info=True)
        return result


def _counts(result: RunResult, scores: object, train: Sequence[int] | None) -> LabelCounts | None:
    if not isinstance(scores, Scores) or result.dataset is None:
        return None
    labels = result.dataset.labels
    true, predicted = (
        tuple(np.bincount(numbers, minlength=len(labels)).tolist()) for numbers in (scores.labels, scores.predictions)
    )
    return LabelCounts(tuple(labels), true, predicted, None if train is None else tuple(train))


def _options(settings: TrainConfig) -> Options:
    trainer, rate = settings.trainer, settings.optimizer.get("lr")
    adamw = str(settings.optimizer.get("_target_", "")).rpartition(".")[2].startswith("AdamW")
    usual = settings.adapter.get("learning_rate") if adamw else None  # others take other steps with the same number
    return dataclasses.replace(
        _of_rows(settings.dataset),
        learning_rate=None if rate is None else float(rate),
        usual_rate=None if usual is None else float(usual),
        max_epochs=trainer.get("max_epochs"),
        max_steps=trainer.get("max_steps"),
        clip=trainer.get("gradient_clip_val"),
        scheduler=str(settings.scheduler.get("_target_", "")).rpartition(".")[2],
        warmup=settings.scheduler.get("warmup"),
        precision=str(trainer.get("precision")),
        dropout=settings.model.dropout,
        label_smoothing=settings.model.label_smoothing,
        class_weights=settings.model.class_weights is not None,
        calibration=settings.prompt.calibration,
        shots=settings.prompt.shots_per_class,
    )


def _of_rows(dataset: DatasetConfig) -> Options:
    """Return the options of the data set; test rows are split off where one file holds all."""
    split_off = dataset.bundled is None and dataset.hub is None and dataset.test is None
    whole = split_off and not Path(dataset.train or "").is_dir()
    return Options(
        batching=dataset.batching,
        batch_size=step_rows(dataset),
        max_length=dataset.max_length,
        on_leak=dataset.on_leak,
        workers=dataset.num_workers,
        cores=usable_cores(),
        test_limit=dataset.limit.test,
        sample_per_class=dataset.sample_per_class,
        test_fraction=dataset.test_fraction if whole else None,
    )
