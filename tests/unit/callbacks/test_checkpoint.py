"""Which weights are kept: the best by the monitor, and the last."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from ftlab.callbacks.checkpoint import Checkpoints
from ftlab.callbacks.cost import Cost
from ftlab.callbacks.curves import Curves
from ftlab.callbacks.energy import Energy
from ftlab.callbacks.gpu import GpuUtilisation
from ftlab.callbacks.latency import Latency
from ftlab.callbacks.memory import Memory
from ftlab.callbacks.nan_guard import NanGuard
from ftlab.callbacks.progress import Progress
from ftlab.callbacks.throughput import Throughput
from ftlab.errors import ConfigError
from ftlab.schema import CostConfig, LatencyConfig


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "checkpoints").iterdir())


def keep(folder: Path, mode: str = "max") -> Checkpoints:
    return Checkpoints(folder, "val/score", mode)


@pytest.mark.parametrize(("mode", "best"), [("max", "best-2.ckpt"), ("min", "best-1.ckpt")])
def test_best_and_two_states_are_kept(fit: Any, tiny: Any, batches: Any, tmp_path: Path, mode: str, best: str) -> None:
    kept = keep(tmp_path, mode)
    fit(tiny([0.2, 0.9, 0.5]), batches(1), kept, max_epochs=3)
    assert names(tmp_path) == [best, "state-2.ckpt", "state-3.ckpt"]
    assert kept.best_model_path == str(tmp_path / "checkpoints" / best)
    assert torch.load(kept.last_model_path, weights_only=True)["global_step"] == 3


def test_best_weights_are_those_of_the_best_validation(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    class Moving(tiny):  # type: ignore[misc]
        def on_train_batch_end(self, *_: Any) -> None:
            torch.nn.init.constant_(self.net.weight, float(self.global_step))

    kept = keep(tmp_path)
    fit(Moving([0.2, 0.9, 0.5]), batches(1), kept, max_epochs=3)
    weights = torch.load(kept.best_model_path, weights_only=True)["state_dict"]["net.weight"]
    assert torch.equal(weights, torch.full((2, 2), 2.0))


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_never_replaces_a_number(fit: Any, tiny: Any, batches: Any, tmp_path: Path, mode: str, place: int) -> None:
    scores = [0.5, 0.5]
    scores.insert(place, math.nan)
    kept = keep(tmp_path, mode)
    fit(tiny(scores), batches(1), kept, max_epochs=3)
    assert kept.best_model_score == 0.5
    assert Path(kept.best_model_path).name == ("best-2.ckpt" if place == 0 else "best-1.ckpt")


def test_best_holds_no_optimizer_and_a_state_holds_it(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    kept = keep(tmp_path)
    fit(tiny([0.5]), batches(1), kept)
    assert "optimizer_states" not in torch.load(kept.best_model_path, weights_only=True)
    assert "optimizer_states" in torch.load(kept.last_model_path, weights_only=True)


def test_validation_within_an_epoch_can_be_the_best(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    fit(tiny([0.9, 0.1]), batches(1, 1, 1, 1), keep(tmp_path), val_check_interval=2)
    assert names(tmp_path) == ["best-2.ckpt", "state-4.ckpt"]


@pytest.mark.parametrize("second", [0.6, 0.1], ids=["writing the best", "writing the state"])
def test_write_that_breaks_off_leaves_what_was_there(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: float
) -> None:
    save = L.Trainer.save_checkpoint

    def save_half(trainer: L.Trainer, path: Path, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == 2:
            Path(path).write_bytes(b"half a file")
            raise OSError(28, "No space left on device")
        save(trainer, path, *args, **kwargs)

    monkeypatch.setattr(L.Trainer, "save_checkpoint", save_half)
    with pytest.raises(OSError, match="No space"):
        fit(tiny([0.5, second]), batches(1), keep(tmp_path), max_epochs=2)
    folder = tmp_path / "checkpoints"
    assert torch.load(folder / "state-1.ckpt", weights_only=True)["global_step"] == 1
    assert torch.load(folder / "best-1.ckpt", weights_only=True)["global_step"] == 1


def test_training_cut_before_its_first_validation_keeps_its_last_weights(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = keep(tmp_path)
    fit(tiny([0.5]), batches(1, 1, 1), kept, max_steps=2)
    assert names(tmp_path) == ["best-2.ckpt", "state-2.ckpt"]
    assert Path(kept.best_model_path).name == "best-2.ckpt"
    assert "trainer.val_check_interval=<steps>" in caplog.text


def test_monitor_that_is_not_measured_is_refused_with_what_is(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"monitor=val/scre is not .* did you mean val/score\? set monitor to one of"):
        fit(tiny([0.5]), batches(1), Checkpoints(tmp_path, "val/scre", "max"))
    with pytest.raises(ConfigError, match=r"monitor=other is not .*; set monitor to one of val/score"):
        fit(tiny([0.5]), batches(1), Checkpoints(tmp_path, "other", "max"))


def test_early_stopping_takes_a_nan_as_no_better_and_the_best_is_kept(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path
) -> None:
    stop = EarlyStopping(monitor="val/score", mode="max", patience=2, check_finite=False, strict=False)
    trainer = fit(tiny([0.5, math.nan, 0.4, 0.9]), batches(1), stop, keep(tmp_path), max_epochs=4)
    assert trainer.global_step == 3
    assert names(tmp_path) == ["best-1.ckpt", "state-2.ckpt", "state-3.ckpt"]


def test_states_are_written_every_n_steps_and_the_two_newest_kept(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path
) -> None:
    seen: list[list[str]] = []

    class Look(L.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            seen.append(names(tmp_path) if (tmp_path / "checkpoints").exists() else [])

    kept = Checkpoints(tmp_path, "val/score", "max", every_n_steps=2, every_minutes=None)
    fit(tiny(), batches(*[1] * 8), kept, Look())
    assert [len(n) for n in seen] == [0, 0, 1, 1, 2, 2, 2, 2]
    assert seen[-1] == ["state-4.ckpt", "state-6.ckpt"]
    assert names(tmp_path) == ["best-8.ckpt", "state-6.ckpt", "state-8.ckpt"]


@pytest.mark.parametrize(("minutes", "written"), [(2.0, ["state-2.ckpt"]), (None, [])])
def test_states_are_written_every_few_minutes(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path, minutes: float | None, written: list[str]
) -> None:
    now = [0.0]

    class OneMinute(L.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            now[0] += 60

    kept = Checkpoints(tmp_path, "val/score", "max", every_minutes=minutes, clock=lambda: now[0])
    with pytest.raises(KeyError):
        fit(tiny(), [*batches(1, 1, 1), {"labels": torch.zeros(1)}], kept, OneMinute())
    folder = tmp_path / "checkpoints"
    assert (names(tmp_path) if folder.exists() else []) == written


def test_saving_draws_nothing_at_random(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    class Drawing(tiny):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            self.drawn.append(torch.rand(()).item())
            return super().training_step(batch, batch_idx)

    def drawn(folder: Path, every: int | None) -> list[float]:
        torch.manual_seed(1)
        module = Drawing([0.5])
        module.drawn = []
        fit(module, batches(1, 1, 1, 1), Checkpoints(folder, "val/score", "max", every_n_steps=every))
        return list(module.drawn)

    assert drawn(tmp_path / "often", 1) == drawn(tmp_path / "seldom", None)


def test_best_weights_that_are_gone_are_decided_anew_and_said(
    fit: Any, tiny: Any, batches: Any, loader: Any, make_trainer: Any, tmp_path: Path, caplog: Any
) -> None:
    fit(tiny([0.9]), batches(1), keep(tmp_path))
    (tmp_path / "checkpoints" / "best-1.ckpt").unlink()
    kept = keep(tmp_path)
    trainer = make_trainer(kept, max_epochs=2)
    state = tmp_path / "checkpoints" / "state-1.ckpt"
    trainer.fit(tiny([0.1]), loader(batches(1)), loader(batches(1)), ckpt_path=state, weights_only=True)
    assert Path(kept.best_model_path).name == "best-2.ckpt"
    assert "best-1.ckpt are gone" in caplog.text


def test_folder_that_moved_is_gone_on_with(
    fit: Any, tiny: Any, batches: Any, loader: Any, make_trainer: Any, tmp_path: Path
) -> None:
    fit(tiny([0.9]), batches(1), keep(tmp_path / "old"))
    (tmp_path / "old").rename(tmp_path / "new")
    kept = keep(tmp_path / "new")
    trainer = make_trainer(kept, max_epochs=2)
    state = tmp_path / "new" / "checkpoints" / "state-1.ckpt"
    trainer.fit(tiny([0.1]), loader(batches(1)), loader(batches(1)), ckpt_path=state, weights_only=True)
    assert kept.best_model_path == str(tmp_path / "new" / "checkpoints" / "best-1.ckpt")
    assert kept.best_model_score == pytest.approx(0.9)


def test_every_callback_together_leaves_checkpoints_that_load_safely_and_resume(
    fit: Any, tiny: Any, batches: Any, loader: Any, make_trainer: Any, tmp_path: Path
) -> None:
    def everything() -> list[L.Callback]:
        cost = CostConfig(usd_per_hour=1.0, device_class="cpu")
        stop = EarlyStopping(monitor="val/score", mode="max", check_finite=False, strict=False)
        timing = Latency(None, LatencyConfig(enabled=False))  # type: ignore[arg-type]
        plain = [Throughput(), Memory(), GpuUtilisation(), Curves(), NanGuard(), Progress("val/score", "tiny", {})]
        return [*plain, Energy(cost), timing, Cost(cost), stop, keep(tmp_path)]

    fit(tiny([0.5]), batches(1, 1), *everything())
    last = tmp_path / "checkpoints" / "state-2.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 2
    trainer = make_trainer(*everything(), max_epochs=2)
    module = tiny([0.6])
    data = loader(batches(1, 1))
    trainer.fit(module, data, loader(batches(1)), ckpt_path=last, weights_only=True)
    assert trainer.global_step == 4
