"""The network of a training and what trains it, the same in each of its processes."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L

from ftlab.build import build_adapter, build_callbacks, build_optimizer, build_scheduler, build_trainer
from ftlab.datasets.options import AUTO
from ftlab.measure.available import available_mb
from ftlab.models.portable import remember_start
from ftlab.models.pretrained import LoadedNet
from ftlab.models.recompute import recompute_activations
from ftlab.modules.trained import TrainedModule
from ftlab.verbs import stages
from ftlab.verbs.batch_size import planned_rows, settle_rows
from ftlab.verbs.fingerprint import fingerprint
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.resuming import say
from ftlab.verbs.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Parts:
    """The network and what trains it."""

    loaded: LoadedNet
    module: TrainedModule
    learner: TrainedModule  # what is fitted: ``module``, or a copy of it whose weights are sharded
    trainer: L.Trainer
    tester: L.Trainer  # the same, unless the weights are sharded
    known_as: str | None = None  # fingerprint of what is scored before training, where the adapter leaves outputs alone

    @property
    def trains(self) -> bool:
        """Whether anything does: not with adapter=none."""
        return any(p.requires_grad for p in self.module.net.parameters())


def assemble(
    task: Task,
    machine: Machine,
    material: Material,
    folder: Path,
    logger: Any,  # noqa: ANN401
    in_sweep: bool = False,
) -> Parts:
    """Load the network, and build around it what trains it; in a sweep other jobs may begin with the same weights."""
    settings, data = task.settings, material.data
    # Here once more: trying the adapter has drawn numbers, some adapters more than others, and all must begin alike.
    L.seed_everything(settings.seed, verbose=False)
    is_auto = settings.dataset.batch_size == AUTO
    free_mb = available_mb(machine.trains_on) if is_auto else 0.0  # before the weights take their part
    loaded = task.load(material)
    scored = fingerprint(settings, loaded.net, material, machine) if in_sweep else None
    steps = stages.planned_steps(settings.trainer, len(data.train_dataloader()))
    adapted = build_adapter(
        settings.adapter,
        loaded.net,
        steps,
        tokenizer=material.tokenizer.tokenizer,
        max_length=settings.dataset.max_length,
    )
    remember_start(adapted.net)
    if settings.model.gradient_checkpointing:
        recompute_activations(loaded.net)
    module = task.module(
        adapted.net,
        machine,
        material,
        optimizer=build_optimizer(settings.optimizer, machine.accelerator, machine.precision),
        scheduler=build_scheduler(settings.scheduler),
        param_groups=adapted.param_groups,
        weight_decay=float(settings.optimizer.get("weight_decay", 0.0)),
        fingerprint=loaded.fingerprint,
    )
    callbacks = [*_callbacks(task, machine, material, folder), *adapted.callbacks]
    learner = copy.deepcopy(module) if machine.is_sharded else module
    built: dict[str, Any] = {"precision": machine.precision, "folder": folder, "callbacks": callbacks, "logger": logger}
    trainer = build_trainer(settings.trainer, **built, part=machine.part, strategy=machine.strategy, net=learner.net)
    tester = build_trainer({**settings.trainer, "devices": _one(machine)}, **built) if machine.is_sharded else trainer
    if is_auto and any(p.requires_grad for p in module.net.parameters()):
        plan = functools.partial(planned_rows, task, machine, material)
        say(settle_rows(settings, machine, data, module, trainer, free_mb=free_mb, plan=plan))
    module.micro_batches.cut = settings.dataset.batching != "fixed"
    return Parts(loaded, module, learner, trainer, tester, scored if adapted.unchanged else None)


def _one(machine: Machine) -> list[int] | int:
    """Return the first of the GPUs that train, as Lightning names it."""
    return 1 if machine.trains_on.index is None else [machine.trains_on.index]


def _callbacks(task: Task, machine: Machine, material: Material, folder: Path) -> list[L.Callback]:
    settings = task.settings
    return build_callbacks(
        settings.callbacks,
        monitor=task.monitor,
        mode=material.mode,
        folder=folder,
        data=material.data,
        latency=settings.latency,
        cost=material.price,
        device=machine.device,
        seed=settings.seed,
        model_name=settings.model.name,
        architecture=settings.model.architecture,
    )
