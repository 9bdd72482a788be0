"""What a comparison is made of, and what it ends in. Plain data: nothing here reads a file or computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ftlab.results import RunResult


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as read from its folder."""

    folder: Path
    result: RunResult


@dataclass(frozen=True, slots=True)
class Unlike:
    """Runs that may not be ranked with those of the board, and why: one sentence with both values."""

    runs: tuple[Run, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Something to rank by, under the name a user types."""

    name: str  # f1_macro, p95_ms, usd_per_1k, size_mb, ...
    direction: str  # max or min: where the better values lie
    unit: str  # ms, $, MB, Wh, %, s, texts/s; empty for a share
    label: str  # what a column or chart says: "p95", "$ per 1k requests"
    kind: str = "cost"  # quality (a metric of the test rows), latency, cost, training or size

    @property
    def share(self) -> bool:
        """Whether it is accuracy-like: at most 1, and 1 - x is what is still wrong."""
        return self.kind == "quality" and self.direction == "max"


@dataclass(frozen=True, slots=True)
class Api:
    """The price of a model behind somebody else's API, from a dated price file."""

    name: str
    provider: str
    usd_per_1m_input: float  # tokens read
    usd_per_1m_output: float  # tokens written
    input_tokens: float  # per request, mean
    output_tokens: float
    price_date: str
    price_source: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the board: model x adapter x prompt x compression, and what else differs, with its seeds folded.

    Every mapping but ``differs`` and ``interval`` has every axis of ``Board.measured`` as a key. Look candidates up
    by ``key``: it is unique on a board.
    """

    key: str  # stable, unique, readable: "minilm lora", "smollm2_135m none few_shot"
    model: str
    adapter: str
    prompt: str  # "none": nothing stands around a text
    compression: str  # "none"
    runs: tuple[Run, ...]  # one per seed, by seed; none where it is priced only
    chosen: Run | None  # the seed with the median main metric: its rows and model stand for all; None: priced only
    values: Mapping[str, float | None]  # axis: mean over seeds; None: unknown, never NaN
    spread: Mapping[str, float | None]  # axis: standard deviation over seeds; None: one seed, or unknown
    interval: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # axis: 95%, of the chosen run
    untrained: Mapping[str, float | None] = field(default_factory=dict)  # quality axes, before training
    differs: Mapping[str, str] = field(default_factory=dict)  # configuration key that varies on the board: value
    priced: Api | None = None

    @property
    def run(self) -> Run:
        """Return the chosen run of a candidate that has one."""
        assert self.chosen is not None, f"{self.key} has a price and no run"
        return self.chosen


@dataclass(frozen=True, slots=True)
class Board:
    """The candidates that can be compared, and all that stood aside."""

    candidates: tuple[Candidate, ...]  # best main metric first; unknown last
    axes: tuple[Axis, ...]  # what the front is drawn over; the main metric first
    main: Axis
    measured: tuple[Axis, ...]  # every axis some candidate has a value on; those of `axes` first
    apart: tuple[Unlike, ...] = ()
    failed: tuple[Run, ...] = ()  # not finished: result.run.status and .error say why
    task: str = "classification"  # or causal_lm
    dataset: str = ""
    test_digest: str = ""
    test_rows: int = 0
    device: str = ""  # that the latency was measured on
    notes: tuple[str, ...] = ()  # sentences a reader must know: latency not ranked, numbers that differ in seeds

    def axis(self, name: str) -> Axis | None:
        """Return the measured axis of that name; None: no candidate has a value on it."""
        return next((axis for axis in (*self.axes, *self.measured) if axis.name == name), None)

    def candidate(self, key: str) -> Candidate:
        """Return the candidate of that key."""
        return next(one for one in self.candidates if one.key == key)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A bound on an axis that what ships must keep: ``constraints.p95_ms_max=20``."""

    axis: Axis
    bound: str  # min or max
    limit: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The choice against another member of the front on one axis."""

    other: Candidate
    axis: Axis
    difference: float | None  # choice - other, in the axis' unit
    ci95: tuple[float, float] | None  # of the difference
    p: float | None  # two-sided
    p_holm: float | None  # corrected over the members of the front
    told_apart: bool
    method: str  # "mid-p McNemar", "paired bootstrap", "intervals of repeated trials", "not tested: ..."
    rows: int | None = None  # test rows that both predicted
    discordant: int | None = None  # of those, which one has right and the other wrong; of McNemar's test only


@dataclass(frozen=True, slots=True)
class Miss:
    """By how much a candidate breaks a constraint."""

    candidate: Candidate
    constraint: Constraint
    value: float | None  # None: unknown, which meets no constraint
    by: float | None  # > 0, in the axis' unit


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which model to ship, how sure that is, and what the runner-up would cost."""

    choice: Candidate | None  # None: nothing meets the constraints, can be ranked, or does better than guessing
    runner_up: Candidate | None
    ties: tuple[Candidate, ...]  # members of the front the choice cannot be told apart from on the main metric
    front: tuple[Candidate, ...]  # of the feasible ones that do not guess, over `axes`
    feasible: tuple[Candidate, ...]  # meet every constraint
    comparisons: tuple[Comparison, ...]
    sentences: tuple[str, str, str]  # the choice; the runner-up; what one gives up
    misses: tuple[Miss, ...] = ()  # nearest first, where nothing is feasible
    objective: str = "balanced"  # cheapest, fastest, best, balanced
    axes: tuple[Axis, ...] = ()  # the front's
    constraints: tuple[Constraint, ...] = ()
    leader: Candidate | None = None  # serves the objective best by point estimates; the choice, but for a tie
    notes: tuple[str, ...] = ()  # who could not be ranked or chosen, and why
    guessing: tuple[Candidate, ...] = ()  # of the feasible ones, not ranked: labels that cannot be told from guesses
