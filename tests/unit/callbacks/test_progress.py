"""What is shown, on a terminal and elsewhere."""

from __future__ import annotations

import io
import math
from types import SimpleNamespace
from typing import Any

import pytest

from ftlab.callbacks.progress import Progress, architecture_work, duration, layer_work, planned_batches

LARGE = {"hidden_size": 1024, "num_hidden_layers": 24}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """So many seconds later at every look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def show(
    fit: Any, module: Any, train: Any, stream: io.StringIO, *, seconds: float = 0.0,
    model: str = "bert_large", architecture: dict[str, Any] | None = None, **options: Any,
) -> list[str]:  # fmt: skip
    progress = Progress(
        "val/score", model, LARGE if architecture is None else architecture, stream=stream, clock=Clock(seconds)
    )
    fit(module, train, progress, **options)
    return stream.getvalue().splitlines()


def test_one_line_per_epoch_where_there_is_no_terminal(fit: Any, tiny: Any, batches: Any) -> None:
    lines = show(fit, tiny([0.5, 0.75]), batches(3, 2), io.StringIO(), seconds=1, max_epochs=2)
    assert lines == [
        "epoch 1 of 2: last train/loss 2.0000, val/score 0.5000, 3 s",
        "epoch 2 of 2: last train/loss 2.0000, val/score 0.7500, 3 s",
    ]


def test_an_epoch_gone_on_with_counts_from_where_it_goes_on(fit: Any, tiny: Any, batches: Any) -> None:
    class GoneOn(Progress):
        def on_train_epoch_start(self, *hook: Any) -> None:
            """Lightning does not call it for an epoch that began in another process."""

    clock, stream = Clock(1), io.StringIO()
    clock.now = 20_000.0  # the machine has run for a while
    fit(tiny([0.5]), batches(3), GoneOn("val/score", "m", {}, stream=stream, clock=clock))
    assert stream.getvalue().rstrip().endswith(", 2 s")


def test_training_bounded_by_steps_names_no_last_epoch(fit: Any, tiny: Any, batches: Any) -> None:
    lines = show(fit, tiny(), batches(3), io.StringIO(), max_epochs=-1, max_steps=2)
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]


def test_eta_after_twenty_batches(fit: Any, tiny: Any, batches: Any) -> None:
    lines = show(fit, tiny(), batches(*[1] * 50), io.StringIO(), seconds=10)
    assert lines[0] == "20 of 50 batches done, about 5 min left"


def test_long_rest_brings_the_hint(fit: Any, tiny: Any, batches: Any) -> None:
    lines = show(fit, tiny(), batches(*[1] * 50), io.StringIO(), seconds=640)
    minutes = round(640 * 50 * (6 * 384**2) / (24 * 1024**2) / 60)
    assert lines[0] == f"20 of 50 batches done, about 5.3 h left; model=minilm takes about {minutes} min"
    assert minutes == 19


@pytest.mark.parametrize(
    "architecture", [{}, {"hidden_size": 384, "num_hidden_layers": 6}, {"hidden_size": 32, "num_hidden_layers": 2}]
)
def test_no_hint_for_what_is_no_slower_or_not_known(
    fit: Any, tiny: Any, batches: Any, architecture: dict[str, Any]
) -> None:
    lines = show(fit, tiny(), batches(*[1] * 50), io.StringIO(), seconds=640, architecture=architecture)
    assert lines[0] == "20 of 50 batches done, about 5.3 h left"


def test_short_training_brings_no_eta(fit: Any, tiny: Any, batches: Any) -> None:
    assert len(show(fit, tiny(), batches(*[1] * 20), io.StringIO(), seconds=10)) == 1


def test_terminal_has_a_bar_and_the_eta_but_no_epoch_lines(fit: Any, tiny: Any, batches: Any) -> None:
    stream = Terminal()
    show(fit, tiny([0.25]), batches(*[1] * 25), stream, seconds=10)
    written = stream.getvalue()
    assert "20 of 25 batches done, about 50 s left" in written
    assert "loss 1.000" in written
    assert "epoch 1 of" not in written


def test_bar_shows_the_monitored_metric_once_it_is_known(fit: Any, tiny: Any, batches: Any) -> None:
    stream = Terminal()
    show(fit, tiny([0.25, 0.5]), batches(1, 1), stream, seconds=1, max_epochs=2)
    assert "epoch 2, loss 1.000, val/score 0.250" in stream.getvalue()


def test_bar_is_drawn_at_most_five_times_a_second(fit: Any, tiny: Any, batches: Any) -> None:
    def drawings(seconds: float) -> int:
        stream = Terminal()
        show(fit, tiny(), batches(*[1] * 19), stream, seconds=seconds)
        return stream.getvalue().count("loss 1.000")

    often, rarely = drawings(0.2), drawings(0.02)
    assert often >= 19
    assert rarely <= 4  # 19 batches in 0.38 s


def test_test_split_has_a_bar_of_its_own_that_is_gone_before_latency_is_timed(
    make_trainer: Any, tiny: Any, batches: Any, loader: Any
) -> None:
    stream = Terminal()
    progress = Progress("val/score", "m", {}, stream=stream, clock=Clock(1))
    make_trainer(progress).test(tiny(), loader(batches(1, 1, 1)), verbose=False)
    assert "test: 100%" in stream.getvalue()
    assert progress._bar is None


def test_bar_is_closed_when_training_fails(fit: Any, tiny: Any, batches: Any) -> None:
    progress = Progress("val/score", "m", {}, stream=Terminal())
    with pytest.raises(KeyError):
        fit(tiny(), [{"labels": batches(1)[0]["labels"]}], progress)
    assert progress._bar is None


def test_lightnings_own_bar_is_switched_off(
    make_trainer: Any, tiny: Any, batches: Any, loader: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress("val/score", "m", {})
    trainer = make_trainer(progress, enable_progress_bar=True, limit_val_batches=0)
    trainer.fit(tiny(), loader(batches(1, 1)), loader(batches(1)))
    shown = capsys.readouterr()
    assert not trainer.progress_bar_callback.is_enabled
    assert shown.out == ""
    assert "epoch 1 of 1: last train/loss 1.0000" in shown.err


def test_work_is_twelve_layers_times_width_squared() -> None:
    assert layer_work(6, 384) == 12 * 6 * 384 * 384
    assert architecture_work(LARGE) == layer_work(24, 1024)
    assert architecture_work({"dim": 768, "n_layers": 6}) == layer_work(6, 768)
    assert architecture_work({"n_embd": 768, "n_layer": 12}) == layer_work(12, 768)
    assert architecture_work({"n_embd": 768}) is None


@pytest.mark.parametrize(
    ("epochs", "steps", "per_epoch", "accumulate", "expected"),
    [
        (5, -1, 100, 1, 500),
        (5, 30, 100, 1, 30),
        (5, 30, 100, 4, 120),
        (None, 30, 100, 2, 60),
        (-1, -1, 100, 1, None),
        (5, -1, math.inf, 1, None),
        (5, 30, math.inf, 1, 30),
    ],
)
def test_planned_batches_are_the_first_end_that_is_set(
    epochs: int | None, steps: int, per_epoch: float, accumulate: int, expected: int | None
) -> None:
    trainer: Any = SimpleNamespace(
        max_epochs=epochs, max_steps=steps, num_training_batches=per_epoch, accumulate_grad_batches=accumulate
    )
    assert planned_batches(trainer) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_durations_are_for_readers(seconds: float, text: str) -> None:
    assert duration(seconds) == text
