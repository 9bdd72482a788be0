"""What a diagnosis looks at: the record of a run, its curves, its labels, and what was asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ftlab.results import RunResult

# Below this a run is a trial of the machinery, and its numbers are noise: nothing is said of them.
FEWEST_STEPS = 20
FEWEST_TEST_ROWS = 50


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve, as history.parquet has it."""

    step: int  # updates so far
    epoch: int  # from 0
    name: str  # train/loss, val/f1_macro, ...
    value: float


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """Test rows by their label, and by the one that was predicted; train rows where they are known."""

    labels: tuple[str, ...]
    true: tuple[int, ...]
    predicted: tuple[int, ...]
    train: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """Where a training loss became no number."""

    epoch: int  # from 0
    step: int  # updates before it
    loss: float  # NaN or infinite
    before: float | None  # the loss of the batch before; None: there was none


@dataclass(frozen=True, slots=True)
class Options:
    """What the run was asked for: keys of its configuration, None where a verb has no such key."""

    learning_rate: float | None = None  # optimizer.lr
    usual_rate: float | None = None  # what this optimizer would take with the adapter's own rate
    max_epochs: int | None = None
    max_steps: int | None = None
    clip: float | None = None  # trainer.gradient_clip_val
    scheduler: str | None = None  # its function's name
    warmup: float | None = None  # share of all steps when below 1, else steps
    precision: str | None = None
    dropout: float | None = None  # model.dropout; None: the checkpoint's own
    label_smoothing: float = 0.0
    class_weights: bool = False  # whether labels are weighed
    calibration: str | None = None  # of the prompt that asks for a label; None: there is none
    shots: int = 0  # examples per label in it
    batching: str | None = None
    batch_size: int | None = None
    max_length: int | None = None  # tokens, the prompt's too
    on_leak: str | None = None
    workers: int | None = None  # loader processes
    cores: int | None = None  # that the run may use
    test_limit: int | None = None
    sample_per_class: int | None = None
    test_fraction: float | None = None  # None: test rows were given, not split off


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run at its end.

    Args:
        result: its record, as far as it goes.
        history: points of its curves, in the order in which they were made.
        counts: of labels; None: it writes texts, or was not tested.
        options: what it was asked for.
        steps_before: updates of the run that an evaluation looks at.
        lost: where a run ended early, since its loss was no number.
    """

    result: RunResult
    history: tuple[Point, ...] = ()
    counts: LabelCounts | None = None
    options: Options = Options()
    steps_before: int = 0
    lost: Lost | None = None

    def curve(self, name: str) -> list[Point]:
        """Return the finite points of one curve."""
        return [point for point in self.history if point.name == name and math.isfinite(point.value)]

    @property
    def steps(self) -> int:
        """Updates of the weights; 0: nothing was trained."""
        return self.result.training.steps or 0

    @property
    def trained(self) -> bool:
        """Whether there were enough updates for the training to be judged."""
        return self.steps >= FEWEST_STEPS

    @property
    def test_rows(self) -> int:
        """Rows of the test split."""
        return self.result.dataset.test_rows if self.result.dataset else 0

    @property
    def learned(self) -> bool:
        """Whether the weights were trained, in this run or in the one that it looks at."""
        return self.steps + self.steps_before >= FEWEST_STEPS

    @property
    def is_trial(self) -> bool:
        """Whether the machinery was tried, on a handful of steps and rows."""
        return 0 < self.steps < FEWEST_STEPS and self.test_rows < FEWEST_TEST_ROWS

    @property
    def tested(self) -> bool:
        """Whether there are enough test rows, and a model that ought to know something, for its answers to be judged.

        Labels by a new head that nothing has trained are the toss of a coin, and a handful of steps teach it nothing.
        """
        as_it_is = self.asked and not self.steps and not self.steps_before
        return self.test_rows >= FEWEST_TEST_ROWS and (self.learned or as_it_is)

    @property
    def asked(self) -> bool:
        """Whether a causal model answers with its own output: a label to a prompt, or a text."""
        return self.result.model is not None and self.result.model.head == "lm"

    @property
    def writes(self) -> bool:
        """Whether the model writes texts."""
        return self.result.model is not None and self.result.model.task == "causal_lm"

    def before(self, metric: str) -> float | None:
        """Return a metric of the test split before training; None: not measured, or no number."""
        return _number(self.result.quality.untrained.get(metric) if self.result.quality else None)

    def after(self, metric: str) -> float | None:
        """Return a metric of the test split after training; None: not measured, or no number."""
        return _number(self.result.quality.test.get(metric) if self.result.quality else None)

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Return the 95% interval of a metric of the test split; None: not known."""
        found = self.result.quality.test_ci95.get(metric) if self.result.quality else None
        if found is None or _number(found[0]) is None or _number(found[1]) is None:
            return None
        return found[0], found[1]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
