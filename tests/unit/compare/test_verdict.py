"""The verdict on constructed boards: what is chosen, who comes next, what is a tie, and that nothing else matters."""

import dataclasses
import math
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.compare import telling
from ftlab.compare.board import make_board
from ftlab.compare.constraints import parse_constraints
from ftlab.compare.rows import ScoredRows
from ftlab.compare.types import Api
from ftlab.compare.verdict import make_verdict
from ftlab.errors import ConfigError, DataError
from made_board import board_of, made_candidate, made_run, save_made

AXES = ("accuracy", "p95_ms", "usd_per_1k")
ROWS = 1000
FEW = 300
API = Api("gpt", "somebody", 1.0, 2.0, 100.0, 5.0, "2026-01-01", "a page")
_RUN = made_run(main="accuracy", test_rows=ROWS)


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Draw few resamples: what is tested here is who is compared with whom."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telling, "RESAMPLES", FEW)
        yield


class MadeRows(ScoredRows):
    """Rows of two labels, of which those in ``wrong`` are predicted wrongly."""

    def __init__(self, run, wrong, count=ROWS):
        self.run, self.columns = run, ("prediction",)
        names = list(run.result.dataset.labels)
        right = np.arange(count) % 2
        said = right.copy()
        said[wrong] = 1 - said[wrong]
        self.ids = np.array([f"r{n}" for n in range(count)], dtype=object)
        self.labels, self.predictions = (np.array([names[n] for n in one], dtype=object) for one in (right, said))
        self.probabilities = np.where(np.arange(len(names)) == said[:, None], 0.8, 0.2 / (len(names) - 1))
        self.losses = -np.log(self.probabilities[np.arange(count), right])


def no_rows(run):
    raise DataError(f"{run.folder} holds no predictions.parquet, so its rows cannot be compared")


def row(key, accuracy=None, p95_ms=None, usd_per_1k=None, **more):
    """Return a candidate that has a run, by its numbers; times and prices have intervals of one percent."""
    model = dataclasses.replace(_RUN.result.model, name=key)  # of its own, so that its times are
    result = dataclasses.replace(_RUN.result, model=model)
    run = dataclasses.replace(_RUN, folder=_RUN.folder.with_name(key.replace(" ", "_")), result=result)
    ends = {
        name: (0.99 * value, 1.01 * value)
        for name, value in (("p95_ms", p95_ms), ("usd_per_1k", usd_per_1k))
        if value is not None
    }
    given = {"runs": (run,), "interval": ends, **more}
    return made_candidate(key, accuracy=accuracy, p95_ms=p95_ms, usd_per_1k=usd_per_1k, **given)


def rows_by_accuracy(board):
    """Return what opens the rows of a board: a candidate is wrong on the first rows, as many as it says."""
    wrong = {
        one.chosen.folder: np.arange(round((1 - (one.values["accuracy"] or 0)) * ROWS))
        for one in board.candidates
        if one.chosen
    }
    return lambda run: MadeRows(run, wrong[run.folder])


def keys(candidates):
    return [one.key for one in candidates]


def decide(candidates, objective="balanced", constraints=None, axes=AXES, rows=None):
    board = board_of(*candidates, axes=axes, test_rows=ROWS)
    opened = rows or rows_by_accuracy(board)
    return make_verdict(board, objective, parse_constraints(constraints), rows=opened)


# Errors are nested: of two candidates one is wrong where the other is and on d rows more, so that McNemar's p is
# about 2 * 0.5 ** d: d = 4 of 1,000 rows is a tie, d = 10 and more is not.
GOOD, SAME, POOR, WORST = (
    row("good", 0.950, 40.0, 4.0),
    row("same", 0.947, 20.0, 2.0),  # 3 rows from good
    row("poor", 0.900, 10.0, 1.0),
    row("worst", 0.890, 41.0, 4.1),  # dominated by all
)
SEEDS = (_RUN, _RUN, _RUN)

BOARDS = [
    # name, candidates, options, front, choice, runner-up, ties
    ("one candidate", [GOOD], {}, ["good"], "good", None, []),
    ("one dominates", [POOR, row("b", 0.8, 11.0, 1.1)], {}, ["poor"], "poor", None, []),
    ("best", [GOOD, POOR, WORST], {"objective": "best"}, ["good", "poor"], "good", "poor", []),
    ("fastest", [GOOD, POOR, WORST], {"objective": "fastest"}, ["good", "poor"], "poor", "good", []),
    ("cheapest", [GOOD, POOR, WORST], {"objective": "cheapest"}, ["good", "poor"], "poor", "good", []),
    # log 4 + log 4 against log(0.1 / 0.05)
    ("balanced", [GOOD, POOR, WORST], {}, ["good", "poor"], "poor", "good", []),
    # log(0.5 / 0.05) against log 1.1 twice
    ("balanced for quality", [row("a", 0.95, 11.0, 1.1), row("b", 0.5, 10.0, 1.0)], {}, ["a", "b"], "a", "b", []),
    (
        "a tie goes to the cheaper",
        [GOOD, SAME, POOR],
        {"objective": "best"},
        ["good", "same", "poor"],
        "same",
        "good",
        ["good"],
    ),
    (
        "a tie does not chain",  # c ties with b, b with a, but c not with a
        [row("a", 0.950, 40.0, 4.0), row("b", 0.946, 30.0, 3.0), row("c", 0.942, 20.0, 2.0)],
        {"objective": "best"},
        ["a", "b", "c"],
        "b",
        "a",
        ["a", "c"],
    ),
    (
        "a tie that only the cheaper one's tests see is none",  # p of m: 0.031, of k: 0.004; of m, k counts 0.0625
        [row("l", 0.900, 30.0, 3.0), row("m", 0.895, 20.0, 2.0), row("k", 0.891, 10.0, 1.0)],
        {"objective": "best"},
        ["l", "m", "k"],
        "l",
        "m",
        [],
    ),
    (
        "a tie that only the leader's tests see moves nothing",  # p of m: 0.031 twice; of m, l: 0.031 once
        [row("k", 0.900, 40.0, 4.0), row("l", 0.896, 10.0, 2.0), row("m", 0.891, 20.0, 1.5)],
        {},
        ["k", "l", "m"],
        "l",
        "m",
        ["k", "m"],
    ),
    (
        "fastest stays whatever ties",
        [row("quick", 0.950, 10.0, 4.0), row("cheap", 0.949, 20.0, 2.0)],
        {"objective": "fastest"},
        ["quick", "cheap"],
        "quick",
        "cheap",
        ["cheap"],
    ),
    (
        "cheapest stays whatever ties",
        [GOOD, SAME],
        {"objective": "cheapest"},
        ["good", "same"],
        "same",
        "good",
        ["good"],
    ),
    (
        "a price within its trials is not cheaper",
        [row("a", 0.950, 40.0, 4.0), row("b", 0.948, 20.0, 3.99)],
        {"objective": "best"},
        ["a", "b"],
        "a",
        "b",
        ["b"],
    ),
    (
        "equal points",
        [row("b", 0.9, 10.0, 1.0), row("a", 0.9, 10.0, 1.0)],
        {},
        ["a", "b"],
        "a",
        "b",
        ["b"],
    ),
    (
        "a constraint moves the choice",
        [GOOD, POOR, WORST],
        {"constraints": {"accuracy_min": 0.94}},
        ["good"],
        "good",
        None,
        [],
    ),
    (
        "a constraint off the front lets a dominated one in",
        [row("big", 0.95, 10.0, 1.0, size_mb=400.0), row("small", 0.9, 11.0, 1.1, size_mb=20.0)],
        {"constraints": {"size_mb_max": 100}},
        ["small"],
        "small",
        None,
        [],
    ),
    ("nothing meets them", [GOOD, POOR], {"constraints": {"p95_ms_max": 9}}, [], None, None, []),
    (
        "NaN and None are not ranked",
        [row("nan", 0.99, math.nan, 0.1), row("none", 0.99, 1.0, None), POOR],
        {},
        ["poor"],
        "poor",
        None,
        [],
    ),
    ("no latency at all", [row("a", 0.9, None, 2.0), row("b", 0.8, None, 1.0)], {}, ["a", "b"], "a", "b", []),
    (
        "a priced model without latency",
        [row("api", 0.97, None, 9.0, runs=(), priced=API), POOR],
        {"objective": "best"},
        ["poor"],
        "poor",
        None,
        [],
    ),
    (
        "a priced model where latency is not asked",
        [row("api", 0.97, None, 9.0, runs=(), priced=API), POOR],
        {"objective": "best", "axes": ("accuracy", "usd_per_1k")},
        ["api", "poor"],
        "api",
        "poor",
        [],
    ),
    (
        "seeds: means decide",
        [
            row("a", 0.95, 10.0, 1.0, runs=SEEDS, spread={"accuracy": 0.01}),
            row("b", 0.90, 5.0, 0.5, runs=SEEDS, spread={"accuracy": 0.01}),
        ],
        {"objective": "best", "rows": no_rows},
        ["a", "b"],
        "a",
        "b",
        [],
    ),
    (
        "an untrained baseline that costs nothing to train",
        [
            row("minilm none", 0.5, 10.0, 1.0, usd_training=0.0),
            row("minilm lora", 0.9, 10.0, 1.0, usd_training=0.01),
            row("minilm full", 0.9, 10.0, 1.0, usd_training=0.03),
        ],
        {"axes": ("accuracy", "usd_training")},
        ["minilm lora", "minilm none"],
        "minilm lora",  # log(0.01 / 0.005) = 0.69 of training, where a zero counts as half; the other log(0.5 / 0.1)
        "minilm none",
        [],
    ),
    ("all values equal but one", [row("a", 0.9, 9.0, 1.0), row("b", 0.9, 10.0, 1.0)], {}, ["a"], "a", None, []),
]


@pytest.mark.parametrize(
    ("candidates", "options", "front", "choice", "runner_up", "ties"),
    [board[1:] for board in BOARDS],
    ids=[board[0] for board in BOARDS],
)
def test_constructed_boards(candidates, options, front, choice, runner_up, ties):
    verdict = decide(candidates, **options)
    assert keys(verdict.front) == front
    assert verdict.choice.key == choice if choice else verdict.choice is None
    assert verdict.runner_up.key == runner_up if runner_up else verdict.runner_up is None
    assert keys(verdict.ties) == ties
    assert len(verdict.sentences) == 3
    assert all(one.endswith(".") and "None" not in one and "nan" not in one.split() for one in verdict.sentences)


def comparison(verdict, other, axis):
    (found,) = [one for one in verdict.comparisons if one.other.key == other and one.axis.name == axis]
    return found


def test_accuracy_is_tested_by_mcnemar_with_a_bootstrapped_interval_and_holm_over_the_front():
    verdict = decide([GOOD, SAME, POOR], "best")
    assert verdict.choice.key == "same"
    near, far = (comparison(verdict, key, "accuracy") for key in ("good", "poor"))
    assert (near.method, near.rows, near.told_apart) == ("mid-p McNemar", ROWS, False)
    assert near.difference == pytest.approx(-0.003)
    assert near.p == near.p_holm == pytest.approx(0.125)  # 3 rows against none: twice an eighth, less an eighth
    assert near.ci95[0] < -0.003 < near.ci95[1]
    assert far.told_apart
    assert far.p_holm == pytest.approx(2 * far.p)  # the smaller of two


def test_macro_f1_is_tested_by_the_bootstrap_and_accuracy_beside_it():
    board = [
        dataclasses.replace(one, values={**one.values, "f1_macro": one.values["accuracy"]}) for one in (GOOD, POOR)
    ]
    verdict = decide(board, "best", axes=("f1_macro", "p95_ms"))
    found = [(one.axis.name, one.method) for one in verdict.comparisons]
    assert found[:2] == [("f1_macro", "paired bootstrap"), ("accuracy", "mid-p McNemar")]
    assert comparison(verdict, "poor", "f1_macro").p == pytest.approx(2 / (FEW + 1))


def test_times_are_told_apart_by_the_intervals_of_their_trials():
    verdict = decide([row("a", 0.95, 10.1, 4.0), row("b", 0.9, 10.0, 2.0), row("c", 0.8, 5.0, 1.0)], "best")
    near, far = (comparison(verdict, key, "p95_ms") for key in "bc")
    assert (near.told_apart, far.told_apart) == (False, True)
    assert near.method == far.method == "intervals of repeated trials"
    half = math.hypot(0.101, 0.1)  # of two independent intervals
    assert near.ci95 == pytest.approx((0.1 - half, 0.1 + half))


def test_what_was_measured_once_is_not_tested_and_what_is_counted_needs_no_test():
    board = [
        row("a", 0.95, usd_training=3.0, size_mb=90.0),
        row("b", 0.90, usd_training=2.0, size_mb=80.0),
    ]
    verdict = decide(board, "best", axes=("accuracy", "usd_training", "size_mb"))
    once, counted = (comparison(verdict, "b", name) for name in ("usd_training", "size_mb"))
    assert (once.told_apart, once.p, once.method) == (False, None, "not tested: usd_training was measured once")
    assert (counted.told_apart, counted.difference, counted.method) == (True, 10.0, "counted, not sampled")


def test_without_test_rows_nothing_is_a_tie_and_the_reason_is_said():
    verdict = decide([GOOD, SAME], "best", rows=no_rows)
    assert verdict.choice.key == "good"
    assert verdict.ties == ()
    told = comparison(verdict, "same", "accuracy")
    assert (told.told_apart, told.p) == (False, None)
    assert told.method.startswith("not tested: ") and "holds no predictions.parquet" in told.method
    assert "not tested" in verdict.sentences[1]


def test_rows_of_one_seed_that_differ_the_other_way_tell_nothing_apart():
    board = board_of(row("a", 0.90, 10.0, 2.0), row("b", 0.80, 5.0, 1.0), axes=AXES, test_rows=ROWS)
    wrong = {"a": 300, "b": 200}  # of the chosen seeds; their means are the other way
    verdict = make_verdict(board, "best", rows=lambda run: MadeRows(run, np.arange(wrong[run.folder.name])))
    assert verdict.choice.key == "b"  # so they tie, and it is cheaper
    told = comparison(verdict, "a", "accuracy")
    assert told.p < 0.001 and not told.told_apart
    assert told.method == "mid-p McNemar; the means on the board differ the other way"
    assert "rows do not tell their accuracy apart, and a tie" in verdict.sentences[0]


def test_only_rows_of_the_front_are_read():
    opened = []
    board = board_of(GOOD, POOR, WORST, axes=AXES, test_rows=ROWS)
    rows = rows_by_accuracy(board)
    make_verdict(board, "best", rows=lambda run: opened.append(run.folder.name) or rows(run))
    assert sorted(opened) == ["good", "poor"]


def test_the_objective_adds_its_axis_to_the_front():
    verdict = decide([GOOD, POOR], "cheapest", axes=("accuracy", "p95_ms"))
    assert [axis.name for axis in verdict.axes] == ["accuracy", "p95_ms", "usd_per_1k"]


def test_an_objective_that_is_none_or_has_no_values_is_one_sentence():
    with pytest.raises(ConfigError, match="objective=quickest is no objective"):
        decide([GOOD], "quickest")
    with pytest.raises(DataError, match="objective=fastest needs a latency"):
        decide([row("a", 0.9, None, 1.0)], "fastest")


def test_the_sentences_name_choice_runner_up_and_what_is_given_up():
    verdict = decide([GOOD, SAME, POOR], "best", {"p95_ms_max": 50})
    first, second, third = verdict.sentences
    assert first == (
        "Ship same: accuracy 0.947, p95 20.0 ms, $2.00 per 1k requests, within p95 <= 50 ms; good has the best "
        "accuracy, but 1,000 test rows do not tell their accuracy apart (p = 0.125), and a tie goes to the cheaper one."
    )
    assert second == (
        "The runner-up is good: accuracy 0.950 (0.003 higher, not told apart, p = 0.125), p95 40.0 ms (2.0 times as "
        "much), $4.00 per 1k requests (2.0 times as much)."
    )
    assert third == (
        "Against the best of the front it gives up 0.003 of accuracy (good, not told apart, p = 0.125), 10.0 ms of p95 "
        "(poor) and $1.00 per 1k requests (poor)."
    )


def test_intervals_and_seeds_stand_behind_the_main_metric():
    sure = row("a", 0.95, 1.0, 1.0, interval={"accuracy": (0.93, 0.97)})
    assert decide([sure]).sentences[0].startswith("Ship a: accuracy 0.950 (95% 0.930 to 0.970), p95 1.00 ms")
    seeds = row("a", 0.95, 1.0, 1.0, runs=SEEDS, spread={"accuracy": 0.0123})
    assert "accuracy 0.950 (standard deviation 0.012 over 3 seeds)" in decide([seeds]).sentences[0]


def test_a_front_of_one_gives_up_nothing():
    verdict = decide([POOR, row("b", 0.8, 11.0, 1.1)])
    assert verdict.sentences == (
        "Ship poor: accuracy 0.900, p95 10.0 ms, $1.00 per 1k requests; "
        "no other that can be ranked is better by any of accuracy, p95 and $ per 1k requests.",
        "There is no runner-up: nothing else that can be ranked is on the front.",
        "It gives up nothing: none that can be ranked is better by accuracy, p95 and $ per 1k requests.",
    )


def test_the_nearest_miss_is_said_with_what_would_let_it_pass():
    verdict = decide([GOOD, POOR], constraints={"accuracy_min": 0.96, "p95_ms_max": 12.34})
    assert verdict.choice is None
    assert verdict.misses[0].candidate.key == "poor"
    assert verdict.sentences == (
        "Nothing meets the constraints; poor is nearest: accuracy 0.900 is 0.060 (6.2%) below "
        "constraints.accuracy_min=0.96.",
        "To let it pass, give constraints.accuracy_min=0.900.",
        "No candidate meets constraints.accuracy_min=0.96 (the most is 0.950, good).",
    )


def test_what_is_told_to_type_lets_the_nearest_pass():
    board = [row("a", 0.91234, 12.3456, 0.00123456)]
    asked = {"accuracy_min": 0.99, "p95_ms_max": 1, "usd_per_1k_max": 0.0001, "size_mb_max": 3}
    typed = decide(board, constraints=asked).sentences[1].removeprefix("To let it pass, give ").rstrip(".").split()
    loosened = dict(one.removeprefix("constraints.").split("=") for one in typed)
    assert loosened.pop("size_mb_max") == "null"
    assert decide(board, constraints={name: float(value) for name, value in loosened.items()}).choice.key == "a"


def test_constraints_met_apart_but_not_together():
    sentences = decide([GOOD, POOR], constraints={"accuracy_min": 0.94, "p95_ms_max": 20}).sentences
    assert sentences[2] == "Each constraint alone is met by a candidate, but none meets them all."


def test_who_meets_the_constraints_but_cannot_be_ranked_is_named():
    verdict = decide([row("a", 0.9, None, 1.0), row("b", 0.8, 2.0, None)])
    assert verdict.choice is None and keys(verdict.feasible) == ["a", "b"]
    assert verdict.sentences[1] == "Unknown is p95_ms of a; usd_per_1k of b."
    verdict = decide([row("api", 0.9, None, 1.0), POOR], constraints={"accuracy_min": 0.5})
    assert verdict.notes == (
        "not on the front, since p95_ms is unknown: api; axes=[accuracy,usd_per_1k] ranks without it",
    )


def test_a_front_tested_at_once_has_the_verdict_of_its_pairs(monkeypatch):
    board = [row(f"m{n:02}", 0.6 + n / 50, 10.0 + n, 1.0 + n) for n in range(12)]
    at_once = told(decide(board, rows=crossed))
    monkeypatch.setattr(telling, "differences_to_others", lambda *_: {})
    assert told(decide(board, rows=crossed)) == at_once


def test_runs_in_folders_are_paired_by_their_rows(tmp_path):
    numbers = {"full": (0.85, 12.0, 0.004), "lora": (0.845, 9.0, 0.002), "head": (0.6, 8.0, 0.001)}
    runs = [
        made_run("minilm", name, f1_macro=quality, accuracy=quality, p95_ms=p95, usd_per_1k=usd, test_rows=200)
        for name, (quality, p95, usd) in numbers.items()
    ]
    board = make_board([save_made(tmp_path / run.result.run.name, run) for run in runs])
    verdict = make_verdict(board, "best")
    assert keys(verdict.front) == ["minilm full", "minilm lora", "minilm head"]
    assert (verdict.choice.key, verdict.runner_up.key) == ("minilm lora", "minilm full")
    assert keys(verdict.ties) == ["minilm full"]
    assert comparison(verdict, "minilm head", "f1_macro").told_apart


def test_losses_of_models_that_write_are_paired_by_their_tokens(tmp_path):
    numbers = {"full": (2.0, 12.0), "lora": (2.001, 9.0), "none": (2.5, 8.0)}
    kind = {"task": "causal_lm", "main": "loss", "test_rows": 100}
    runs = [  # seeds of their own, for rows that differ
        made_run("smollm2", name, seed=seed, loss=loss, p95_ms=p95, usd_per_1k=p95, **kind)
        for seed, (name, (loss, p95)) in enumerate(numbers.items())
    ]
    board = make_board([save_made(tmp_path / run.result.run.name, run) for run in runs])
    verdict = make_verdict(board, "best")
    assert verdict.choice.key == "smollm2 lora"
    told = {one.other.key: one for one in verdict.comparisons if one.axis.name == "loss"}
    assert told["smollm2 none"].told_apart
    assert told["smollm2 none"].difference == pytest.approx(-0.499, abs=0.02)
    assert all(one.method.startswith("paired bootstrap") for one in told.values())
    assert "accuracy" not in {one.axis.name for one in verdict.comparisons}


NUMBERS = st.tuples(st.integers(0, 8), st.integers(1, 8), st.integers(1, 8))
OPTIONS = st.fixed_dictionaries(
    {
        "objective": st.sampled_from(["balanced", "best", "cheapest", "fastest"]),
        "constraints": st.fixed_dictionaries(
            {}, optional={"accuracy_min": st.sampled_from([0.4, 0.6, 0.9]), "p95_ms_max": st.integers(1, 6)}
        ),
    }
)


def some(points):
    return [row(f"m{n}", a / 10, 10.0 * b, float(c)) for n, (a, b, c) in enumerate(points)]


def crossed(run):
    """Rows of a made run whose mistakes depend on its name: some pairs tie, and some do not."""
    number = zlib.crc32(run.folder.name.encode())
    return MadeRows(run, np.random.default_rng(number).permutation(40)[: 10 + number % 12], 40)


def told(verdict):
    """Return what must not change: all but the lists of every candidate."""
    nearest = [(one.candidate.key, one.constraint, one.by) for one in verdict.misses]
    kept = [one for one in nearest if one[0] == nearest[0][0]]
    ends = [(c.other.key, c.axis.name, c.difference, c.p_holm, c.told_apart) for c in verdict.comparisons]
    ones = [one and one.key for one in (verdict.choice, verdict.runner_up, verdict.leader)]
    return ones, keys(verdict.front), keys(verdict.ties), ends, kept, verdict.sentences


@settings(max_examples=25, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=7), OPTIONS, st.randoms())
def test_the_order_of_rows_never_matters(points, options, random):
    candidates = some(points)
    shuffled = random.sample(candidates, len(candidates))
    assert told(decide(shuffled, rows=crossed, **options)) == told(decide(candidates, rows=crossed, **options))


@settings(max_examples=25, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6), OPTIONS, st.data())
def test_adding_a_dominated_candidate_never_changes_the_verdict(points, options, data):
    candidates = some(points)
    better = data.draw(st.sampled_from(candidates))
    accuracy, p95, usd = better.values.values()
    steps = data.draw(st.tuples(*[st.integers(0, 3)] * 3).filter(any))
    worse = row(data.draw(st.sampled_from(["a", "z"])), accuracy - steps[0] / 10, p95 + 10 * steps[1], usd + steps[2])
    assert told(decide([*candidates, worse], rows=crossed, **options)) == told(
        decide(candidates, rows=crossed, **options)
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=7), OPTIONS)
def test_the_choice_is_on_the_front_keeps_its_constraints_and_costs_no_more_than_the_leader(points, options):
    verdict = decide(some(points), rows=crossed, **options)
    if verdict.choice is None:
        assert verdict.misses
        return
    assert verdict.choice.key in keys(verdict.front)
    assert verdict.choice.key in keys(verdict.feasible)
    assert verdict.choice.values["usd_per_1k"] <= verdict.leader.values["usd_per_1k"]
    if verdict.choice.key != verdict.leader.key:
        assert verdict.leader.key in keys(verdict.ties)
