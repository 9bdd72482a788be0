"""``ftlab evaluate <run>``: a finished run scored and timed again, on its own test rows or on others."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ftlab.finished import open_run
from ftlab.measure.device import environment
from ftlab.models.attention import attention_used
from ftlab.modules.precision import trained_on
from ftlab.report.terminal import run_table, show
from ftlab.results import ModelInfo, RunResult, TrainingStats
from ftlab.schema import EvaluateConfig
from ftlab.verbs.diagnosing import diagnosed_again
from ftlab.verbs.evaluation.evaluation import Evaluation
from ftlab.verbs.evaluation.labels import LabelEvaluation
from ftlab.verbs.evaluation.texts import TextEvaluation
from ftlab.verbs.files import write_series
from ftlab.verbs.loading import writes
from ftlab.verbs.measurements import Measurements
from ftlab.verbs.recording import Recording
from ftlab.verbs.scoring import measure_latency, request_cost, request_energy
from ftlab.verbs.stages import price_here

log = logging.getLogger(__name__)


def evaluate(cfg: DictConfig, folder: Path, overrides: Sequence[str] = ()) -> RunResult:
    """Score and time the model of ``cfg.run`` on the test rows of ``cfg.dataset``; ``folder`` then holds the record.

    Args:
        cfg: of the verb.
        folder: new.
        overrides: what the user typed, for the record.

    Raises:
        ConfigError, DataError, ModelError: found before a row is scored.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, EvaluateConfig)
    place, trained = open_run(settings.run, settings.output_dir)
    assert trained.dataset and trained.model and trained.quality and trained.artefact, "a finished run has them"
    with Recording(cfg, folder, verb="evaluate", parent=trained.run.id, overrides=overrides) as recording:
        evaluation: Evaluation = (TextEvaluation if writes(trained) else LabelEvaluation)(settings, place, trained)
        price = price_here(settings.cost, evaluation.device)
        notes = _show_start(settings, folder, evaluation)
        recording.start(_tags(evaluation, trained))

        tested = evaluation.score()
        quality = evaluation.quality(tested)
        latency = measure_latency(evaluation.model, evaluation.data, settings.latency)
        answer_tokens = tested.written.mean_tokens if tested.written else None
        share = trained.prompt.get("computed_share", 0.0)
        cost, unpriced = request_cost(price, latency, evaluation.device, evaluation.tokens, answer_tokens, share)
        result = RunResult(
            run=recording.info("finished"),
            model=_model(trained, evaluation),
            adapter=trained.adapter,
            prompt={**trained.prompt, "tokens_per_request": evaluation.tokens},
            compression=trained.compression,
            dataset=evaluation.info,
            quality=quality,
            training=TrainingStats(),
            latency=latency.rows,
            cost=cost,
            energy=request_energy(latency, price.batch_size),
            artefact=evaluation.artefact(folder),
            environment=environment(evaluation.device, trained_on(trained.environment)),
        )
        result = diagnosed_again(result, settings, trained, tested.scores)
        write_series(result, Measurements(samples=latency.samples), folder)
        evaluation.write_rows(result, tested, folder)
        recording.finish(result)
        _show_end(result, trained, folder, [*notes, *unpriced])
    return result


def _model(trained: RunResult, evaluation: Evaluation) -> ModelInfo:
    assert trained.model, "a finished run has one"
    used = evaluation.model
    return dataclasses.replace(trained.model, precision=used.precision, attention=attention_used(used.net))


def _tags(evaluation: Evaluation, trained: RunResult) -> dict[str, str | None]:
    return {
        "ftlab.dataset_digest": evaluation.info.digest,
        "ftlab.parent": trained.run.id,
        "ftlab.parent_mlflow_run_id": trained.run.mlflow.get("run_id"),
    }


def _show_start(settings: EvaluateConfig, folder: Path, evaluation: Evaluation) -> list[str]:
    """Print what is scored on what, and what to know of the rows; return the latter."""
    info = evaluation.info
    console = Console(soft_wrap=True, highlight=False)
    what = f"{settings.run} on {evaluation.device}, {evaluation.model.precision}"
    labels = f"; labels: {', '.join(info.labels)}" if info.labels else ""
    console.print(f"{what}; {info.name}: {info.test_rows} test{labels}", markup=False)
    console.print(f"writes to {folder}", markup=False)
    for note in evaluation.notes:
        console.print(f"note: {note}", markup=False)
        log.info(note)
    return list(evaluation.notes)


def _show_end(result: RunResult, trained: RunResult, folder: Path, notes: list[str]) -> None:
    """Print the table; on the run's own test rows, its values stand beside the new ones."""
    assert result.quality and result.dataset and trained.dataset, "both were measured"
    name = result.quality.main["name"]
    if name not in result.quality.test:
        notes.append(f"the run's main metric {name} is your own; to measure it, add metrics.{name}._target_=<class>")
    same_rows = result.dataset.test_digest == trained.dataset.test_digest
    show(run_table(result, folder, notes=notes, parent=trained.quality if same_rows else None))
