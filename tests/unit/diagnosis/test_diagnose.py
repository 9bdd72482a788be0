"""All rules together: a healthy run is healthy, and one cause is said once."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.diagnosis.diagnose import RULES, diagnose
from ftlab.diagnosis.evidence import Evidence, Lost
from made_evidence import counts, evidence, writer
from made_runs import NOTHING_MEASURED, run_info, run_result

RANDOM = {"loss": 1.10, "mean_confidence": 0.41, "accuracy": 0.33, "f1_macro": 0.17}
GUESSING = [3.9, 2.1, 1.104, 1.102, 1.106, 1.099, 1.101, 1.105, 1.100, 1.103, 1.102, 1.101]


def names(found: Evidence) -> list[str]:
    return [trouble.name for trouble in diagnose(found)]


def test_a_healthy_classifier_is_healthy() -> None:
    assert diagnose(evidence()) == []


def test_a_healthy_model_that_writes_is_healthy() -> None:
    assert diagnose(writer([3.4, 3.2, 3.1, 3.05, 3.02, 3.0, 3.0, 3.0, 2.99], [3.2, 3.1, 3.08, 3.07])) == []


def test_a_cause_hides_what_follows_from_it() -> None:
    off = {"ece": (0.2, 0.3)}
    collapsed = evidence(
        GUESSING, [1.11, 1.1], test={**RANDOM, "ece": 0.25}, ci95=off, labels=counts(predicted=(600, 0, 0))
    )
    assert names(collapsed) == ["learning rate too high"]


def test_troubles_of_different_causes_stand_together_the_gravest_first() -> None:
    data, training = {"leaked_rows": 60, "truncated_rows": 700}, {"padding_fraction": 0.5}
    found = evidence(data=data, training=training, batching="fixed")
    assert names(found) == ["leaked test rows", "heavy truncation", "heavy padding"]


def test_a_trial_of_the_machinery_says_nothing() -> None:
    data = {"train_rows": 60, "val_rows": 24, "test_rows": 30, "leaked_rows": 3, "duplicate_rows": 10}
    smoke = evidence(
        [1.1, 1.1, 1.1],
        [1.1, 1.1],
        main=(0.2, 0.2),
        steps=8,
        epochs=2,
        data=data,
        test=RANDOM,
        ci95={"f1_macro": (0.1, 0.3), "ece": (0.2, 0.4)},
        labels=counts((10, 10, 10), (30, 0, 0)),
        training={"padding_fraction": 0.5},
    )
    assert diagnose(smoke) == []


def test_a_run_that_trained_nothing_is_judged_by_its_rows_alone() -> None:
    untrained = {"steps": None, "epochs": None, "padding_fraction": None, "loader_wait_fraction": None}
    found = evidence([], [], main=(), training=untrained, test={**RANDOM, "ece": 0.3}, ci95={"ece": (0.25, 0.35)})
    assert diagnose(found) == []


def test_a_run_without_a_record_of_anything_says_nothing_but_why_it_died() -> None:
    failed = run_result(run=run_info(status="failed"), **NOTHING_MEASURED)
    assert diagnose(Evidence(failed)) == []
    assert names(Evidence(failed, lost=Lost(0, 3, math.nan, None))) == ["divergence"]


def test_each_rule_has_a_name_of_its_own_and_hides_names_that_exist() -> None:
    known = [rule.name for rule in RULES]
    assert len(set(known)) == len(known) == 14
    assert {name for rule in RULES for name in rule.hides} <= set(known)


def test_the_room_is_light() -> None:
    code = "import sys, ftlab.diagnosis.diagnose; print({'torch', 'pandas', 'rich', 'hydra'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


LOSSES = st.lists(st.sampled_from([0.0, 1e-12, 0.01, 0.5, 1.1, 30.0, 1e30, math.nan, math.inf]), max_size=24)
NUMBERS = st.sampled_from([0.0, 0.3, 1.0, 40.0, math.nan])
ROWS = st.integers(0, 700)


@settings(max_examples=150, deadline=None)
@given(
    train=LOSSES,
    val=LOSSES,
    steps=st.integers(0, 400),
    test=st.fixed_dictionaries(dict.fromkeys(["loss", "accuracy", "f1_macro", "ece", "mean_confidence"], NUMBERS)),
    before=st.fixed_dictionaries({"loss": NUMBERS, "mean_confidence": NUMBERS}),
    labels=st.tuples(*[st.tuples(ROWS, ROWS, ROWS)] * 3),
    data=st.fixed_dictionaries(dict.fromkeys(["train_rows", "val_rows", "test_rows", "leaked_rows"], ROWS)),
    end=NUMBERS,
    options=st.fixed_dictionaries(
        {
            "learning_rate": st.sampled_from([None, 0.0, 1e-5]),
            "max_steps": st.sampled_from([None, -1, 0, 90]),
            "max_epochs": st.sampled_from([None, -1, 4]),
            "warmup": st.sampled_from([None, 0.0, 0.1, 1000]),
            "scheduler": st.sampled_from([None, "constant", "get_cosine_schedule_with_warmup"]),
        }
    ),
    more=st.fixed_dictionaries({"writes": st.booleans(), "verb": st.sampled_from(["train", "evaluate"])}),
)
def test_no_numbers_however_odd_break_a_rule(
    train: list[float],
    val: list[float],
    steps: int,
    test: dict[str, float],
    before: dict[str, float],
    labels: tuple[tuple[int, ...], ...],
    data: dict[str, int],
    end: float,
    options: dict[str, Any],
    more: dict[str, Any],
) -> None:
    true, predicted, trained = labels
    made = writer if more["writes"] else evidence
    found = made(
        train,
        val,
        steps=steps,
        test=test,
        before=before,
        ci95={"f1_macro": (0.1, end), "loss": (0.2, end), "ece": (0.0, end)},
        labels=counts(true, predicted, trained),
        data=data,
        verb=more["verb"],
        **options,
    )
    for trouble in diagnose(found):
        assert trouble.name
        assert trouble.evidence
        assert "nan" not in trouble.remedy
        assert "inf" not in trouble.remedy
