"""What measuring callbacks share, and the YAML files that build them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from ftlab.callbacks.curves import Curves
from ftlab.callbacks.gpu import GpuUtilisation
from ftlab.callbacks.measuring import Measuring, batch_loss, find_callback, is_fitting
from ftlab.callbacks.memory import Memory
from ftlab.paths import config_dir
from ftlab.schema import CostConfig, LatencyConfig

RUNTIME = {
    "monitor": "val/score",
    "mode": "max",
    "data": SimpleNamespace(texts=lambda split: ["text"], mean_test_tokens=3.0),
    "latency": LatencyConfig(enabled=False),
    "cost": CostConfig(usd_per_hour=1.0, device_class="cpu"),
    "seed": 1,
    "model_name": "tiny",
    "architecture": {},
}


def group(name: str) -> DictConfig:
    config = OmegaConf.load(config_dir() / "callbacks" / f"{name}.yaml")
    assert isinstance(config, DictConfig)
    bases = config.pop("defaults", [])
    return OmegaConf.merge(*[group(base) for base in bases if base != "_self_"], config)  # type: ignore[return-value]


def build(name: str, folder: Path) -> dict[str, L.Callback]:
    """Build a group as documented: options from YAML, and the runtime values that the signature names."""
    made = {}
    for key, node in group(name).items():
        module, _, cls = node["_target_"].rpartition(".")
        target = getattr(import_module(module), cls)
        options = {k: v for k, v in node.items() if k != "_target_"}
        named = inspect.signature(target).parameters
        values = {k: v for k, v in {**RUNTIME, "folder": folder}.items() if k in named}
        made[str(key)] = target(**values, **options)
    return made


def test_default_callbacks_train_and_name_every_field_of_training(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path
) -> None:
    from ftlab.results import Cost, Energy, TrainingStats

    made = build("default", tmp_path)
    fit(tiny([0.5, 0.6]), batches(1, 1), *made.values(), max_epochs=2)
    sections: dict[str, dict[str, Any]] = {}
    for callback in made.values():
        if isinstance(callback, Measuring):
            for section, fields in callback.measured().items():
                assert not set(sections.get(section, {})) & set(fields), "each field is measured once"
                sections.setdefault(section, {}).update(fields)
    assert set(sections) == {"training", "latency", "cost", "energy"}
    by_the_flow = {"processes", "optimizer", "learning_rate", "compile_seconds"}
    by_the_flow |= {"micro_batch_size", "accumulation", "out_of_memory"}  # which every trainer measures
    by_the_flow |= {"optimizer_in_backward", "activation_offload"}
    assert set(sections["training"]) == set(TrainingStats.__slots__) - by_the_flow
    assert set(sections["cost"]) == set(Cost.__slots__)
    assert set(sections["energy"]) == set(Energy.__slots__)


def test_order_of_the_callbacks_does_not_matter(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    def run(folder: Path, order: Callable[[list[L.Callback]], list[L.Callback]]) -> tuple[Any, ...]:
        made = build("default", folder)
        trainer = fit(tiny([0.5, 0.4, 0.3, 0.2, 0.1]), batches(1, 2), *order(list(made.values())), max_epochs=5)
        history = [(p["step"], p["name"], p["value"]) for p in made["curves"].history]  # type: ignore[attr-defined]
        return trainer.global_step, sorted(p.name for p in (folder / "checkpoints").iterdir()), history

    assert run(tmp_path / "a", lambda c: c) == run(tmp_path / "b", lambda c: c[::-1])


def test_none_keeps_weights_and_guards_but_measures_nothing(tmp_path: Path) -> None:
    made = build("none", tmp_path)
    assert list(made) == ["checkpoint", "nan_guard"]
    assert not any(isinstance(c, Measuring) for c in made.values())


def test_early_stopping_and_checkpoint_take_monitor_and_mode_by_name(tmp_path: Path) -> None:
    made: dict[str, Any] = build("default", tmp_path)
    for name in ("early_stopping", "checkpoint"):
        assert (made[name].monitor, made[name].mode) == ("val/score", "max")


def test_hint_numbers_are_those_of_the_hinted_model() -> None:
    progress = group("default")["progress"]
    model = OmegaConf.load(config_dir() / "model" / f"{progress['hint_model']}.yaml")
    assert progress["hint_layers"] == model["architecture"]["num_hidden_layers"]
    assert progress["hint_width"] == model["architecture"]["hidden_size"]


def test_measuring_callback_must_say_what_it_measured() -> None:
    with pytest.raises(NotImplementedError):
        Measuring().measured()


def test_callback_is_found_by_its_class(make_trainer: Any) -> None:
    memory = Memory()
    trainer = make_trainer(Curves(), memory)
    assert find_callback(trainer, Memory) is memory
    assert find_callback(trainer, GpuUtilisation) is None


def test_loss_is_found_in_what_a_step_returned() -> None:
    trainer: Any = SimpleNamespace(accumulate_grad_batches=4)
    loss = torch.tensor(0.5, requires_grad=True)
    for outputs in (loss, {"loss": loss}):
        found = batch_loss(trainer, outputs)
        assert found is not None
        assert (found.item(), found.requires_grad) == (2.0, False)
    assert batch_loss(trainer, None) is None
    assert batch_loss(trainer, {}) is None


def test_fit_is_told_from_other_passes(make_trainer: Any, tiny: Any, batches: Any, loader: Any) -> None:
    class Spy(L.Callback):
        def __init__(self) -> None:
            self.seen: list[bool] = []

        def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            self.seen.append(is_fitting(trainer))

    spy, data = Spy(), loader(batches(1))
    trainer = make_trainer(spy, num_sanity_val_steps=1)
    trainer.fit(tiny([0.1, 0.2]), data, data)
    trainer.validate(tiny([0.3]), data, verbose=False)
    assert spy.seen == [False, True, False]
