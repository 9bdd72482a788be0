"""After training: the artefact verified, the files and plots written, the record put together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import lightning as L

from ftlab.callbacks.cost import Cost as CostMeter
from ftlab.measure.device import environment
from ftlab.models.pretrained import LoadedNet
from ftlab.modules.trained import TrainedModule
from ftlab.report.card import write_card
from ftlab.results import Cost, Energy, Quality, RunResult, TrainingStats
from ftlab.schema import TrainConfig
from ftlab.verbs.diagnosing import diagnosed
from ftlab.verbs.files import write_series
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.measurements import Measurements, collect
from ftlab.verbs.record import component, model_info
from ftlab.verbs.recording import Recording
from ftlab.verbs.shipping import ship, time_merged
from ftlab.verbs.stages import best_val
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tested import Tested
from ftlab.verbs.untrained import Untrained


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
    shipped = ship(task, module, machine, material, outcome.loaded, outcome.tested, folder)
    if settings.latency.enabled:
        shipped = time_merged(callbacks, module, shipped)
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
        artefact=shipped.artefact,
        environment=environment(machine.device, machine.trains_on.type),
    )
    counts = getattr(material.data, "class_counts", None)
    result = diagnosed(result, settings, measured.history, outcome.tested.scores, counts)
    write_series(result, measured, folder)
    task.write_rows(result, material.data, outcome.tested, outcome.untrained.beside(outcome.tested), folder)
    write_card(result, folder / "model", shipped.form)
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


def _training(settings: TrainConfig, measured: Measurements, processes: int) -> TrainingStats:
    stats = TrainingStats(**measured.section("training"), processes=processes)
    if not stats.steps:
        return stats  # adapter=none has an optimizer in its configuration, and takes no step with it
    rate, target = settings.optimizer.get("lr"), str(settings.optimizer["_target_"])
    return dataclasses.replace(stats, optimizer=target, learning_rate=None if rate is None else float(rate))


def _quality(task: Task, outcome: Outcome, measured: Measurements) -> Quality:
    more, intervals = task.intervals(outcome.material.data, outcome.tested)
    before = {"per_class": outcome.untrained.per_class} if outcome.untrained.per_class else {}
    return Quality(
        main={"name": task.monitor.removeprefix("val/"), "split": "test", "direction": outcome.material.mode},
        untrained={**outcome.untrained.metrics, **before},
        val=dict(best_val(measured.history, task.monitor, outcome.material.mode)),
        test={**outcome.tested.metrics, **more},
        test_ci95=intervals,
    )
