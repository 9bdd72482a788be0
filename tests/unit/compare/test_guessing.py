"""Who guesses is not shipped, however cheap; nor does it count in the money."""

import dataclasses

import pytest

from ftlab.compare.board import make_board
from ftlab.compare.constraints import parse_constraints
from ftlab.compare.guessing import guesses
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.record import record
from ftlab.verbs.comparison import Asked, compare_runs
from ftlab.verbs.report_files import write_report
from made_board import made_candidate, made_run, save_made

LABELS = {"oppose": 180, "neutral": 180, "support": 180}


def labelled(run, balanced, low, rows=LABELS):
    """Return ``run`` with a balanced accuracy, the low end of its interval, and the rows of each label."""
    quality = run.result.quality
    numbers = {name: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": count} for name, count in rows.items()}
    quality = dataclasses.replace(
        quality,
        test={**quality.test, "balanced_accuracy": balanced, "per_class": numbers},
        test_ci95={**quality.test_ci95, "balanced_accuracy": (low, min(1.0, 2 * balanced - low))},
    )
    return dataclasses.replace(run, result=dataclasses.replace(run.result, quality=quality))


def kept(tmp_path, run):
    return save_made(tmp_path / run.result.run.name, run)


@pytest.fixture
def runs(tmp_path):
    """Return one that guesses, the fastest; one that is good; one that is better and slow."""
    made = [
        labelled(
            made_run("tiny_bert", "head", f1_macro=0.17, p95_ms=1, usd_per_1k=0.0001, usd_training=0.001), 1 / 3, 1 / 3
        ),
        labelled(made_run("minilm", "lora", f1_macro=0.7, p95_ms=20, usd_per_1k=0.001, usd_training=0.002), 0.7, 0.66),
        labelled(
            made_run("bert_base", "full", f1_macro=0.75, p95_ms=200, usd_per_1k=0.01, usd_training=0.02), 0.75, 0.71
        ),
    ]
    return [kept(tmp_path, run) for run in made]


def candidate(run):
    return make_board([run, made_run("other")]).candidate(f"{run.result.model.name} {run.result.adapter['name']}")


@pytest.mark.parametrize(
    ("balanced", "low", "rows", "guess"),
    [
        (1 / 3, 1 / 3, LABELS, True),
        (0.36, 0.32, LABELS, True),
        (0.40, 0.36, LABELS, False),
        (0.40, 0.36, {"oppose": 270, "support": 270, "neutral": 0}, True),
        (0.55, 0.51, {"oppose": 270, "support": 270, "neutral": 0}, False),
        (None, 0.1, LABELS, False),
        (1.0, 1.0, {"oppose": 540}, False),
    ],
    ids=["one label to all", "within its error", "better", "of two labels", "better of two", "unknown", "one label"],
)
def test_labels_are_guesses_where_their_balanced_accuracy_may_be_that_of_a_guess(balanced, low, rows, guess):
    run = labelled(made_run("minilm", "lora"), balanced or 0.5, low, rows)
    if balanced is None:
        del run.result.quality.test["balanced_accuracy"]
    assert guesses(candidate(run)) is guess


def test_what_writes_and_what_is_only_priced_does_not_guess():
    assert not guesses(candidate(made_run("smollm2_135m", "lora", task="causal_lm", main="loss")))
    assert not guesses(made_candidate("gpt none", f1_macro=0.9))


@pytest.mark.parametrize("objective", ["balanced", "cheapest", "fastest", "best"])
def test_who_guesses_is_not_ranked_and_a_note_names_it(runs, objective):
    verdict = make_verdict(make_board(runs), objective)
    assert [one.key for one in verdict.guessing] == ["tiny_bert head"]
    assert {one.key for one in verdict.front} == {"minilm lora", "bert_base full"}
    assert "tiny_bert head" in {one.key for one in verdict.feasible}
    assert "tiny_bert" not in " ".join(verdict.sentences)
    assert "not ranked, since they cannot be told from guessing labels (by balanced_accuracy): tiny_bert head" in (
        verdict.notes
    )


def test_who_guesses_pushes_no_classifier_off_the_front(runs, tmp_path):
    better = labelled(made_run("minilm", "head", f1_macro=0.4, p95_ms=1.5, usd_per_1k=0.0002), 0.4, 0.36)
    lucky = labelled(made_run("tiny_bert", "full", f1_macro=0.41, p95_ms=1, usd_per_1k=0.0001), 0.36, 0.32)
    board = make_board([*runs, kept(tmp_path, better), kept(tmp_path, lucky)])
    assert "minilm head" in {one.key for one in make_verdict(board).front}
    assert make_verdict(board, "cheapest").choice.key == "minilm head"


def test_with_one_that_does_better_there_is_no_runner_up(runs):
    verdict = make_verdict(make_board(runs[:2]))
    assert verdict.choice.key == "minilm lora" and verdict.runner_up is None and verdict.ties == ()
    assert verdict.sentences[0].endswith(
        "no other that can be ranked is better by any of f1_macro, p95 and $ per 1k requests."
    )
    assert verdict.sentences[1] == "There is no runner-up: nothing else that can be ranked is on the front."


def test_where_all_guess_nothing_is_chosen(runs, tmp_path):
    other = labelled(made_run("tiny_bert", "full", f1_macro=0.2, p95_ms=2, usd_per_1k=0.0002), 0.35, 0.31)
    board = make_board([runs[0], kept(tmp_path, other)])
    verdict = make_verdict(board)
    assert verdict.choice is None and verdict.runner_up is None and verdict.leader is None
    assert verdict.front == verdict.comparisons == verdict.ties == ()
    assert {one.key for one in verdict.guessing} == {"tiny_bert head", "tiny_bert full"}
    assert verdict.sentences == (
        "Ship none of it: nothing can be told from guessing labels; tiny_bert full is nearest, with a balanced "
        "accuracy of 0.350 (95% 0.310 to 0.390) where a guess has 0.333.",
        "There is no runner-up.",
        "More training, other settings or more test rows may tell them apart: see the trouble named.",
    )


def test_where_all_that_keep_the_bounds_guess_the_others_are_not_chosen_either(runs):
    board = make_board(runs)
    verdict = make_verdict(board, constraints=parse_constraints({"p95_ms_max": 10}))
    assert verdict.choice is None and [one.key for one in verdict.feasible] == ["tiny_bert head"]
    assert verdict.sentences[0].startswith("Ship none of it: nothing that meets the constraints can be told from")


def test_a_report_without_a_choice_is_written(runs, tmp_path):
    whole = compare_runs(runs, Asked(constraints={"p95_ms_max": 10}))
    held = record(whole)
    assert held["verdict"]["choice"] is None and held["verdict"]["guessing"] == ["tiny_bert head"]
    assert write_report(whole, tmp_path, pictures=True)


def test_money_is_counted_for_those_that_do_better(runs):
    whole = compare_runs(runs, Asked())
    assert {line.candidate.key for line in whole.money.lines} == {"minilm lora", "bert_base full"}
