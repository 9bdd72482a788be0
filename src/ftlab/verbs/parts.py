"""What a training is made of, the same in each of its processes: where it runs, its data, its network, its trainer."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torchmetrics import MetricCollection

from ftlab.build import (
    build_adapter,
    build_callbacks,
    build_metrics,
    build_module,
    build_optimizer,
    build_scheduler,
    build_trainer,
)
from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.shares import Part
from ftlab.datasets.sources import read_splits
from ftlab.datasets.splits import Splits
from ftlab.metrics import classification
from ftlab.metrics.measures import direction
from ftlab.models.pretrained import LoadedNet, load_classifier
from ftlab.models.recompute import recompute_activations
from ftlab.models.tokenizer import LoadedTokenizer, load_tokenizer
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.precision import (
    inference_device,
    inference_precision,
    pick_accelerator,
    pick_precision,
    training_device,
)
from ftlab.predictor import TorchPredictor
from ftlab.processes.devices import SHARDED
from ftlab.processes.plan import check_gpus, count_processes, strategy_name
from ftlab.schema import CostConfig, TrainConfig
from ftlab.verbs import stages
from ftlab.verbs.fingerprint import fingerprint
from ftlab.verbs.preflight import check_model


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a training runs, and in how many processes."""

    accelerator: str  # cuda, mps, cpu
    trains_on: torch.device
    precision: str
    device: torch.device  # of inference
    answers_in: str  # precision of inference
    part: Part  # which process this is
    strategy: str  # auto: one process

    def named(self) -> str:
        """Return the device of inference, and the processes that train if there are several."""
        several = f" ({self.part.processes} processes train)" if self.part.processes > 1 else ""
        return f"{self.device}{several}"

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds a part of the weights: then the first one tests alone, with whole ones."""
        return self.strategy == SHARDED


@dataclass(frozen=True, slots=True)
class Material:
    """What is known before a weight is loaded: the faults of data and model are out of the way."""

    splits: Splits
    tokenizer: LoadedTokenizer
    remarks: list[str]
    price: CostConfig
    mode: str  # of the monitor: max or min
    metrics: MetricCollection
    data: TextDataModule


@dataclass(frozen=True, slots=True)
class Parts:
    """The network and what trains it."""

    loaded: LoadedNet
    module: ClassifierModule
    learner: ClassifierModule  # what is fitted: ``module``, or a copy of it whose weights are sharded
    trainer: L.Trainer
    tester: L.Trainer  # the same, unless the weights are sharded
    known_as: str | None = None  # fingerprint of what is scored before training, where the adapter leaves outputs alone

    @property
    def trains(self) -> bool:
        """Whether anything does: not with adapter=none."""
        return any(p.requires_grad for p in self.module.net.parameters())


def pick_machine(settings: TrainConfig, rank: int = 0) -> Machine:
    """Return what ``auto`` devices and precisions are here.

    Raises:
        ConfigError: what is asked for is not on this machine.
    """
    check_gpus(settings.trainer)
    accelerator = pick_accelerator(settings.trainer["accelerator"])
    processes = count_processes(settings.trainer, accelerator, settings.dataset.batch_size)
    trains_on = training_device(accelerator, settings.trainer["devices"])
    precision = pick_precision(settings.trainer["precision"], trains_on)
    device = inference_device(settings.device, trains_on)
    return Machine(
        accelerator,
        trains_on,
        precision,
        device,
        inference_precision(precision, trains_on.type, device),
        Part(rank, processes),
        strategy_name(settings.trainer, processes),
    )


def read_material(settings: TrainConfig, machine: Machine) -> Material:
    """Read the rows, and try model and options on them.

    Raises:
        ConfigError, DataError, ModelError: they do not fit.
    """
    splits = read_splits(settings.dataset)
    tokenizer = load_tokenizer(settings.model, settings.dataset.tokenizer)
    remarks = check_model(settings, splits.labels, tokenizer)
    price = stages.price_here(settings.cost, machine.device)
    own_metrics = build_metrics(settings.metrics)
    mode = direction(settings.monitor, own_metrics)
    metrics = classification.build_metrics(len(splits.labels), own_metrics)
    data = TextDataModule(
        splits,
        tokenizer.tokenizer,
        settings.dataset,
        settings.seed,
        machine.part,
        tests_alone=machine.is_sharded,
        pin_memory=machine.accelerator == "cuda",
    )
    return Material(splits, tokenizer, list(remarks), price, mode, metrics, data)


def assemble(
    settings: TrainConfig,
    machine: Machine,
    material: Material,
    folder: Path,
    logger: Any,  # noqa: ANN401
    in_sweep: bool = False,
) -> Parts:
    """Load the network, and build around it what trains it; in a sweep other jobs may begin with the same weights."""
    data, tokenizer = material.data, material.tokenizer.tokenizer
    # Here once more: trying the adapter has drawn numbers, some adapters more than others, and all must begin alike.
    L.seed_everything(settings.seed, verbose=False)
    loaded = load_classifier(settings.model, material.splits.labels, tokenizer.pad_token_id)
    scored = fingerprint(settings, loaded.net, data, machine.precision, str(machine.trains_on)) if in_sweep else None
    steps = stages.planned_steps(settings.trainer, len(data.train_dataloader()))
    adapted = build_adapter(settings.adapter, loaded.net, steps)
    if settings.model.gradient_checkpointing:
        recompute_activations(loaded.net)
    module = build_module(
        settings.model._target_,
        adapted.net,
        material.metrics,
        optimizer=build_optimizer(settings.optimizer, machine.accelerator, machine.precision),
        scheduler=build_scheduler(settings.scheduler),
        param_groups=adapted.param_groups,
        weight_decay=float(settings.optimizer.get("weight_decay", 0.0)),
        class_weights=stages.class_weights(settings.model.class_weights, data.class_counts),
        label_smoothing=settings.model.label_smoothing,
        fingerprint=loaded.weights_digest,
        predictor=lambda net: TorchPredictor(
            net,
            tokenizer,
            material.splits.labels,
            max_length=settings.dataset.max_length,
            device=machine.device,
            precision=machine.answers_in,
        ),
    )
    callbacks = [*_callbacks(settings, machine, material, folder), *adapted.callbacks]
    learner = copy.deepcopy(module) if machine.is_sharded else module
    built: dict[str, Any] = {"precision": machine.precision, "folder": folder, "callbacks": callbacks, "logger": logger}
    trainer = build_trainer(settings.trainer, **built, part=machine.part, strategy=machine.strategy, net=learner.net)
    tester = build_trainer({**settings.trainer, "devices": 1}, **built) if machine.is_sharded else trainer
    return Parts(loaded, module, learner, trainer, tester, scored if adapted.unchanged else None)


def _callbacks(settings: TrainConfig, machine: Machine, material: Material, folder: Path) -> list[L.Callback]:
    return build_callbacks(
        settings.callbacks,
        monitor=settings.monitor,
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
