"""Estimates trainings before they begin: one after the other, with what they share looked up once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.build import build_adapter
from ftlab.errors import UserError
from ftlab.measure.cost import resolve_price
from ftlab.models.quiet import quiet
from ftlab.paths import config_dir
from ftlab.planning.calibration import calibrate
from ftlab.planning.devices import find_device, larger_devices
from ftlab.planning.estimate import estimate
from ftlab.planning.types import Calibration, DeviceSheet, Estimate, Node, PlanRequest
from ftlab.schema import CostConfig, PlanConfig, TrainConfig
from ftlab.verbs.rows_at_hand import RowReader
from ftlab.verbs.textbook_notes import textbook_notes
from ftlab.yaml_file import read_yaml

_ALTERNATIVES = ("lora", "qlora")  # adapters that the remedy may name
_NOTHING = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """One training, estimated. ``error``: why it cannot be; the training itself would say the same."""

    settings: TrainConfig
    device: DeviceSheet
    estimate: Estimate | None
    error: UserError | None = None


def plan_all(cfgs: Sequence[DictConfig]) -> list[Planned]:
    """Estimate each configuration of ``train`` or ``plan``. No weight is loaded, and nothing is fetched.

    Raises:
        ConfigError: a price that is for another device, an accelerator that is not on this machine.
    """
    planner = Planner()
    with quiet():
        return [planner.plan(settings_of(cfg)) for cfg in cfgs]


def settings_of(cfg: DictConfig) -> TrainConfig:
    """Return a checked configuration of ``train`` or ``plan`` as objects."""
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, TrainConfig)
    return settings


def device_named(settings: TrainConfig) -> str:
    """Return the device to plan for: what ``plan`` was told, else the one of this machine that would train."""
    told = settings.device if isinstance(settings, PlanConfig) else "auto"
    return "cpu" if told == "auto" and settings.trainer.get("accelerator") == "cpu" else told


class Planner:
    """Estimates one training after the other; this machine is calibrated once."""

    def __init__(self) -> None:
        self._rows = RowReader()
        self._sheets: dict[str, DeviceSheet] = {}
        self._calibrations: dict[str, Calibration | None] = {}
        self._alternatives = {name: adapter_node(name) for name in _ALTERNATIVES}
        self._quoted: dict[str, Node] = {"full": adapter_node("full"), **self._alternatives}
        files = sorted((config_dir() / "cost").glob("[!_]*.yaml"))
        self._prices = [CostConfig(**read_yaml(path)) for path in files]

    def plan(self, settings: TrainConfig) -> Planned:
        """Estimate one training.

        Raises:
            ConfigError: a price that is for another device, an accelerator that is not on this machine.
        """
        sheet = self._sheet(settings)
        price = resolve_price(settings.cost, self._prices, self._class(sheet))
        try:
            rows = self._rows.look(settings)
            made = estimate(
                PlanRequest(
                    model=settings.model,
                    adapter=settings.adapter,
                    optimizer=settings.optimizer,
                    trainer=settings.trainer,
                    dataset=settings.dataset,
                    task=rows.task,
                    labels=rows.labels,
                    rows=rows.rows,
                    device=sheet,
                    calibration=self._calibration(sheet),
                    build=_build,
                    mean_tokens=rows.tokens,
                    extra_tokens=rows.around,
                    usd_per_hour=price.usd_per_hour,
                    alternatives={k: v for k, v in self._alternatives.items() if k != settings.adapter.get("name")},
                    next_devices=larger_devices(sheet),
                )
            )
        except UserError as error:
            return Planned(settings, sheet, None, error)
        if not made.trainable_parameters:  # adapter=none
            made = replace(made, seconds=_NOTHING, usd=_NOTHING)
        told = textbook_notes(settings, _build, self._quoted)
        return Planned(settings, sheet, replace(made, notes=(*made.notes, *rows.notes, *told)))

    def _sheet(self, settings: TrainConfig) -> DeviceSheet:
        name = device_named(settings)
        if name not in self._sheets:
            self._sheets[name] = find_device(name)
        return self._sheets[name]

    def _calibration(self, sheet: DeviceSheet) -> Calibration | None:
        if not sheet.is_here:
            return None
        if sheet.name not in self._calibrations:
            self._calibrations[sheet.name] = calibrate(sheet)
        return self._calibrations[sheet.name]

    def _class(self, sheet: DeviceSheet) -> str:
        """Return the device class that prices are given for."""
        priced = [price.device_class for price in self._prices if price.name == sheet.price]
        return (priced[0] if priced else None) or sheet.name


def _build(node: Node, net: PreTrainedModel) -> Adapted:
    return build_adapter(node, net, None)


def _adapter_file(name: str) -> Path:
    return config_dir() / "adapter" / f"{name}.yaml"


def adapter_node(name: str) -> dict[str, Any]:
    """Return the options of an adapter's file, those of the files it stands on included."""
    held = dict(read_yaml(_adapter_file(name)))
    node: dict[str, Any] = {}
    for below in held.pop("defaults", []):
        node |= adapter_node(below) if below != "_self_" else {}
    return {**node, **held}
