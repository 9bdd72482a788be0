"""One job, as Hydra runs it."""

import gc
import json
import sys
import types
import weakref

import pytest

from ftlab.command import jobs
from ftlab.command.hydra_main import call_hydra
from ftlab.command.jobs import run_job, run_sweep_job, verb_function
from ftlab.errors import DataError

QUIET = ["hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none"]


@pytest.fixture
def verb(monkeypatch):
    """A verb that notes what it sees and raises what it is told to."""
    seen = types.SimpleNamespace(calls=[], error=None, failures=[], skipped=[])

    def train(cfg, folder):
        seen.calls.append((cfg.model.name, folder, cfg.seed, (folder / ".lock").exists()))
        if seen.error:
            raise seen.error

    def record_skip(cfg, folder, reason):
        seen.skipped.append((folder.name, reason))
        (folder / "result.json").write_text(json.dumps({"run": {"status": "skipped"}}))

    sweep = types.SimpleNamespace(
        record_failure=lambda cfg, folder, error: seen.failures.append((folder, error)), record_skip=record_skip
    )
    monkeypatch.setitem(sys.modules, "ftlab.verbs.train", types.SimpleNamespace(train=train))
    monkeypatch.setitem(sys.modules, "ftlab.verbs.sweep", sweep)
    return seen


def single(folder, *words):
    call_hydra("train", [*words, *QUIET, f"hydra.run.dir='{folder}'"], run_job)


def sweep(folder, *words):
    places = [f"hydra.sweep.dir='{folder}'", "hydra.sweep.subdir=${hydra.job.num}_${name}"]
    call_hydra("train", ["-m", *words, *QUIET, *places], run_sweep_job)


def test_a_verb_is_the_function_of_its_modules_name(verb):
    assert verb_function("train") is sys.modules["ftlab.verbs.train"].train


def test_a_job_sees_its_configuration_and_folder(verb, tmp_path):
    single(tmp_path / "run", "seed=3")
    assert verb.calls == [("minilm", tmp_path / "run", 3, False)]


def test_what_a_single_job_raises_comes_through(verb, tmp_path, capsys):
    verb.error = DataError("no rows")
    with pytest.raises(DataError):
        single(tmp_path / "run")
    assert len(verb.calls) == 1


def test_a_job_of_a_sweep_is_locked_and_leaves_no_configuration_of_hydras(verb, tmp_path, capsys):
    sweep(tmp_path, "seed=1,2")
    assert [(folder.name, seed, locked) for _, folder, seed, locked in verb.calls] == [
        ("0_minilm_full", 1, True),
        ("1_minilm_full", 2, True),
    ]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0_minilm_full", "1_minilm_full"]
    assert "job 1_minilm_full: seed=2" in capsys.readouterr().out


def test_an_error_in_a_sweep_is_recorded_and_the_rest_goes_on(verb, tmp_path, capsys):
    verb.error = ValueError()
    sweep(tmp_path, "seed=1,2")
    assert len(verb.calls) == 2 and [error for _, error in verb.failures] == [verb.error] * 2
    assert "0_minilm_full failed: ValueError" in capsys.readouterr().err
    assert not list(tmp_path.rglob(".lock"))


def leave_out(folder, reasons):
    grid = {"jobs": 2, "digest": "", "config": {}, "overrides": [], "left_out": reasons}
    (folder / "sweep.json").write_text(json.dumps({"id": "a", "grid": grid}))


@pytest.mark.slow
def test_a_job_that_the_sweep_leaves_out_is_recorded_and_may_run_later(verb, tmp_path, capsys):
    leave_out(tmp_path, {"1": "needs 20 GB"})
    sweep(tmp_path, "seed=1,2")
    assert [seed for _, _, seed, _ in verb.calls] == [1]
    assert verb.skipped == [("1_minilm_full", "needs 20 GB")]
    assert "left out: needs 20 GB" in capsys.readouterr().out and not list(tmp_path.rglob(".lock"))
    leave_out(tmp_path, {})
    sweep(tmp_path, "seed=1,2", "resume=latest")
    assert [folder.name for _, folder, *_ in verb.calls] == ["0_minilm_full", "0_minilm_full", "1_minilm_full"]
    assert not (tmp_path / "1_minilm_full" / "result.json").exists()  # the run writes its own


@pytest.mark.slow
def test_a_job_of_a_sweep_begins_without_what_the_one_before_held(verb, tmp_path, monkeypatch):
    class Trainer:
        def __init__(self):
            self.itself = self

    held, found = [], []

    def train(cfg, folder):
        found.append([one() is not None for one in held])
        held.append(weakref.ref(Trainer()))
        if cfg.seed == 1:
            raise RuntimeError("failed with its trainer in the traceback")

    monkeypatch.setattr(sys.modules["ftlab.verbs.train"], "train", train)
    gc.disable()
    try:
        sweep(tmp_path, "seed=1,2,3")
    finally:
        gc.enable()
    assert found == [[], [False], [False, False]]


def test_an_interruption_ends_the_sweep(verb, tmp_path):
    verb.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path, "seed=1,2")
    assert len(verb.calls) == 1 and not verb.failures and not list(tmp_path.rglob(".lock"))


@pytest.mark.slow
def test_the_name_taken_from_a_checkpoint_is_written_out(verb, tmp_path):
    sweep(tmp_path, "model.checkpoint=a/one,b/two", "model.name='${ftlab.last_part:${model.checkpoint}}'")
    assert [(name, folder.name) for name, folder, *_ in verb.calls] == [("one", "0_one_full"), ("two", "1_two_full")]


def test_freed_memory_is_kept_from_before_a_verb_is_imported(monkeypatch):
    order = []
    monkeypatch.setattr(jobs, "keep_freed_memory", lambda: order.append("memory"))
    monkeypatch.setattr(
        jobs.importlib, "import_module", lambda name: order.append(name) or types.SimpleNamespace(train=len)
    )
    assert jobs.verb_function("train") is len
    assert order == ["memory", "ftlab.verbs.train"]
