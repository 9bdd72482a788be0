"""Runs that may be looked at, and those that may not."""

import dataclasses

import pytest

from ftlab.errors import DataError
from ftlab.finished import open_run
from made_runs import run_result


def saved(folder, **changes):
    folder.mkdir(parents=True)
    result = run_result()
    dataclasses.replace(result, run=dataclasses.replace(result.run, **changes)).save(folder)
    return folder


def test_a_finished_run_is_opened_by_its_folder_or_as_the_latest(tmp_path):
    folder = saved(tmp_path / "default" / "one")
    assert open_run(str(folder), tmp_path)[0] == folder
    assert open_run("latest", tmp_path)[1].run == run_result().run


@pytest.mark.parametrize("status", ["failed", "killed"])
def test_a_run_that_did_not_finish_is_refused(tmp_path, status):
    folder = saved(tmp_path / "one", status=status)
    with pytest.raises(DataError, match=f"is {status}, so it holds no verified model; `ftlab list` shows other runs"):
        open_run(str(folder), tmp_path)


def test_an_evaluation_names_the_run_it_looked_at(tmp_path):
    folder = saved(tmp_path / "two", verb="evaluate")
    result = dataclasses.replace(run_result(), run=dataclasses.replace(run_result().run, verb="evaluate"))
    artefact = dataclasses.replace(result.artefact, path="../one/model")
    dataclasses.replace(result, artefact=artefact).save(folder)
    with pytest.raises(DataError, match=rf"give the run it looked at: {tmp_path / 'one'}$"):
        open_run(str(folder), tmp_path)


def test_a_sweep_lists_its_runs(tmp_path):
    saved(tmp_path / "sweep" / "0_minilm")
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    with pytest.raises(DataError, match=r"is a sweep; give one of its runs, .*: 0_minilm"):
        open_run(str(tmp_path / "sweep"), tmp_path)
