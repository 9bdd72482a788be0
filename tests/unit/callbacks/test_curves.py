"""The curves, point by point."""

from __future__ import annotations

import math
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.loggers.logger import Logger

from ftlab.callbacks.curves import Curves


def losses(curves: Curves) -> list[tuple[int, int, float]]:
    return [(p["step"], p["epoch"], p["value"]) for p in curves.history if p["name"] == "train/loss"]


def test_loss_is_kept_every_n_updates_as_the_mean_since_the_last(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(1, 3, 5, 9), curves, log_every_n_steps=2)
    assert losses(curves) == [(2, 0, 2.0), (4, 0, 7.0)]


def test_rest_of_an_epoch_gives_a_point(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(1, 3, 6), curves, log_every_n_steps=2, max_epochs=2)
    assert losses(curves) == [(2, 0, 2.0), (3, 0, 6.0), (4, 1, 1.0), (6, 1, 4.5)]


def test_short_epoch_gives_one_point(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(1, 3), curves, log_every_n_steps=50)
    assert losses(curves) == [(2, 0, 2.0)]


def test_accumulated_loss_is_that_of_the_batches(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(1, 3, 5, 9), curves, accumulate_grad_batches=2)
    assert losses(curves) == [(1, 0, 2.0), (2, 0, 7.0)]


def test_every_validation_metric_is_kept(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny([0.5, 0.75]), batches(1, 1), curves, max_epochs=2)
    kept = [p for p in curves.history if p["name"] == "val/score"]
    assert [(p["step"], p["epoch"], p["value"]) for p in kept] == [(2, 0, 0.5), (4, 1, 0.75)]


def test_validation_and_test_outside_of_fit_are_not_part_of_the_curves(
    make_trainer: Any, tiny: Any, batches: Any, loader: Any
) -> None:
    curves = Curves()
    trainer, module = make_trainer(curves), tiny([0.5, 0.25])
    data = loader(batches(1))
    trainer.validate(module, data, verbose=False)
    trainer.test(module, data, verbose=False)
    assert curves.history == []
    trainer.fit(module, data, data)
    assert [p["value"] for p in curves.history if p["name"] == "val/score"] == [0.25]


def test_points_tell_the_seconds_since_fit_began(fit: Any, tiny: Any, batches: Any) -> None:
    times = iter(range(100, 200))
    curves = Curves(clock=lambda: float(next(times)))
    fit(tiny(), batches(1, 1, 1), curves)
    assert [p["seconds"] for p in curves.history] == [1.0, 2.0, 3.0]


def test_failed_training_keeps_its_points(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    with pytest.raises(KeyError):
        fit(tiny(), [*batches(4, 6), {"labels": batches(1)[0]["labels"]}], curves)
    assert losses(curves) == [(1, 0, 4.0), (2, 0, 6.0)]


def test_loss_that_is_no_number_is_kept_as_such(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(math.inf), curves)
    assert losses(curves) == [(1, 0, math.inf)]


def test_skipped_steps_are_left_out(fit: Any, tiny: Any, batches: Any) -> None:
    class Skipping(tiny):  # type: ignore[misc]
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            return None if batch_idx == 1 else super().training_step(batch, batch_idx)

    curves = Curves()
    with pytest.warns(UserWarning, match="returned `None`"):
        fit(Skipping(), batches(1, 100, 3), curves, log_every_n_steps=50)
    assert [value for *_, value in losses(curves)] == [2.0]


def test_log_every_zero_steps_gives_one_point_per_epoch(fit: Any, tiny: Any, batches: Any) -> None:
    curves = Curves()
    fit(tiny(), batches(1, 3), curves, log_every_n_steps=0)
    assert losses(curves) == [(2, 0, 2.0)]


class Kept(Logger):
    """A logger that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[tuple[dict[str, float], int | None]] = []

    name = "kept"
    version = "0"

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.points.append((dict(metrics), step))

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


def test_training_loss_goes_to_the_loggers(fit: Any, tiny: Any, batches: Any) -> None:
    logger = Kept()
    curves: L.Callback = Curves()
    fit(tiny(), batches(1, 3, 5), curves, logger=logger, log_every_n_steps=2)
    assert [(m["train/loss"], step) for m, step in logger.points if "train/loss" in m] == [(2.0, 2), (5.0, 3)]
