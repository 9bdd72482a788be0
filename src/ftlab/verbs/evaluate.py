"""``ftlab evaluate <run>``: a finished run scored and timed again, on its own test rows or on others."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ftlab.artefact import folder_size_mb
from ftlab.build import build_metrics
from ftlab.datasets.test_rows import ScoredRows, read_test
from ftlab.datasets.tokens import Tokens, tokenize
from ftlab.errors import DataError
from ftlab.finished import open_run
from ftlab.measure.device import environment
from ftlab.metrics import classification
from ftlab.models.attention import attention_used
from ftlab.modules.precision import inference_device, inference_precision, trained_on
from ftlab.predictor import TorchPredictor, load_predictor
from ftlab.report.terminal import run_table, show
from ftlab.results import Artefact, DatasetInfo, ModelInfo, RunResult, TrainingStats
from ftlab.schema import EvaluateConfig
from ftlab.verbs.files import write_files
from ftlab.verbs.measurements import Measurements
from ftlab.verbs.recording import Recording
from ftlab.verbs.scoring import measure_latency, measure_quality, request_cost, request_energy, score
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
        device = inference_device(settings.device)
        price = price_here(settings.cost, device)
        data = read_test(settings.dataset, trained.dataset.labels)
        metrics = classification.build_metrics(len(data.labels), build_metrics(settings.metrics))
        predictor = _load(settings, place, trained, device)
        tokens = tokenize(data.test, predictor.tokenizer, settings.dataset.max_length)
        info = _dataset_info(settings, data, tokens, trained.dataset)
        notes = _show_start(settings, folder, data, info, predictor)
        recording.start(_tags(data, trained))

        scores = score(predictor, data, settings.dataset.eval_batch_size)
        quality = measure_quality(scores, data.labels, trained.quality.main, metrics)
        latency = measure_latency(predictor, data, settings.latency)
        cost, unpriced = request_cost(price, latency, device, float(tokens.lengths.mean()))
        result = RunResult(
            run=recording.info("finished"),
            model=_model(trained, predictor),
            adapter=trained.adapter,
            prompt={**trained.prompt, "tokens_per_request": cost.prompt_tokens},
            compression=trained.compression,
            dataset=info,
            quality=quality,
            training=TrainingStats(),
            latency=latency.rows,
            cost=cost,
            energy=request_energy(latency, price.batch_size),
            artefact=_artefact(place, folder, trained.artefact),
            environment=environment(device, trained_on(trained.environment)),
        )
        series = Measurements(samples=latency.samples)
        write_files(result, series, data, scores, folder, keep_text=settings.predictions.text)
        recording.finish(result)
        _show_end(result, trained, folder, [*notes, *unpriced])
    return result


def _model(trained: RunResult, predictor: TorchPredictor) -> ModelInfo:
    assert trained.model, "a finished run has one"
    return dataclasses.replace(trained.model, precision=predictor.precision, attention=attention_used(predictor.net))


def _tags(data: ScoredRows, trained: RunResult) -> dict[str, str | None]:
    return {
        "ftlab.dataset_digest": data.digest,
        "ftlab.parent": trained.run.id,
        "ftlab.parent_mlflow_run_id": trained.run.mlflow.get("run_id"),
    }


def _load(settings: EvaluateConfig, place: Path, trained: RunResult, device: torch.device) -> TorchPredictor:
    """Load the model as it was measured: its precision too, unless it runs on another kind of device now."""
    assert trained.model and trained.dataset, "a finished run has both"
    predictor = load_predictor(
        place / "model",
        max_length=settings.dataset.max_length,
        device=device,
        precision=inference_precision(trained.model.precision, trained_on(trained.environment), device),
        attention="eager" if trained.model.attention == "eager" else "sdpa",  # flash may not be here
    )
    if predictor.labels != trained.dataset.labels:
        raise DataError(
            f"{place / 'result.json'} and {place / 'model'} name other labels ({', '.join(trained.dataset.labels)}; "
            f"{', '.join(predictor.labels)}), so one of them was changed; train the run again"
        )
    predictor.merged = "merge" in trained.adapter and not (place / "model" / "adapter_config.json").is_file()
    return predictor


def _dataset_info(settings: EvaluateConfig, data: ScoredRows, tokens: Tokens, trained: DatasetInfo) -> DatasetInfo:
    # The same test rows stood in the same training rows.
    leaked = trained.leaked_rows if data.digest == trained.test_digest else data.leaked_rows
    return DatasetInfo(
        name=data.name,
        digest=data.digest,  # of all rows that were read for scoring, which are the test rows
        test_digest=data.digest,
        labels=data.labels,
        train_rows=0,
        val_rows=0,
        test_rows=len(data.test),
        max_length=settings.dataset.max_length,
        truncated_rows=tokens.truncated,
        duplicate_rows=0,
        leaked_rows=leaked,
    )


def _show_start(
    settings: EvaluateConfig, folder: Path, data: ScoredRows, info: DatasetInfo, predictor: TorchPredictor
) -> list[str]:
    """Print what is scored on what, and what to know of the rows; return the latter."""
    notes = list(data.notes)
    if info.truncated_rows:
        notes.append(
            f"{info.truncated_rows} of {info.test_rows} texts are longer than {info.max_length} tokens and lose their "
            "end; dataset.max_length=<n> keeps more"
        )
    console = Console(soft_wrap=True, highlight=False)
    what = f"{settings.run} on {predictor.device}, {predictor.precision}"
    console.print(f"{what}; {info.name}: {info.test_rows} test; labels: {', '.join(info.labels)}", markup=False)
    console.print(f"writes to {folder}", markup=False)
    for note in notes:
        console.print(f"note: {note}", markup=False)
        log.info(note)
    return notes


def _artefact(place: Path, folder: Path, trained: Artefact) -> Artefact:
    """Return the model folder that was scored, relative to this evaluation's: the outputs may be moved as a whole."""
    model = place.resolve() / "model"
    path = os.path.relpath(model, folder.resolve())
    return Artefact(path, folder_size_mb(model), trained.verified, trained.max_abs_logit_difference)


def _show_end(result: RunResult, trained: RunResult, folder: Path, notes: list[str]) -> None:
    """Print the table; on the run's own test rows, its values stand beside the new ones."""
    assert result.quality and result.dataset and trained.dataset, "both were measured"
    name = result.quality.main["name"]
    if name not in result.quality.test:
        notes.append(f"the run's main metric {name} is your own; to measure it, add metrics.{name}._target_=<class>")
    same_rows = result.dataset.test_digest == trained.dataset.test_digest
    show(run_table(result, folder, notes=notes, parent=trained.quality if same_rows else None))
