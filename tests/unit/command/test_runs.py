"""Checked plans shown or run; the whole is held by tests/test_cli.py."""

import sys
import types

import pytest

from ftlab.command.arguments import parse
from ftlab.command.runs import execute
from ftlab.errors import ConfigError, ModelError


@pytest.fixture
def verbs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    seen = types.SimpleNamespace(error=None, sweep_error=None, finished=0)

    def train(cfg, folder):
        if seen.error:
            raise seen.error

    def start(cfg, folder, grid):
        if seen.sweep_error:
            raise seen.sweep_error

    def finish(cfg, folder, *, whole):
        seen.finished += 1
        return 0

    sweep = types.SimpleNamespace(start=start, finish=finish, record_failure=lambda *words: None)
    monkeypatch.setitem(sys.modules, "ftlab.verbs.train", types.SimpleNamespace(train=train))
    monkeypatch.setitem(sys.modules, "ftlab.verbs.sweep", sweep)
    return seen


def test_a_users_mistake_found_by_the_run_removes_its_folder(verbs, tmp_path):
    verbs.error = ModelError("adapter.targets match nothing")
    with pytest.raises(ModelError):
        execute(parse([]))
    assert list((tmp_path / "outputs").iterdir()) == []


def test_a_sweep_that_cannot_start_removes_its_folder(verbs, tmp_path):
    verbs.sweep_error = ConfigError("no tracking server")
    with pytest.raises(ConfigError):
        execute(parse(["-m", "seed=1,2"]))
    assert list((tmp_path / "outputs").iterdir()) == [] and verbs.finished == 0
    verbs.sweep_error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        execute(parse(["-m", "seed=1,2"]))


def test_the_folder_of_a_sweep_is_given_free_even_if_its_table_fails(verbs, tmp_path, monkeypatch):
    def broken(cfg, folder, *, whole):
        raise OSError("disk full")

    monkeypatch.setattr(sys.modules["ftlab.verbs.sweep"], "finish", broken)
    with pytest.raises(OSError, match="disk full"):
        execute(parse(["-m", "seed=1"]))
    assert not list(tmp_path.rglob(".lock"))


def test_a_large_dry_run_says_how_many_jobs_there_are(verbs, capsys, monkeypatch):
    monkeypatch.setattr("ftlab.command.grid.MOST", 2)
    assert execute(parse(["-m", "seed=range(0,70)", "dry_run=true"])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[-1] == "ok: 70 jobs in all; the others combine the values above"


def test_showing_wants_words_that_can_be_read_and_references_that_resolve(verbs, capsys):
    assert execute(parse(["--cfg", "job", "seed=-1"])) == 0  # a fault of the configuration: look at it
    assert execute(parse(["--cfg", "job", "optimizer.lr=${nothing}"])) == 0
    with pytest.raises(ConfigError, match=r"optimizer\.lr refers to what cannot be found"):
        execute(parse(["--cfg", "job", "--resolve", "optimizer.lr=${nothing}"]))
    with pytest.raises(ConfigError, match="sed is not an option"):
        execute(parse(["--cfg", "job", "sed=1"]))
