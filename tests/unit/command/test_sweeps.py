"""Which sweep goes on; the whole is held by tests/test_resume.py."""

import json

import pytest

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.command.sweeps import find_sweep, grid_note, reason_left_out
from ftlab.errors import ConfigError
from ftlab.locks import take_lock, unlock

GRID = ["adapter=full,lora", "seed=1,2"]


@pytest.fixture
def order(tmp_path):
    def make(*words):
        arguments = parse(["-m", f"output_dir={tmp_path / 'outputs'}", *words])
        with Composer("train") as composer:
            made = make_order(arguments, composer)
        made.raise_faults()
        return made

    return make


@pytest.fixture
def sweep(order, tmp_path):
    folder = tmp_path / "outputs" / "default" / "2026-01-01_sweep_a"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps({"id": "a", "grid": grid_note(order(*GRID))}))
    return folder


def test_a_grid_is_known_by_its_jobs_not_by_how_it_goes_on(order):
    note = grid_note(order(*GRID))
    assert (note["jobs"], note["seeds"]) == (4, [1, 2])
    assert note["overrides"][1:] == GRID
    again = grid_note(order(*GRID, "resume=latest", "tracking=none", "budget_usd=3", "skip_unfit=true"))
    assert again["digest"] == note["digest"] and again["config"] == note["config"]
    assert "resume=latest" not in again["overrides"]
    others = [["adapter=lora,full", "seed=1,2"], ["adapter=full,lora", "seed=1,3"], [*GRID, "name=n"], GRID[:1]]
    assert len({note["digest"], *(grid_note(order(*other))["digest"] for other in others)}) == 5


def test_the_unfinished_sweep_with_the_same_grid_goes_on(order, sweep):
    assert find_sweep(order(*GRID)) is None
    assert find_sweep(order(*GRID, "resume=latest")) == find_sweep(order(*GRID, f"resume={sweep}")) == sweep


def test_another_grid_is_refused_with_the_difference_and_what_to_type(order, sweep):
    pattern = rf"adapter=full,lora there, adapter=lora here.*|python -m ftlab -m .* resume={sweep}"
    for what in ("latest", sweep):
        with pytest.raises(ConfigError, match=pattern) as raised:
            find_sweep(order("adapter=lora", GRID[1], f"resume={what}"))
        assert f"python -m ftlab -m output_dir={sweep.parents[1]} adapter=full,lora seed=1,2 resume={sweep}" in str(
            raised.value
        )


def test_equal_words_that_mean_something_else_by_now_are_told_by_their_values(order, sweep):
    path = sweep / "sweep.json"
    note = json.loads(path.read_text())
    note["grid"]["digest"], note["grid"]["config"]["optimizer.weight_decay"] = "0", 0.5
    path.write_text(json.dumps(note))
    with pytest.raises(ConfigError, match=r"optimizer\.weight_decay is 0\.5 there, .* here"):
        find_sweep(order(*GRID, f"output_dir={sweep.parents[1]}", f"resume={sweep}"))


def test_a_sweep_in_use_or_finished_or_none_at_all_is_said(order, sweep, tmp_path):
    take_lock(sweep)
    with pytest.raises(ConfigError, match="in use by process"):
        find_sweep(order(*GRID, "resume=latest"))
    unlock(sweep)
    for number in range(4):
        (sweep / f"{number}_x").mkdir()
        (sweep / f"{number}_x" / "result.json").write_text(json.dumps({"run": {"status": "finished"}}))
    with pytest.raises(ConfigError, match="all 4 jobs finished"):
        find_sweep(order(*GRID, f"resume={sweep}"))
    with pytest.raises(ConfigError, match=r"finds no unfinished sweep .*leave it out to start one"):
        find_sweep(order(*GRID, "resume=latest"))
    (sweep / "sweep.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"is no sweep .*leave out -m"):
        find_sweep(order(*GRID, f"resume={sweep}"))


def test_several_folders_and_changed_options_are_not_for_sweeps(order, sweep, tmp_path):
    with pytest.raises(ConfigError, match="several folders"):
        find_sweep(order("seed=1", f"resume=latest,{sweep}"))
    with pytest.raises(ConfigError, match="for one run"):
        find_sweep(order(*GRID, "resume=latest", "resume_policy=changed"))


def test_a_job_knows_by_its_number_why_it_is_left_out(order, sweep):
    note = json.loads((sweep / "sweep.json").read_text())
    assert reason_left_out(sweep / "1_x") is None
    note["grid"]["left_out"] = {1: "it is too dear"}
    (sweep / "sweep.json").write_text(json.dumps(note))
    assert reason_left_out(sweep / "1_x") == "it is too dear" and reason_left_out(sweep / "11_x") is None
    assert reason_left_out(sweep / "job") is reason_left_out(sweep / "nowhere" / "1_x") is None
