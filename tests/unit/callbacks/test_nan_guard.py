"""A loss that is no number stops the run, with its place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from ftlab.callbacks.checkpoint import Checkpoints
from ftlab.callbacks.nan_guard import NanGuard, NonFiniteLossError
from ftlab.errors import ConfigError


class Counter(L.Callback):
    batches = 0

    def on_train_batch_start(self, *_: Any) -> None:
        self.batches += 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_stops_in_the_step_of_the_bad_loss_and_names_it(fit: Any, tiny: Any, batches: Any, bad: float) -> None:
    seen = Counter()
    with pytest.raises(
        NonFiniteLossError, match=rf"loss is {bad} in epoch 1, step 3 \(row_ids 20, 21, 22\); .*optimizer\.lr=0\.05"
    ):
        fit(tiny(), batches(1, 1, bad, 1, 1), NanGuard(), seen)
    assert seen.batches == 3


def test_epoch_and_step_go_on_counting(fit: Any, tiny: Any, batches: Any) -> None:
    class Later(tiny):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            return loss * math.nan if self.current_epoch == 1 and batch_idx == 0 else loss

    with pytest.raises(NonFiniteLossError, match=r"epoch 2, step 3 \(row_ids 0, 1, 2\)"):
        fit(Later(), batches(1, 1), NanGuard(), max_epochs=3)


def test_weights_are_those_before_the_bad_batch(fit: Any, tiny: Any, batches: Any) -> None:
    module = tiny()
    before = module.net.weight.detach().clone()
    with pytest.raises(NonFiniteLossError):
        fit(module, batches(math.nan), NanGuard())
    assert torch.equal(module.net.weight, before)


def test_finite_training_is_left_alone(fit: Any, tiny: Any, batches: Any) -> None:
    seen = Counter()
    trainer = fit(tiny([1.0, 1.0]), batches(1, 1e30, -3), NanGuard(), seen, max_epochs=2)
    assert (seen.batches, trainer.global_step) == (6, 6)


def test_without_the_guard_training_goes_on(fit: Any, tiny: Any, batches: Any) -> None:
    assert fit(tiny(), batches(1, math.nan, 1)).global_step == 3


def test_checkpoints_written_before_are_kept(fit: Any, tiny: Any, batches: Any, tmp_path: Path) -> None:
    class Later(tiny):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            return loss * math.nan if self.current_epoch == 1 else loss

    with pytest.raises(NonFiniteLossError):
        fit(Later([0.5]), batches(1, 1), NanGuard(), Checkpoints(tmp_path, "val/score", "max"), max_epochs=3)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best-2.ckpt", "state-2.ckpt"]


class Accelerated(NanGuard):
    """Takes the losses for an accelerator's."""

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._on_cpu = False


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many losses each look read together."""
    read: list[int] = []
    stack = torch.stack

    def counting(losses: list[torch.Tensor]) -> torch.Tensor:
        read.append(len(losses))
        return stack(losses)

    monkeypatch.setattr(torch, "stack", counting)
    return read


def test_accelerator_is_read_every_n_steps_and_the_first_bad_one_named(
    fit: Any, tiny: Any, batches: Any, looks: list[int]
) -> None:
    with pytest.raises(NonFiniteLossError, match=r"loss is inf in epoch 1, step 5 \(row_ids 40, 41, 42\)"):
        fit(tiny(), batches(1, 1, 1, 1, math.inf, math.nan, 1, 1, 1), Accelerated(every_n_steps=3))
    assert looks == [3, 3]


def test_accelerator_is_read_before_a_checkpoint_is_written(
    fit: Any, tiny: Any, batches: Any, looks: list[int], tmp_path: Path
) -> None:
    with pytest.raises(NonFiniteLossError, match="step 2"):
        fit(tiny([1.0]), batches(1, math.nan), Accelerated(every_n_steps=50), Checkpoints(tmp_path, "val/score", "max"))
    assert looks == [2]
    assert not (tmp_path / "checkpoints").exists()


def test_accelerator_is_read_before_a_full_state_within_the_epoch_is_written(
    fit: Any, tiny: Any, batches: Any, looks: list[int], tmp_path: Path
) -> None:
    guard, kept = Accelerated(every_n_steps=50), Checkpoints(tmp_path, "val/score", "max", every_n_steps=2)
    with pytest.raises(NonFiniteLossError, match="step 2"):
        fit(tiny([1.0, 1.0]), batches(1, math.nan, 1, 1), guard, kept)
    assert looks == [2]
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_bad_loss_leaves_the_last_full_state_and_the_best_of_before(
    fit: Any, tiny: Any, batches: Any, tmp_path: Path, bad: float
) -> None:
    kept = Checkpoints(tmp_path, "val/score", "max", every_n_steps=1)
    with pytest.raises(NonFiniteLossError, match=r"step 4 \(row_ids 30, 31, 32\)"):
        fit(tiny([0.5, 0.9]), batches(1, 1, 1, bad, 1), NanGuard(), kept, val_check_interval=2)
    names = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert names == ["best-2.ckpt", "state-2.ckpt", "state-3.ckpt"]
    for name in names:
        loaded = torch.load(tmp_path / "checkpoints" / name, weights_only=True)["state_dict"]
        assert all(torch.isfinite(tensor).all() for tensor in loaded.values())


def test_accelerator_is_read_before_a_validation_within_the_epoch(
    fit: Any, tiny: Any, batches: Any, looks: list[int], tmp_path: Path
) -> None:
    guard, kept = Accelerated(every_n_steps=50), Checkpoints(tmp_path, "val/score", "max")
    with pytest.raises(NonFiniteLossError, match="step 2"):
        fit(tiny([1.0, 1.0]), batches(1, math.nan, 1, 1), guard, kept, val_check_interval=2)
    assert looks == [2]
    assert not (tmp_path / "checkpoints").exists()


def test_accelerator_is_not_read_where_nothing_is_new(fit: Any, tiny: Any, batches: Any, looks: list[int]) -> None:
    fit(tiny([1.0]), batches(1, 1, 1, 1), Accelerated(every_n_steps=2))
    assert looks == [2, 2]


def test_long_batches_are_named_in_part(fit: Any, tiny: Any, batches: Any) -> None:
    with pytest.raises(NonFiniteLossError, match=r"30, 31, \.\.\.\)"):
        fit(tiny(), batches(math.nan, rows=40), NanGuard())


def test_batches_without_row_ids_are_named_by_step(fit: Any, tiny: Any, batches: Any) -> None:
    (batch,) = batches(math.nan)
    del batch["row_ids"]
    with pytest.raises(NonFiniteLossError, match="step 1; checkpoints"):
        fit(tiny(), [batch], NanGuard())


def test_guard_that_never_looks_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"every_n_steps=0 looks at no loss; .*~callbacks\.nan_guard"):
        NanGuard(every_n_steps=0)


@pytest.mark.parametrize("guard", [NanGuard, Accelerated])
def test_error_tells_the_place_and_the_loss_before_it(fit: Any, tiny: Any, batches: Any, guard: type[NanGuard]) -> None:
    with pytest.raises(NonFiniteLossError) as raised:
        fit(tiny(), batches(1, 7.5, math.inf), guard(every_n_steps=2))
    error = raised.value
    assert (error.epoch, error.step, error.loss, error.before) == (0, 2, math.inf, 7.5)
    with pytest.raises(NonFiniteLossError) as raised:
        fit(tiny(), batches(math.inf), guard())
    assert raised.value.before is None
