import os

import pytest

from ftlab import threads
from ftlab.command import sharing
from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.command.sharing import jobs_at_once, ranks, shared_cores

JOBLIB = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
LOCAL = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher"
SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


@pytest.mark.parametrize(
    ("target", "n_jobs", "jobs", "expected"),
    [
        (BASIC, None, 9, 1),
        (JOBLIB, 2, 9, 2),
        (JOBLIB, 4, 3, 3),
        (JOBLIB, -1, 99, 6),
        (JOBLIB, -2, 99, 5),
        (JOBLIB, -99, 99, 1),
        (JOBLIB, None, 99, 6),
        (LOCAL, None, 5, 5),
        (SLURM, None, 5, None),
    ],
)
def test_jobs_that_run_at_once_by_launcher(monkeypatch, target, n_jobs, jobs, expected):
    monkeypatch.setattr(sharing, "usable_cpus", lambda: 6)
    assert jobs_at_once({"_target_": target, "n_jobs": n_jobs}, jobs) == expected


@pytest.mark.parametrize(("devices", "expected"), [(1, 1), (2, 2), ("3", 3), ([0, 2], 2), ("auto", 1), (None, 1)])
def test_one_process_per_device(devices, expected):
    assert ranks({"devices": devices}) == expected


def held(monkeypatch, *words, watch=True):
    """Return the threads that hold while these words run, on eight cores, and what was said."""
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    monkeypatch.setattr(sharing, "usable_cores", lambda: 8)
    if watch:
        monkeypatch.setattr(threads, "resize", lambda count: None)
    monkeypatch.delenv(threads.NOTE, raising=False)
    monkeypatch.delenv(threads.OMP, raising=False)
    arguments = parse(list(words))
    with Composer(arguments.verb, arguments.folder) as composer:
        order = make_order(arguments, composer)
    order.raise_faults()
    with shared_cores(order, multirun=arguments.multirun):
        return threads.current()


def test_a_single_run_has_all_cores(monkeypatch, capsys):
    assert held(monkeypatch, "model=tiny_bert") == threads.Threads(8, "auto")
    assert held(monkeypatch, "model=tiny_bert", "threads=3") == threads.Threads(3, "threads=")
    assert capsys.readouterr().err == ""


def test_a_number_beyond_the_cores_is_taken_and_said(monkeypatch, capsys):
    assert held(monkeypatch, "model=tiny_bert", "threads=9").count == 9
    assert capsys.readouterr().err.count("note: threads=9 is more than the 8 cores") == 1


def test_jobs_that_run_at_once_share_the_cores(monkeypatch):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = ("-m", "model=tiny_bert", "seed=1,2,3,4", "hydra/launcher=joblib", "hydra.launcher.n_jobs=4", "threads=1")
    assert held(monkeypatch, *words) == threads.Threads(2, "auto")  # each takes its own number when it begins


def test_idle_threads_of_processes_on_the_same_cores_sleep(monkeypatch, capsys):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    seen = []
    monkeypatch.setattr(threads, "resize", lambda count: seen.append(os.environ.get("OMP_WAIT_POLICY")))
    words = ["-m", "model=tiny_bert", "seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    for more in ([], ["threads=4"], ["threads=5"]):
        held(monkeypatch, *words, *more, watch=False)
    assert seen == [None, None, "passive"]
    assert capsys.readouterr().err.startswith("note: threads=5 in each of 2 processes is more than the 8 cores")


def test_jobs_one_after_the_other_have_all_cores(monkeypatch):
    assert held(monkeypatch, "-m", "model=tiny_bert", "seed=1,2").count == 8


def test_list_needs_no_threads(monkeypatch):
    assert held(monkeypatch, "list") is None
