from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from ftlab.errors import DataError
from ftlab.results import Quality, RunResult, TrainingStats, load_result
from made_runs import run_result, timed


def result(**changes) -> RunResult:
    quality = Quality(
        main={"name": "f1_macro", "split": "test", "direction": "max"},
        untrained={"accuracy": 0.3},
        val={"accuracy": 0.6},
        test={"accuracy": 0.7, "auroc": math.nan, "per_class": {"a": {"f1": 0.5}}},
        test_ci95={"accuracy": (0.6, 0.8), "auroc": (math.nan, math.nan)},
    )
    return run_result(
        **{
            "quality": quality,
            "training": TrainingStats(seconds=60.0, steps=10),
            "latency": [timed(1, 12.0), timed(32, 100.0)],
            **changes,
        }
    )


def test_a_saved_result_loads_as_it_was(tmp_path):
    quality = dataclasses.replace(result().quality, test={"accuracy": 0.7}, test_ci95={"accuracy": (0.6, 0.8)})
    saved = result(quality=quality)
    assert saved.save(tmp_path) == tmp_path / "result.json"
    assert load_result(tmp_path) == saved
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_every_key_of_the_schema_is_present_where_nothing_is_known(tmp_path):
    failed = result(model=None, dataset=None, quality=None, cost=None, artefact=None, latency=[])
    failed.save(tmp_path)
    raw = json.loads((tmp_path / "result.json").read_text())
    sections = "schema run model adapter prompt compression dataset quality training latency cost energy artefact"
    assert list(raw) == [*sections.split(), "environment", "diagnosis"]
    assert raw["schema"] == 1
    assert raw["model"] is None and raw["training"]["gpu_utilisation"] is None
    assert load_result(tmp_path) == failed


def test_numbers_that_are_not_finite_become_null(tmp_path):
    result().save(tmp_path)
    raw = json.loads((tmp_path / "result.json").read_text())
    assert raw["quality"]["test"]["auroc"] is None
    assert raw["quality"]["test_ci95"]["auroc"] == [None, None]
    assert load_result(tmp_path).quality.test_ci95["auroc"] == (None, None)


def test_numbers_of_numpy_are_written(tmp_path):
    result(training=TrainingStats(seconds=np.float32(1.5), steps=np.int64(3))).save(tmp_path)
    assert load_result(tmp_path).training == TrainingStats(seconds=1.5, steps=3)


def test_flat_names_every_finite_number_and_nothing_else():
    flat = result().flat()
    assert flat["test/accuracy"] == 0.7
    assert flat["untrained/accuracy"] == 0.3
    assert flat["best_val/accuracy"] == 0.6
    assert flat["test_ci95/accuracy/low"] == 0.6
    assert flat["latency/b1/p50_ms"] == 12.0
    assert flat["latency/b32/p50_ms"] == 100.0
    assert flat["cost/usd_per_1k_requests"] == 0.00123
    assert flat["energy/training_wh"] == 0.52
    assert flat["training/steps"] == 10.0
    assert flat["model/trainable_percent"] == 1.0936
    assert flat["artefact/size_mb"] == 270.9
    assert all(isinstance(v, float) and math.isfinite(v) for v in flat.values())
    assert not {
        "test/auroc",
        "test/per_class",
        "artefact/verified",
        "cost/price_date",
        "energy/wh_per_1k_requests",
    } & set(flat)


def test_flat_keeps_merged_and_separate_adapters_apart():
    flat = result(latency=[timed(1, 12.0), timed(1, 9.0, merged=True)]).flat()
    assert (flat["latency/b1/p50_ms"], flat["latency/b1_merged/p50_ms"]) == (12.0, 9.0)


def test_flat_of_a_run_that_failed_early_is_what_is_known():
    failed = result(model=None, dataset=None, quality=None, cost=None, artefact=None, latency=[])
    assert failed.flat() == {
        "training/seconds": 60.0,
        "training/steps": 10.0,
        "training/processes": 1.0,
        "training/accumulation": 1.0,
        "energy/training_wh": 0.52,
    }


def test_keys_of_a_later_ftlab_do_not_disturb(tmp_path):
    plain = result(quality=None).to_dict()
    plain["later"] = plain["run"]["later"] = plain["latency"][0]["later"] = 1
    (tmp_path / "result.json").write_text(json.dumps(plain))
    assert load_result(tmp_path) == result(quality=None)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("{", r"is not valid JSON .*; run the job again"),
        ("[]", r"has no schema number.*; give another run folder"),
        ('{"schema": "1"}', r"has no schema number"),
        ('{"schema": 2}', r"has schema 2, this ftlab reads up to 1; update ftlab"),
        ('{"schema": 1}', r"is not a complete record .*run"),
        ('{"schema": 1, "run": "x"}', r"is not a complete record"),
    ],
)
def test_a_broken_record_is_one_sentence_with_the_remedy(tmp_path, text, remedy):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(DataError, match=remedy) as caught:
        load_result(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_bytes_that_are_no_text_are_said_to_be(tmp_path):
    (tmp_path / "result.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not valid JSON"):
        load_result(tmp_path)


def test_a_record_without_a_run_is_refused(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({**result().to_dict(), "run": None}))
    with pytest.raises(DataError, match="does not say which run"):
        load_result(tmp_path)


def test_a_folder_without_a_result_is_no_finished_run(tmp_path):
    with pytest.raises(DataError, match=r"holds no result\.json.*`ftlab list` shows yours"):
        load_result(tmp_path)


def test_a_file_given_for_a_folder_is_no_finished_run(tmp_path):
    file = result().save(tmp_path)
    with pytest.raises(DataError, match=r"holds no result\.json"):
        load_result(file)
