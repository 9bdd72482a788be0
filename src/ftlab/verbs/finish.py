"""After training: the artefact verified, the files and plots written, the record put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch

from ftlab.artefact import folder_size_mb, is_adapter, save_artefact
from ftlab.callbacks.latency import Latency
from ftlab.datasets.datamodule import TextDataModule
from ftlab.measure.device import environment
from ftlab.metrics.bootstrap import bootstrap_ci95
from ftlab.metrics.classification import per_class
from ftlab.models.pretrained import LoadedNet
from ftlab.models.tokenizer import LoadedTokenizer
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.precision import inference_precision
from ftlab.predictor import TorchPredictor, load_predictor
from ftlab.report.card import Form, write_card
from ftlab.results import Artefact, Cost, Energy, Quality, RunResult, TrainingStats
from ftlab.schema import TrainConfig
from ftlab.verbs.files import write_files
from ftlab.verbs.measurements import Measurements, collect
from ftlab.verbs.parts import Machine, Material
from ftlab.verbs.record import component, model_info
from ftlab.verbs.recording import Recording
from ftlab.verbs.stages import Tested, best_val

VERIFIED_ROWS = 128  # test rows that the reloaded artefact scores again; all of them in smaller splits
# Largest logit difference that is rounding: merging adds the update in another order; half precision has 8 to 11 bits.
# The logits are compared as 32-bit numbers, which 64 bits do not make finer; Apple's kernels are built with fast math.
TOLERANCE = {"32-true": 1e-3, "64-true": 1e-5}
APPLE_TOLERANCE = 1e-2
HALF_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has in hand once the best weights are tested."""

    untrained: Mapping[str, float]  # metrics on the test split before training
    tested: Tested
    mode: str  # of the monitor: max or min
    loaded: LoadedNet
    tokenizer: LoadedTokenizer
    device: torch.device  # of inference
    precision: str  # of training
    trained_on: str  # cuda, mps, cpu
    processes: int = 1  # that trained together

    @classmethod
    def of(
        cls, machine: Machine, material: Material, loaded: LoadedNet, untrained: Mapping[str, float], tested: Tested
    ) -> Outcome:
        """Return what the parts of a training come to."""
        return cls(
            untrained,
            tested,
            material.mode,
            loaded,
            material.tokenizer,
            machine.device,
            machine.precision,
            machine.trains_on.type,
            machine.part.processes,
        )


def finish_run(
    settings: TrainConfig,
    recording: Recording,
    trainer: L.Trainer,
    module: ClassifierModule,
    data: TextDataModule,
    outcome: Outcome,
) -> tuple[RunResult, list[str]]:
    """Save, verify, record. Returns the record and what the measuring callbacks have to say."""
    folder = recording.folder
    model = model_info(settings.model, module.net, outcome.loaded, outcome.tokenizer, outcome.precision)
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    artefact, form, reloaded = save_and_verify(settings, module, data, outcome, folder)
    if reloaded.merged and settings.latency.enabled:
        for callback in callbacks:
            if isinstance(callback, Latency):
                callback.measure(reloaded)  # the merged network is what will be served
    measured = collect(callbacks)
    result = RunResult(
        run=recording.info("finished"),
        model=model,
        adapter=component(settings.adapter),
        prompt={"name": "none", "tokens_per_request": data.mean_test_tokens},
        compression={"name": "none"},
        dataset=data.info(),
        quality=_quality(settings, outcome, measured, data.labels),
        training=_training(settings, measured, outcome.processes),
        latency=measured.section("latency").get("rows", []),
        cost=Cost(**measured.section("cost")) if "cost" in measured.sections else None,
        energy=Energy(**measured.section("energy")),
        artefact=artefact,
        environment=environment(outcome.device, outcome.trained_on),
    )
    write_files(result, measured, data, outcome.tested.scores, folder, keep_text=settings.predictions.text)
    write_card(result, folder / "model", form)
    recording.finish(result)
    return result, measured.notes


def save_and_verify(
    settings: TrainConfig, module: ClassifierModule, data: TextDataModule, outcome: Outcome, folder: Path
) -> tuple[Artefact, Form, TorchPredictor]:
    """Save the model folder, load it again as a stranger would, and score test rows with it.

    Raises:
        RuntimeError: the reloaded model predicts something else.
    """
    net: Any = module.net
    wrapped = is_adapter(net)
    base = _adapter_base(wrapped, outcome.loaded, settings)
    form = save_artefact(net, outcome.tokenizer.tokenizer, folder / "model", labels=data.labels, base=base)
    reloaded = load_predictor(
        folder / "model",
        max_length=settings.dataset.max_length,
        device=outcome.device,
        precision=inference_precision(outcome.precision, outcome.trained_on, outcome.device),
        attention=settings.model.attention,
    )
    reloaded.merged = wrapped and form == "full"
    texts = data.texts("test")
    rows = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), VERIFIED_ROWS)).astype(int))
    logits = reloaded.score([texts[row] for row in rows], settings.dataset.eval_batch_size)
    difference = float(np.abs(logits - outcome.tested.scores.logits[rows]).max())
    if not difference <= tolerance(outcome.precision, {outcome.trained_on, outcome.device.type}):
        raise RuntimeError(
            f"the model folder, loaded again, gives logits up to {difference:.3g} away from the tested ones; "
            f"{folder / 'model'} must not be used"
        )
    size = folder_size_mb(folder / "model")
    return Artefact("model", size, verified=True, max_abs_logit_difference=difference), form, reloaded


def tolerance(precision: str, kinds: set[str]) -> float:
    """Return the largest difference of two logits that is rounding, between the devices ``kinds``."""
    exact = TOLERANCE.get(precision, HALF_TOLERANCE)
    return max(exact, APPLE_TOLERANCE) if "mps" in kinds else exact


def _adapter_base(wrapped: bool, loaded: LoadedNet, settings: TrainConfig) -> str | None:
    """Return the hub id an adapter folder may name as its base; None: save plain or merged weights.

    ``adapter.merge``: true merges; false keeps the adapter; auto keeps it where the base is the hub's own.
    """
    merge = settings.adapter.get("merge", "auto")
    if not wrapped or merge is True or (merge == "auto" and loaded.origin != "hub"):
        return None
    return settings.model.checkpoint


def _training(settings: TrainConfig, measured: Measurements, processes: int) -> TrainingStats:
    stats = TrainingStats(**measured.section("training"), processes=processes)
    if not stats.steps:
        return stats  # adapter=none has an optimizer in its configuration, and takes no step with it
    rate, target = settings.optimizer.get("lr"), str(settings.optimizer["_target_"])
    return dataclasses.replace(stats, optimizer=target, learning_rate=None if rate is None else float(rate))


def _quality(settings: TrainConfig, outcome: Outcome, measured: Measurements, labels: list[str]) -> Quality:
    scores = outcome.tested.scores
    report = per_class(scores.probabilities, scores.labels, labels)
    intervals = bootstrap_ci95(scores.labels, scores.probabilities, scores.losses)
    name = settings.monitor.removeprefix("val/")
    return Quality(
        main={"name": name, "split": "test", "direction": outcome.mode},
        untrained=dict(outcome.untrained),
        val=dict(best_val(measured.history, settings.monitor, outcome.mode)),
        test={**outcome.tested.metrics, "per_class": report},
        test_ci95=intervals,
    )
