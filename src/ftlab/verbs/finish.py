"""After training: the artefact verified, the files and plots written, the record put together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from ftlab.artefact import folder_size_mb, is_adapter
from ftlab.callbacks.cost import Cost as CostMeter
from ftlab.callbacks.latency import Latency
from ftlab.measure.device import environment
from ftlab.models.pretrained import LoadedNet
from ftlab.modules.precision import inference_precision
from ftlab.modules.trained import TrainedModule
from ftlab.report.card import write_card
from ftlab.report.usage import Form
from ftlab.results import Artefact, Cost, Energy, Quality, RunResult, TrainingStats
from ftlab.schema import TrainConfig
from ftlab.verbs.files import write_series
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.measurements import Measurements, collect
from ftlab.verbs.record import component, model_info
from ftlab.verbs.recording import Recording
from ftlab.verbs.stages import best_val
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tested import Tested
from ftlab.verbs.untrained import Untrained

# Largest logit difference that is rounding: merging adds the update in another order; half precision has 8 to 11 bits.
# The logits are compared as 32-bit numbers, which 64 bits do not make finer; Apple's kernels are built with fast math.
TOLERANCE = {"32-true": 1e-3, "64-true": 1e-5}
APPLE_TOLERANCE = 1e-2
HALF_TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has in hand once the best weights are tested."""

    machine: Machine
    material: Material
    loaded: LoadedNet
    untrained: Untrained
    tested: Tested


def finish_run(
    task: Task, recording: Recording, trainer: L.Trainer, module: TrainedModule, outcome: Outcome
) -> tuple[RunResult, list[str]]:
    """Save, verify, record. Returns the record and what the measuring callbacks have to say."""
    settings, folder, machine, material = task.settings, recording.folder, outcome.machine, outcome.material
    model = model_info(task, module.net, outcome.loaded, material.tokenizer, machine.precision)
    callbacks: list[L.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    artefact, form, reloaded = save_and_verify(task, module, outcome, folder)
    if reloaded.merged and settings.latency.enabled:
        for callback in callbacks:
            if isinstance(callback, Latency):
                callback.measure(reloaded)  # the merged network is what will be served
    _tell_price(callbacks, outcome)
    measured = collect(callbacks)
    result = RunResult(
        run=recording.info("finished"),
        model=model,
        adapter=component(settings.adapter),
        prompt=material.prompt_record,
        compression={"name": "none"},
        dataset=material.data.info(),
        quality=_quality(task, outcome, measured),
        training=_training(settings, measured, machine.part.processes),
        latency=measured.section("latency").get("rows", []),
        cost=Cost(**measured.section("cost")) if "cost" in measured.sections else None,
        energy=Energy(**measured.section("energy")),
        artefact=artefact,
        environment=environment(machine.device, machine.trains_on.type),
    )
    write_series(result, measured, folder)
    task.write_rows(result, material.data, outcome.tested, outcome.untrained.beside(outcome.tested), folder)
    write_card(result, folder / "model", form)
    recording.finish(result)
    return result, measured.notes


def _tell_price(callbacks: list[L.Callback], outcome: Outcome) -> None:
    """Say how long requests and answers are, which only the task knows."""
    record, written = outcome.material.prompt_record, outcome.tested.written
    for callback in callbacks:
        if isinstance(callback, CostMeter):
            callback.asked(record["tokens_per_request"], record.get("computed_share", 0.0))
            if written is not None and written.mean_tokens is not None:
                callback.answered(written.mean_tokens)


def save_and_verify(task: Task, module: TrainedModule, outcome: Outcome, folder: Path) -> tuple[Artefact, Form, Any]:
    """Save the model folder, load it again as a stranger would, and score test rows with it.

    Raises:
        RuntimeError: the reloaded model predicts something else.
    """
    machine, net = outcome.machine, module.net
    wrapped = is_adapter(net)
    base = _adapter_base(wrapped, outcome.loaded, task.settings)
    form = task.save(net, outcome.material, folder / "model", base, outcome.loaded.weights_digest)
    precision = inference_precision(machine.precision, machine.trains_on.type, machine.device)
    reloaded = task.load_saved(folder / "model", machine, precision)
    reloaded.merged = wrapped and form == "full"
    difference = task.difference(reloaded, outcome.material.data, outcome.tested)
    if not difference <= tolerance(machine.precision, {machine.trains_on.type, machine.device.type}):
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


def _quality(task: Task, outcome: Outcome, measured: Measurements) -> Quality:
    more, intervals = task.intervals(outcome.material.data, outcome.tested)
    return Quality(
        main={"name": task.monitor.removeprefix("val/"), "split": "test", "direction": outcome.material.mode},
        untrained=dict(outcome.untrained.metrics),
        val=dict(best_val(measured.history, task.monitor, outcome.material.mode)),
        test={**outcome.tested.metrics, **more},
        test_ci95=intervals,
    )
