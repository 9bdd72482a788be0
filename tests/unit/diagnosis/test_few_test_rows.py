"""A test set too small to tell models apart."""

from __future__ import annotations

from ftlab.diagnosis.few_test_rows import NAME, look
from made_evidence import evidence, writer

WIDE = {"f1_macro": (0.72, 0.90)}
SMALL = {"test_rows": 100}


def test_a_wide_interval_names_the_rows_it_would_take() -> None:
    found = look(evidence(ci95=WIDE, data=SMALL))
    assert found is not None
    assert found.name == NAME
    assert found.evidence == (
        "on 100 test rows f1_macro lies anywhere from 0.72 to 0.9; to tell two models apart that differ by 5 points "
        "takes about 670 rows"
    )
    assert found.remedy == ""


def test_rows_that_were_left_out_are_what_helps() -> None:
    found = look(evidence(ci95=WIDE, data=SMALL, test_limit=100))
    assert found is not None
    assert found.remedy == "dataset.limit.test=670"
    found = look(evidence(ci95=WIDE, data=SMALL, sample_per_class=33))
    assert found is not None
    assert found.remedy == "dataset.sample_per_class=224"


def test_a_larger_share_helps_where_test_is_split_off() -> None:
    found = look(evidence(ci95=WIDE, data={"test_rows": 100, "train_rows": 3000}, test_fraction=0.03))
    assert found is not None
    assert found.remedy == "dataset.test_fraction=0.21"
    found = look(evidence(ci95=WIDE, data=SMALL, test_fraction=0.1))
    assert found is not None
    assert found.remedy == ""  # most of the rows would be gone from train


def test_a_narrow_interval_is_no_trouble() -> None:
    assert look(evidence()) is None


def test_likelihoods_of_texts_tell_models_apart_on_far_fewer_rows() -> None:
    assert look(writer([3.0] * 8, [3.0], ci95={"loss": (2.9, 3.1)})) is None
    found = look(writer([3.0] * 8, [3.0], ci95={"loss": (2.4, 3.6)}, data=SMALL))
    assert found is not None
    assert "5% of perplexity" in found.evidence


def test_a_metric_without_an_interval_or_of_your_own_says_nothing() -> None:
    assert look(evidence(main_metric="mcc")) is None


def test_a_trial_of_the_machinery_says_nothing() -> None:
    assert look(evidence(ci95=WIDE, steps=8, data={"test_rows": 30})) is None
