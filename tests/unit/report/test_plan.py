"""The plan at 80 columns and at 200."""

import dataclasses
import io

import pytest

from ftlab.planning.types import Estimate
from ftlab.report.plan import PlanLine, plan_report, time_span, unfit
from ftlab.report.terminal import show

ESTIMATE = Estimate(
    parameters=335_143_938,
    trainable_parameters=786_432,
    weights_mb=1340.6,
    gradients_mb=3.1,
    optimizer_mb=6.3,
    activations_mb=2100.0,
    peak_mb=3450.0,
    artefact_mb=1341.0,
    artefact_merged_mb=1341.0,
    artefact_adapter_mb=3.2,
    flops_per_token=1.34e9,
    forward_flops_per_token=6.7e8,
    train_tokens=5_400_000,
    seconds=(754.0, 1900.0),
    usd=(0.11, 0.28),
    fits=True,
    remedy=None,
    micro_batch=16,
    largest_micro_batch=16,
    available_mb=15_200.0,
    notes=("dropout is not counted",),
)
UNFIT = dataclasses.replace(
    ESTIMATE,
    parameters=8_030_000_000,
    trainable_parameters=8_030_000_000,
    peak_mb=141_000.0,
    fits=False,
    remedy="adapter=qlora",
    seconds=None,
    usd=None,
    notes=("the rows are not at hand",),
)


def line(**changes):
    known = {"model": "bert_large", "adapter": "lora", "words": "", "device": "t4_16gb"}
    return PlanLine(**known, **changes)


def planned(estimate=ESTIMATE, **changes):
    return dataclasses.replace(line(memory_gb=16.0, estimate=estimate), **changes)


GRID = [planned(), planned(UNFIT, model="llama3_8b", adapter="full"), planned(adapter="prompt_tuning")]


@pytest.fixture
def shown(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def show_at(lines, width=200):
        monkeypatch.setenv("COLUMNS", str(width))
        file = io.StringIO()
        show(plan_report(lines, "Plan [for] t4_16gb"), file)
        return file.getvalue()

    return show_at


def test_a_wide_terminal_gets_one_table_with_all_that_a_training_takes(shown):
    text = shown(GRID)
    head = text.splitlines()[2]
    assert head.split() == [
        *("#", "model", "adapter", "parameters", "trained", "FLOPs", "/", "token", "saved", "MB"),
        *("weights", "gradients", "optimizer", "activations", "peak", "GB", "rows", "fits", "tokens", "time", "$"),
    ]
    assert text.splitlines()[0] == "Plan [for] t4_16gb"
    row = next(row for row in text.splitlines() if row.startswith(" 0 "))
    assert row.split()[1:8] == ["bert_large", "lora", "335", "M", "786", "K", "(0.235%)"]
    assert "1.34 G" in row and "3.45" in row and row.rstrip().endswith("$0.11 to $0.28")
    assert " 13 to 32 min " in row and " yes " in row


def test_a_narrow_terminal_gets_three_tables_that_it_holds(shown):
    text = shown(GRID, 80)
    assert "Memory in GB" in text and "Time and money of training" in text
    rows = [row for row in text.splitlines() if row.startswith((" 0 ", " 1 ", " 2 ", " # "))]
    assert len(rows) == 12 and max(map(len, rows)) <= 80 and text.count("bert_large") == 6
    assert text.count("prompt_tuning") == 3  # no name is cut or folded


def test_what_does_not_fit_is_told_with_the_change_that_makes_it_fit(shown):
    text = shown(GRID)
    assert "  1  needs 141 GB and does not fit on t4_16gb, which has 16 GB; write adapter=qlora\n" in text
    assert unfit(dataclasses.replace(UNFIT, remedy=None), "cpu", None) == (
        "needs 141 GB and does not fit on cpu; no single option makes it fit; take a larger device"
    )


def test_the_sum_says_how_much_of_it_is_known(shown):
    assert (
        "3 jobs in all, one after the other: 25 to 63 min (2 of 3 known), $0.22 to $0.56 (2 of 3 known)\n"
    ) in shown(GRID)
    left = [planned(), planned(left_out="would cost up to $0.28, and $0.02 of budget_usd=0.3 is left")]
    text = shown(left)
    assert "1 job in all, one after the other: 13 to 32 min, $0.11 to $0.28\n" in text
    assert "  1  left out: would cost up to $0.28" in text


def test_a_note_names_the_jobs_it_is_about_unless_all(shown):
    text = shown(GRID)
    assert "note (0, 2): dropout is not counted\n" in text and "note (1): the rows are not at hand\n" in text
    assert "note: dropout is not counted\n" in shown([planned(), planned(adapter="full")])


def test_many_jobs_of_a_note_are_told_as_ranges(shown):
    others = dataclasses.replace(ESTIMATE, notes=())
    lines = [planned(ESTIMATE if number in (0, 2, 3, 4, 6, 7) else others) for number in range(9)]
    assert "note (0, 2 to 4, 6, 7): dropout is not counted\n" in shown(lines)


def test_one_training_has_neither_numbers_nor_a_sum(shown):
    text = shown([planned()])
    assert "#" not in text.splitlines()[2] and "in all" not in text


def test_a_job_that_cannot_be_planned_stands_in_the_table_with_its_reason(shown):
    text = shown([planned(), line(memory_gb=16.0, estimate=None, error="adapter.rank=99 is too large\nsecond")])
    assert "  1  cannot be planned: adapter.rank=99 is too large\n" in text
    assert "1 job in all" in text


def test_what_sets_jobs_apart_has_columns_only_where_it_does(shown):
    head = shown(GRID).splitlines()[2]
    assert "device" not in head and "with" not in head
    head = shown([planned(words="seed=1"), planned(words="seed=2", device="l4_24gb")]).splitlines()[2]
    assert head.split()[:5] == ["#", "model", "adapter", "with", "device"]


def test_small_plans_are_in_megabytes(shown):
    text = shown([planned(dataclasses.replace(ESTIMATE, peak_mb=12.0, weights_mb=0.5))])
    assert "peak MB" in text and " 0.5 " in text and "peak GB" not in text


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        ((0.41, 0.6), "0.41 to 0.6 s"),
        ((50.0, 130.0), "0.83 to 2.2 min"),
        ((3000.0, 9000.0), "0.83 to 2.5 h"),
        ((86_400.0, 864_000.0), "1 to 10 days"),
        ((121.0, 121.5), "2 min"),
    ],
)
def test_times_are_as_exact_as_one_can_know_and_share_a_unit(seconds, said):
    assert time_span(seconds) == said
