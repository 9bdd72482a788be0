"""Input-bound steps."""

from __future__ import annotations

from ftlab.diagnosis.input_bound import NAME, look
from made_evidence import evidence

WAITS = {"loader_wait_fraction": 0.41}


def test_steps_that_wait_for_their_batch_are_input_bound() -> None:
    found = look(evidence(training=WAITS))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == "41% of the time of a step is waiting for its batch, with dataset.num_workers=0"
    assert found.remedy == "dataset.num_workers=2"


def test_workers_are_doubled_up_to_the_processors_there_are() -> None:
    found = look(evidence(training=WAITS, workers=4, cores=6))
    assert found is not None
    assert found.remedy == "dataset.num_workers=5"


def test_on_a_processor_that_has_no_other_beside_it_no_option_helps() -> None:
    found = look(evidence(training=WAITS, cores=1))
    assert found is not None
    assert found.remedy == ""


def test_a_healthy_run_does_not_wait() -> None:
    assert look(evidence()) is None


def test_a_wait_of_seconds_in_all_is_no_trouble() -> None:
    assert look(evidence(training={**WAITS, "seconds": 20.0})) is None


def test_what_was_not_measured_says_nothing() -> None:
    assert look(evidence(training={"loader_wait_fraction": None})) is None
