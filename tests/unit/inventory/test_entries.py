"""What lies below the outputs, read from the small files of its folders."""

import json
import os
from pathlib import Path

import pytest

from ftlab.inventory.entries import shown_path, take_inventory
from ftlab.locks import lock
from made_runs import run_info, run_result, save_run, save_state, save_sweep


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


OUTPUTS = Path("outputs")


def only(output_dir=OUTPUTS):
    (entry,) = take_inventory(output_dir).entries
    return entry


def test_a_finished_run_is_known_from_its_record():
    save_run(OUTPUTS / "trial" / "run_0a", model="minilm", main=0.7123456789, p50_ms=3.25, usd=0.001)
    entry = only()
    assert (entry.id, entry.name, entry.verb, entry.status, entry.error) == (
        "0a",
        "minilm_lora",
        "train",
        "finished",
        None,
    )
    assert (entry.model, entry.adapter, entry.dataset) == ("minilm", "lora", "policy_stance")
    assert (entry.main_metric, entry.main_value, entry.main_direction) == ("f1_macro", 0.7123456789, "max")
    assert (entry.p50_ms, entry.usd_per_1k_requests) == (3.25, 0.001)  # of the merged form, which was timed last
    assert (entry.experiment, entry.folder) == ("trial", "outputs/trial/run_0a")


def test_a_run_that_failed_is_named_by_its_configuration():
    save_run(
        OUTPUTS / "e" / "run_0a", model="bert_large", adapter="head", dataset="imdb", status="failed", error="boom"
    )
    entry = only()
    assert (entry.status, entry.error) == ("failed", "boom")
    assert (entry.model, entry.adapter, entry.dataset) == ("bert_large", "head", "imdb")
    assert entry.main_metric is entry.main_value is entry.p50_ms is entry.usd_per_1k_requests is None


def test_a_run_without_a_record_runs_while_its_owner_lives_and_was_killed_otherwise():
    folder = save_state(OUTPUTS / "e" / "run_0a", model="minilm", adapter="full", dataset="imdb")
    entry = only()
    assert (entry.status, entry.name, entry.id) == ("killed", "minilm_full", "0a")
    assert (entry.model, entry.adapter, entry.dataset) == ("minilm", "full", "imdb")
    lock(folder)  # this process lives
    assert only().status == "running"


def test_a_run_that_goes_on_is_running_whatever_its_old_record_says():
    lock(save_run(OUTPUTS / "e" / "run_0a", status="killed", error="terminated"))
    assert only().status == "running"


def test_jobs_know_their_sweep_and_its_experiment():
    sweep = save_sweep(OUTPUTS / "e" / "sweep_0b")
    save_run(sweep / "0_minilm", sweep="0b")
    save_sweep(OUTPUTS / "e" / "sweep_0c")
    found = take_inventory(OUTPUTS)
    assert found.sweeps == ["outputs/e/sweep_0b", "outputs/e/sweep_0c"]
    (job,) = found.entries
    assert (job.sweep, job.sweep_folder, job.experiment) == ("0b", "outputs/e/sweep_0b", "e")


BROKEN = {
    "no JSON": "{",
    "no record": "[]",
    "a later schema": '{"schema": 99}',
    "a word for a number": lambda plain: plain["latency"][0].update(p50_ms="fast"),
    "a number for a word": lambda plain: plain["model"].update(name=3),
    "no main metric": lambda plain: plain["quality"].update(main={}),
    "an unknown status": lambda plain: plain["run"].update(status="lost"),
    "a list for a section": lambda plain: plain.update(quality=[1]),
    "no latency": lambda plain: plain.update(latency=None),
}


@pytest.mark.parametrize("damage", BROKEN.values(), ids=list(BROKEN))
def test_a_record_that_cannot_be_read_is_shown_with_the_reason(damage):
    folder = OUTPUTS / "e" / "run_0a"
    folder.mkdir(parents=True)
    plain = run_result().to_dict()
    if not isinstance(damage, str):
        damage(plain)
    (folder / "result.json").write_text(damage if isinstance(damage, str) else json.dumps(plain))
    entry = only()
    assert (entry.status, entry.name, entry.folder) == ("broken", "run_0a", "outputs/e/run_0a")
    assert entry.error.startswith("outputs/e/run_0a/result.json") and len(entry.error.splitlines()) == 1


def test_a_state_that_cannot_be_read_is_shown_with_the_reason():
    folder = save_state(OUTPUTS / "e" / "run_0a")
    (folder / "state.json").write_text("{")
    assert only().status == "broken" and "state.json" in only().error


@pytest.mark.parametrize(
    "text", ["", "[1]", "model: 3", "model: {name: '${x}'}", "model: !!python/object:os.x {}", "\0"]
)
def test_a_configuration_that_says_nothing_leaves_names_unknown(text):
    folder = save_state(OUTPUTS / "e" / "run_0a")
    (folder / "config.yaml").write_text(text)
    assert (only().status, only().model) == ("killed", None)


def test_copies_of_mlflow_hidden_folders_and_the_inside_of_runs_are_left_out():
    folder = save_run(OUTPUTS / "e" / "run_0a")
    for copy in ("mlartifacts/1/x", ".hidden/x", "e/run_0a/model"):
        (OUTPUTS / copy).mkdir(parents=True)
        run_result().save(OUTPUTS / copy)
    assert only().folder == str(folder)


def test_one_run_s_own_folder_can_be_asked_for():
    folder = save_run(OUTPUTS / "e" / "run_0a")
    assert only(folder).experiment == "e"
    os.chdir(folder)
    assert (only(Path(".")).name, only(Path(".")).experiment) == ("distilbert_lora", "e")


def test_no_folder_holds_nothing():
    assert take_inventory(OUTPUTS).entries == take_inventory(OUTPUTS).sweeps == []


def test_a_folder_elsewhere_is_shown_whole(tmp_path):
    assert shown_path(tmp_path / "a" / ".." / "b") == "b"
    assert shown_path(tmp_path.parent / "x") == str(tmp_path.parent / "x")


def test_a_metric_that_is_not_defined_is_unknown():
    folder = OUTPUTS / "e" / "run_0a"
    folder.mkdir(parents=True)
    plain = run_result(run=run_info(seed=7)).to_dict()
    plain["quality"]["test"] = {"f1_macro": None}
    plain["cost"] = None
    (folder / "result.json").write_text(json.dumps(plain))
    assert (only().status, only().main_value, only().usd_per_1k_requests, only().seed) == ("finished", None, None, 7)
