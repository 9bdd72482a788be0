"""Training speed on a clock that the module moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning as L
import pytest
import torch

from ftlab.callbacks import throughput
from ftlab.callbacks.throughput import Throughput

MS = 1_000_000


class Timed(L.Callback):
    """Moves the clock: steps of scripted ms, a validation of 5 s."""

    def __init__(self, *step_ms: int) -> None:
        self.now, self.step_ms = 0, list(step_ms)

    def on_before_zero_grad(self, *_: Any) -> None:
        pass

    def on_before_backward(self, *_: Any) -> None:
        self.now += self.step_ms.pop(0) * MS

    def on_validation_start(self, *_: Any) -> None:
        self.now += 5000 * MS

    def on_fit_start(self, *_: Any) -> None:
        self.now += 700 * MS


def measure(fit: Any, module: Any, train: Any, clock: Timed, *, first: bool = True, **options: Any) -> dict[str, Any]:
    meter = Throughput(clock=lambda: clock.now)
    fit(module, train, *([meter, clock] if first else [clock, meter]), **options)
    return meter.measured()["training"]


def test_median_step_is_exact(fit: Any, tiny: Any, batches: Any) -> None:
    found = measure(fit, tiny(), batches(1, 1, 1, 1, 1), Timed(10, 20, 30, 40, 90))
    assert found["step_p50_ms"] == 30.0
    assert found["steps"] == 5


def test_validation_is_in_the_seconds_but_not_in_the_steps(fit: Any, tiny: Any, batches: Any) -> None:
    found = measure(fit, tiny([1.0, 1.0]), batches(1, 1, 1, 1), Timed(10, 20, 30, 50), val_check_interval=2)
    assert found["step_p50_ms"] == 25.0
    assert found["examples_per_second"] == pytest.approx(12 / 0.110, rel=1e-12)
    assert found["seconds"] == pytest.approx(0.7 + 0.110 + 10, rel=1e-12)


def test_first_step_is_timed_from_the_start_of_fit(fit: Any, tiny: Any, batches: Any) -> None:
    assert measure(fit, tiny(), batches(1, 1), Timed(10, 20))["seconds_to_first_step"] == 0.710


def test_examples_tokens_and_padding_are_counted(fit: Any, tiny: Any, batches: Any) -> None:
    train = batches(1, 1, rows=3, tokens=2, length=4) + batches(1, rows=5, tokens=1, length=4)
    found = measure(fit, tiny(), train, Timed(100, 100, 300))
    assert found["examples_per_second"] == 11 / 0.5
    assert found["tokens_per_second"] == 17 / 0.5
    assert found["padding_fraction"] == 1 - 17 / 44


def test_texts_and_tokens_of_packed_batches_are_those_the_batch_tells(fit: Any, tiny: Any, batches: Any) -> None:
    train = batches(1, 1, rows=2, length=4)
    for batch in train:
        batch["attention_mask"] = torch.ones(2, 1, 4, 4, dtype=torch.bool)
        batch["labels"] = torch.zeros(2, 4, dtype=torch.int64)
        batch |= {"whole_examples": torch.tensor(5), "whole_tokens": torch.tensor([7, 8])}
    found = measure(fit, tiny(), train, Timed(100, 100))
    assert found["examples_per_second"] == 10 / 0.2
    assert found["tokens_per_second"] == 14 / 0.2
    assert found["padding_fraction"] == 1 - 14 / 16


def test_a_mask_of_pairs_alone_leaves_tokens_unknown(fit: Any, tiny: Any, batches: Any) -> None:
    train = [{**batch, "attention_mask": torch.ones(3, 1, 4, 4, dtype=torch.bool)} for batch in batches(1, 1)]
    found = measure(fit, tiny(), train, Timed(10, 10))
    assert (found["tokens_per_second"], found["padding_fraction"]) == (None, None)
    assert found["examples_per_second"] == 300.0


def test_accumulated_batches_make_one_step(fit: Any, tiny: Any, batches: Any) -> None:
    found = measure(fit, tiny(), batches(1, 1, 1, 1), Timed(10, 20, 40, 50), accumulate_grad_batches=2)
    assert found["steps"] == 2
    assert found["step_p50_ms"] == 60.0  # of 30 and 90


def test_epochs_are_counted_in_part(fit: Any, tiny: Any, batches: Any) -> None:
    found = measure(fit, tiny(), batches(1, 1, 1, 1), Timed(*[1] * 6), max_epochs=5, max_steps=6)
    assert (found["epochs"], found["steps"]) == (1.5, 6)


def test_place_among_the_callbacks_does_not_matter(fit: Any, tiny: Any, batches: Any) -> None:
    def run(first: bool) -> dict[str, Any]:
        found = measure(
            fit, tiny([1.0] * 4), batches(1, 1, 1), Timed(10, 20, 30, 50, 60, 70), max_epochs=2, first=first
        )
        return {k: v for k, v in found.items() if not k.startswith("seconds")}

    assert run(True) == run(False)


def test_device_is_waited_for_before_the_clock_is_read(
    fit: Any, tiny: Any, batches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Timed(10, 10)

    def wait() -> None:
        clock.now += 90 * MS

    monkeypatch.setattr(throughput, "synchronizer", lambda device: wait)
    assert measure(fit, tiny(), batches(1, 1), clock)["step_p50_ms"] == 100.0


def test_nothing_trained_leaves_every_field_unknown() -> None:
    assert set(Throughput().measured()["training"].values()) == {None}


def test_batches_without_a_mask_leave_tokens_unknown(fit: Any, tiny: Any, batches: Any) -> None:
    train = [{k: v for k, v in batch.items() if k != "attention_mask"} for batch in batches(1, 1)]
    found = measure(fit, tiny(), train, Timed(10, 10))
    assert found["tokens_per_second"] is None
    assert found["padding_fraction"] is None
    assert found["examples_per_second"] == 300.0


def test_failed_training_keeps_what_was_measured(fit: Any, tiny: Any, batches: Any) -> None:
    class Fail(L.Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 2:
                raise RuntimeError("out of luck")

    clock = Timed(10, 20, 30)
    meter = Throughput(clock=lambda: clock.now)
    with pytest.raises(RuntimeError, match="out of luck"):
        fit(tiny(), batches(1, 1, 1), meter, clock, Fail())
    found = meter.measured()["training"]
    assert (found["steps"], found["step_p50_ms"], found["seconds"]) == (2, 15.0, 0.730)


class Waiting(list[Any]):
    """A loader that takes ``ms`` to give each batch, and says so."""

    waited_ns = 0

    def __init__(self, train: list[Any], clock: Timed, ms: int) -> None:
        super().__init__(train)
        self.clock, self.ms = clock, ms

    def __iter__(self) -> Iterator[Any]:
        for batch in super().__iter__():
            self.clock.now += self.ms * MS
            self.waited_ns += self.ms * MS
            yield batch


def wait(make_trainer: Any, module: Any, train: list[Any], clock: Timed, ms: int, **options: Any) -> Throughput:
    meter = Throughput(clock=lambda: clock.now)
    trainer = make_trainer(meter, clock, limit_val_batches=0, **options)
    trainer.fit(module, Waiting(train, clock, ms))
    return meter


def test_share_of_the_steps_that_waits_for_batches_is_exact(make_trainer: Any, tiny: Any, batches: Any) -> None:
    clock = Timed(10, 30, 30, 30)
    found = wait(make_trainer, tiny(), batches(1, 1, 1, 1), clock, 10).measured()["training"]
    # The first step after an epoch begins is timed from its batch on, and so is the wait.
    assert found["step_p50_ms"] == 40.0
    assert found["loader_wait_fraction"] == pytest.approx(30 / 130)


def test_waits_of_accumulated_batches_add_up(make_trainer: Any, tiny: Any, batches: Any) -> None:
    clock = Timed(10, 10, 10, 10)
    found = wait(make_trainer, tiny(), batches(1, 1, 1, 1), clock, 20, accumulate_grad_batches=2)
    assert found.measured()["training"]["loader_wait_fraction"] == pytest.approx(60 / 100)


def test_waits_go_on_where_a_state_stands_and_are_unknown_after_one_that_has_none(
    make_trainer: Any, tiny: Any, batches: Any
) -> None:
    state = wait(make_trainer, tiny(), batches(1, 1, 1), Timed(10, 10, 10), 5).state_dict()
    assert state["waited"] == 10 * MS
    old = {key: value for key, value in state.items() if key != "waited"}
    for before, share in ((state, 20 / 80), (old, None)):
        clock = Timed(10, 10, 10)
        meter = Throughput(clock=lambda clock=clock: clock.now)
        meter.load_state_dict(before)
        make_trainer(meter, clock, limit_val_batches=0).fit(tiny(), Waiting(batches(1, 1, 1), clock, 5))
        assert meter.measured()["training"]["loader_wait_fraction"] == (share and pytest.approx(share))


def test_a_loader_that_does_not_say_leaves_the_wait_unknown(fit: Any, tiny: Any, batches: Any) -> None:
    found = measure(fit, tiny(), batches(1, 1, 1), Timed(10, 20, 30))
    assert found["steps"] == 3
    assert found["loader_wait_fraction"] is None
