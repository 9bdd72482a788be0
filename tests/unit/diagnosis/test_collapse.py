"""Class collapse."""

from __future__ import annotations

from ftlab.diagnosis.collapse import NAME, look
from made_evidence import counts, evidence

ASKED = {"head": "lm", "name": "smollm2_135m"}


def test_nearly_all_rows_called_one_label_is_collapse() -> None:
    found = look(evidence(labels=counts((200, 200, 200), (590, 10, 0))))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == "590 of 600 test rows are called oppose, and 200 of them are"
    assert found.remedy == "optimizer.lr=1.7e-05"


def test_a_label_that_is_never_given_is_collapse_and_weights_help_where_rows_are_uneven() -> None:
    found = look(evidence(labels=counts((400, 160, 40), (430, 170, 0), train=(500, 120, 20))))
    assert found is not None
    assert found.evidence == "no test row is called support (40 test rows)"
    assert found.remedy == "model.class_weights=balanced"


def test_weights_that_are_there_already_are_not_asked_for() -> None:
    found = look(evidence(labels=counts((400, 160, 40), (430, 170, 0), train=(500, 120, 20)), class_weights=True))
    assert found is not None
    assert found.remedy == "optimizer.lr=1.7e-05"


def test_a_healthy_run_has_not_collapsed() -> None:
    assert look(evidence()) is None


def test_a_label_that_nearly_all_rows_have_may_be_given_to_nearly_all() -> None:
    assert look(evidence(labels=counts((580, 12, 8), (590, 5, 5)))) is None


def test_a_label_with_few_test_rows_may_be_missed() -> None:
    assert look(evidence(labels=counts((300, 291, 9), (310, 290, 0)))) is None


def test_a_new_head_that_nothing_trained_is_the_toss_of_a_coin() -> None:
    untrained = {"steps": None, "epochs": None}
    assert look(evidence(labels=counts(predicted=(600, 0, 0)), training=untrained)) is None


def test_a_prompt_that_favours_one_answer_is_weighed_down_then_shown_examples() -> None:
    untrained = {"steps": None, "epochs": None}
    labels = counts(predicted=(600, 0, 0))
    found = look(evidence(labels=labels, training=untrained, model=ASKED, learning_rate=None))
    assert found is not None
    assert found.remedy == "prompt.calibration=contextual"
    found = look(evidence(labels=labels, training=untrained, model=ASKED, calibration="contextual", shots=2))
    assert found is not None
    assert found.remedy == "prompt.shots_per_class=4"


def test_an_evaluation_tells_it_of_the_run_it_looks_at() -> None:
    untrained = {"steps": None, "epochs": None}
    looked_at = {"labels": counts(predicted=(600, 0, 0)), "training": untrained, "verb": "evaluate"}
    assert look(evidence(**looked_at, evidence={"steps_before": 100})) is not None
    assert look(evidence(**looked_at)) is None


def test_few_test_rows_say_nothing() -> None:
    assert look(evidence(labels=counts((10, 10, 10), (30, 0, 0)), data={"test_rows": 30})) is None
