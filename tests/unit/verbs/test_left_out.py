"""Which jobs of a sweep are left out, and what a single run is told."""

import dataclasses
import json

import pytest

from ftlab.errors import ConfigError, ModelError
from ftlab.planning.types import DeviceSheet, Estimate
from ftlab.schema import DatasetConfig, TrainConfig
from ftlab.verbs import left_out
from ftlab.verbs.left_out import choose, left_out_of_sweep, refuse_single
from ftlab.verbs.planned import Planned
from made_runs import save_run

SHEET = DeviceSheet("t4_16gb", "cuda", 16.0, 0.8, {"fp16": 65.0}, 320.0, "sheet", "2026-11-23", "t4")
ESTIMATE = Estimate(
    **dict.fromkeys(("parameters", "trainable_parameters", "micro_batch", "largest_micro_batch"), 16),
    **dict.fromkeys(("weights_mb", "gradients_mb", "optimizer_mb", "activations_mb", "artefact_mb"), 1.0),
    **dict.fromkeys(("artefact_merged_mb", "artefact_adapter_mb"), None),
    **dict.fromkeys(("flops_per_token", "forward_flops_per_token", "available_mb"), 1.0),
    peak_mb=100.0,
    train_tokens=1000,
    seconds=(1.0, 2.0),
    usd=(0.5, 1.0),
    fits=True,
    remedy=None,
)


def job(budget=None, *, skip=False, error=None, **changes):
    settings = TrainConfig(
        budget_usd=budget, skip_unfit=skip, name="minilm_full", dataset=DatasetConfig(name="policy_stance")
    )
    return Planned(settings, SHEET, None if error else dataclasses.replace(ESTIMATE, **changes), error)


def dollars(*tops, budget):
    return [job(budget, usd=(0.0, top)) for top in tops]


def test_without_a_limit_nothing_is_left_out():
    assert choose([job(usd=None, seconds=None, fits=False)], {}) == {}


def test_jobs_are_taken_in_their_order_while_their_sum_stays_within_the_budget():
    reasons = choose(dollars(1.0, 2.5, 1.0, 0.5, 0.5, budget=3.0), {})
    assert list(reasons) == [1]  # 1 + 2.5 is more than 3, and the cheaper ones after it still go
    assert reasons[1] == "would cost up to $2.50, and $2.00 of budget_usd=3 is left; write budget_usd=3.7"
    assert list(choose(dollars(1.0, 1.0, 1.0, 1.0, budget=3.0), {})) == [3]
    assert choose(dollars(3.0, budget=3.0), {}) == {}


def test_a_budget_that_none_fits_leaves_all_out():
    assert choose(dollars(1.0, 2.0, budget=0.5), {}) == {
        0: "would cost up to $1.00, and budget_usd=0.5 is less; write budget_usd=1.1",
        1: "would cost up to $2.00, and budget_usd=0.5 is less; write budget_usd=2.1",
    }


def test_what_does_not_fit_is_left_out_and_costs_nothing():
    jobs = [
        job(1.0, skip=True, fits=False, peak_mb=20_000.0, remedy="adapter=lora"),
        job(1.0, skip=True),
        job(1.0, skip=True, fits=None, usd=(0.0, 0.0)),
    ]
    assert choose(jobs, {}) == {
        0: "needs 20 GB and does not fit on t4_16gb, which has 16 GB; write adapter=lora",
    }


def test_of_a_sweep_that_goes_on_finished_jobs_count_with_what_they_cost_and_stay():
    jobs = dollars(5.0, 1.0, 1.0, budget=3.0)
    assert list(choose(jobs, {0: 1.5})) == [2]  # estimated at 5, paid 1.5
    assert list(choose(jobs, {0: None})) == [1, 2]  # not recorded, so estimated
    assert choose([job(usd=None)], {0: None}) == {}


def test_a_job_that_cannot_be_planned_is_left_to_fail_by_itself():
    assert choose([job(1.0, skip=True, error=ModelError("no such target")), job(1.0)], {}) == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"usd": None},
            r"^budget_usd=1 needs a price, and none is known for t4_16gb; add cost\.usd_per_hour=",
        ),
        (
            {"usd": None, "seconds": None},
            r"not known for minilm_full on dataset=policy_stance; give the number of",
        ),
    ],
)
def test_a_budget_without_a_price_or_a_time_is_refused(changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        choose([job(1.0, **changes)], {})


@pytest.fixture
def planned(monkeypatch):
    def set_jobs(*jobs):
        monkeypatch.setattr(left_out, "plan_all", lambda cfgs: list(jobs))

    return set_jobs


def test_a_single_run_that_breaks_its_limits_is_refused_with_one_sentence(planned):
    planned(job(0.5))
    sentence = r"^this run would cost up to \$1\.00, and budget_usd=0\.5 is less; write budget_usd=1\.1$"
    with pytest.raises(ConfigError, match=sentence):
        refuse_single(None)
    planned(job(skip=True, fits=False, peak_mb=20_000.0))
    with pytest.raises(ConfigError, match=r"^this run needs 20 GB and does not fit on t4_16gb"):
        refuse_single(None)
    planned(job(2.0, skip=True))
    refuse_single(None)
    planned(job(2.0, error=ModelError("no such target")))
    with pytest.raises(ModelError, match="no such target"):
        refuse_single(None)


def test_what_jobs_cost_is_read_from_their_records(planned, tmp_path):
    save_run(tmp_path / "0_a")  # 0.0213 dollars of training
    save_run(tmp_path / "1_b", status="failed")
    save_run(tmp_path / "other")
    broken = tmp_path / "2_c"
    broken.mkdir()
    (broken / "result.json").write_text(json.dumps({"run": {"status": "finished"}}))
    planned(*dollars(9.0, 1.0, 1.0, 0.5, budget=2.0))
    assert list(left_out_of_sweep([None] * 4, tmp_path)) == [1]  # 0.0213 and 1, as estimated, are paid; 0.5 still goes
    planned(*dollars(9.0, 0.9, 1.0, budget=2.0))
    assert left_out_of_sweep([None] * 3, tmp_path) == {}
    assert list(left_out_of_sweep([None] * 3, None)) == [0]
