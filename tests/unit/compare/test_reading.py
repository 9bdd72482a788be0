import json
import shutil
from pathlib import Path

import pytest

from ftlab.compare.comparable import left_out
from ftlab.compare.reading import read_run, read_runs, read_settings
from ftlab.errors import DataError
from made_board import evaluation_of, made_run, save_made
from made_runs import save_run, save_state, save_sweep

OUTPUTS = Path("outputs")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return OUTPUTS / "default"


def names(runs):
    return [run.folder.name for run in runs]


def test_folders_sweeps_patterns_and_latest_give_their_runs(place):
    save_run(place / "a_lora_11")
    save_run(place / "b_full_22", started="2026-01-03T00:00:00+00:00", finished="2026-01-03T01:00:00+00:00")
    sweep = save_sweep(place / "s_33")
    for number in range(2):
        when = {"started": "2026-01-02T00:00:00+00:00", "finished": f"2026-01-0{8 + number}T00:00:00+00:00"}
        save_run(sweep / f"{number}_minilm_{number}", **when)
    assert names(read_runs([place / "a_lora_11"], OUTPUTS)) == ["a_lora_11"]
    assert names(read_runs([sweep], OUTPUTS)) == ["0_minilm_0", "1_minilm_1"]
    assert names(read_runs(["outputs/default/*_lora_*", "outputs/*/b_*"], OUTPUTS)) == ["a_lora_11", "b_full_22"]
    assert names(read_runs(["latest"], OUTPUTS)) == ["0_minilm_0", "1_minilm_1"]  # the sweep of the newest
    assert names(read_runs(["outputs"], OUTPUTS)) == ["a_lora_11", "0_minilm_0", "1_minilm_1", "b_full_22"]


def test_the_latest_of_single_runs_is_one_run(place):
    save_run(place / "a_11", finished="2026-01-01T00:00:00+00:00")
    save_run(place / "b_22", finished="2026-01-02T00:00:00+00:00")
    assert names(read_runs(["latest"], OUTPUTS)) == ["b_22"]


def test_a_run_that_is_named_twice_or_copied_counts_once(place):
    save_run(place / "a_11")
    shutil.copytree(place / "a_11", place / "copy")
    (place.parent / "link").symlink_to(place.resolve() / "a_11")
    words = [place / "a_11", str((place / "a_11").resolve()), "outputs/default/a*", OUTPUTS / "link", place / "copy"]
    assert names(read_runs(words, OUTPUTS)) == ["a_11"]


def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(place):
    save_run(place / "run_[x]_11")
    assert names(read_runs([place / "run_[x]_11"], OUTPUTS)) == ["run_[x]_11"]


def test_words_that_name_no_run_are_told_together(place):
    (place / "empty").mkdir(parents=True)
    save_run(place / "broken_11")
    (place / "broken_11" / "result.json").write_text("{", encoding="utf-8")
    save_run(place / "newer_22")
    record = place / "newer_22" / "result.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "schema": 2}), encoding="utf-8")
    save_sweep(place / "s_33")
    save_state(place / "killed_44")
    words = ["empty", "nowhere", "broken_11", "newer_22", "s_33", "killed_44", "z*"]
    with pytest.raises(DataError) as caught:
        read_runs([place / word for word in words], OUTPUTS)
    told = caught.value.sentences
    assert len(told) == len(words)
    remedies = [*["ftlab list"] * 2, "run the job again", "update ftlab", *["ftlab list"] * 3]
    for word, remedy, sentence in zip(words, remedies, told, strict=True):
        assert word in sentence and remedy in sentence


def test_a_record_without_its_sections_is_not_complete(place):
    folder = save_run(place / "a_11")
    record = json.loads((folder / "result.json").read_text())
    record["quality"]["main"] = {}
    record["dataset"] = None
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(DataError, match=r"not a complete record \(no dataset, quality.main.name, .*run the job again"):
        read_run(folder)


def spoiled(folder, keys, value):
    """Write another value into the record of ``folder``."""
    record = json.loads((folder / "result.json").read_text())
    held = record
    for key in keys[:-1]:
        held = held[key]
    held[keys[-1]] = value
    (folder / "result.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


BROKEN = [
    (("quality", "test_ci95"), None, "no quality.test_ci95"),
    (("quality", "test_ci95", "balanced_accuracy"), None, "no quality.test_ci95.balanced_accuracy"),
    (("quality", "test_ci95", "balanced_accuracy"), [0.5], "quality.test_ci95.balanced_accuracy is not a list of 2"),
    (("quality", "test", "per_class"), [1, 2], "no quality.test.per_class by label"),
    (("quality", "test"), "x", "quality.test is not a section"),
    (("latency", 0, "ci95_p50_ms"), None, "no latency[0].ci95_p50_ms"),
    (("latency", 0, "throughput_per_second"), "fast", "latency[0].throughput_per_second is not a number"),
    (("latency", 0), None, "no latency[0]"),
    (("latency",), "x", "latency is not a list"),
    (("training",), None, "no training"),
    (("environment",), None, "no environment"),
    (("cost", "batch_size"), True, "cost.batch_size is not a whole number"),
    (("run", "started"), 5, "run.started is not text"),
]


@pytest.mark.parametrize(("keys", "value", "said"), BROKEN, ids=[f"{'.'.join(map(str, one[0]))}" for one in BROKEN])
def test_what_comparing_reads_must_be_there_and_of_its_type(place, keys, value, said):
    sweep = save_sweep(place / "s_33")
    folder = spoiled(save_made(sweep / "0_a_0", made_run(), rows=False).folder, keys, value)
    with pytest.raises(DataError) as caught:
        read_run(folder)
    (sentence,) = caught.value.sentences
    assert sentence == f"{folder / 'result.json'} is not a complete record ({said}); run the job again"
    (run,) = read_runs([sweep], OUTPUTS)
    assert (run.result.run.status, run.result.run.error) == ("broken", sentence)


def test_a_job_that_a_newer_ftlab_wrote_was_not_read(place):
    sweep = save_sweep(place / "s_33")
    folder = spoiled(save_run(sweep / "0_a_0"), ("schema",), 7)
    (run,) = read_runs([sweep], OUTPUTS)
    assert run.result.run.status == "newer"
    assert left_out(run, run.result.run.error) == (
        f"Not read: {folder / 'result.json'} is of a newer ftlab (schema 7); update ftlab"
    )


def test_what_did_not_finish_in_a_sweep_says_how_it_ended(place):
    sweep = save_sweep(place / "s_33")
    save_run(sweep / "0_a_0")
    save_run(sweep / "1_b_1", status="failed", error="ran out of memory")
    save_state(sweep / "2_c_2", id="s-2")
    save_run(sweep / "3_d_3")
    (sweep / "3_d_3" / "result.json").write_text("{}", encoding="utf-8")
    found = {run.folder.name: run.result.run for run in read_runs([sweep], OUTPUTS)}
    assert {name: info.status for name, info in found.items()} == {
        "0_a_0": "finished",
        "1_b_1": "failed",
        "2_c_2": "killed",
        "3_d_3": "broken",
    }
    assert found["1_b_1"].error == "ran out of memory" and "no schema number" in found["3_d_3"].error
    assert (found["2_c_2"].id, found["2_c_2"].seed) == ("s-2", 42)


def test_settings_of_an_evaluation_stand_above_those_of_the_run_it_looked_at(place):
    settings = {"adapter.rank": 8, "dataset.limit.test": 50}
    trained = save_made(place / "a", made_run(run={"parent": None}), settings=settings, rows=False)
    evaluation = evaluation_of(trained, place / "b")
    assert read_settings(evaluation.folder)["adapter.rank"] == 8
    assert read_settings(evaluation.folder)["dataset.limit.test"] == 90
    assert "run" not in read_settings(evaluation.folder)
    shutil.rmtree(trained.folder)
    assert read_settings(evaluation.folder)["run"] == str(trained.folder), "it is all that is known"


def test_settings_are_resolved_ones_or_those_that_refer_to_nothing(place):
    folder = save_made(place / "a", made_run(), settings={"adapter.rank": 8}, rows=False).folder
    assert read_settings(folder)["adapter.rank"] == 8
    (folder / "state.json").unlink()
    (folder / "config.yaml").write_text("seed: 1\nadapter: {rank: 8}\noptimizer: {lr: '${adapter.rate}'}\n")
    assert read_settings(folder) == {"adapter.rank": 8}
    (folder / "config.yaml").write_text("a: !!python/name:os.system\n")
    assert read_settings(folder) == {}
    assert read_settings(place / "nowhere") == {}
