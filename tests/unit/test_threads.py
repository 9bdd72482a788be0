"""Who decides on the number of threads, and that every pool of a process keeps to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ftlab import threads
from ftlab.threads import NOTE, OMP, Threads, current, decide, hold, limited, notes


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "usable_cores", lambda: 8)
    monkeypatch.delenv(NOTE, raising=False)


@pytest.mark.parametrize(
    ("wanted", "processes", "environ", "expected"),
    [
        ("auto", 1, {}, Threads(8, "auto")),
        ("auto", 3, {}, Threads(2, "auto")),
        ("auto", 99, {}, Threads(1, "auto")),
        ("auto", 2, {OMP: "3"}, Threads(3, OMP)),
        ("auto", 1, {OMP: "4,2"}, Threads(4, OMP)),
        ("auto", 1, {OMP: "many"}, Threads(8, "auto")),
        ("auto", 1, {OMP: "0"}, Threads(8, "auto")),
        (5, 2, {OMP: "3"}, Threads(5, "threads=")),
        # Of the process that started this one:
        ("auto", 1, {OMP: "2", NOTE: "2 auto"}, Threads(2, "auto")),
        ("auto", 2, {OMP: "4", NOTE: "4 auto"}, Threads(2, "auto")),
        ("auto", 2, {OMP: "4", NOTE: f"4 {OMP}"}, Threads(4, OMP)),
        (6, 1, {OMP: "2", NOTE: "2 auto"}, Threads(6, "threads=")),
        ("auto", 1, {NOTE: "lots of nonsense"}, Threads(8, "auto")),
    ],
)
def test_a_number_wins_then_the_starter_then_the_variable_then_the_cores(wanted, processes, environ, expected) -> None:
    assert decide(wanted, processes, environ) == expected


def test_variables_hold_for_the_time_being_and_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "resize", lambda count: None)
    monkeypatch.setenv(OMP, "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "5")  # the user's own wish for one library
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    with limited(Threads(2, "auto")):
        assert [os.environ[name] for name in (OMP, "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")] == ["2", "2", "2"]
        assert os.environ["MKL_NUM_THREADS"] == "5"
        assert os.environ["TOKENIZERS_PARALLELISM"] == "true"
        assert current() == Threads(2, "auto")
        with limited(Threads(1, "threads=")):
            assert (os.environ[OMP], os.environ["TOKENIZERS_PARALLELISM"]) == ("1", "false")
            assert current() == Threads(1, "threads=")
        assert current() == Threads(2, "auto")
    assert (os.environ[OMP], os.environ["MKL_NUM_THREADS"]) == ("7", "5")
    assert not {"OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM", NOTE} & set(os.environ)
    assert current() is None


def test_more_threads_than_cores_are_said_once_with_the_way_out() -> None:
    assert notes(Threads(8, "threads="), environ={}) == []
    (said,) = notes(Threads(9, "threads="), environ={})
    assert said.startswith("threads=9 is more than the 8 cores") and "threads=auto" in said
    (said,) = notes(Threads(5, OMP), 2, environ={OMP: "5"})
    assert said.startswith("OMP_NUM_THREADS=5 in each of 2 processes is more than the 8 cores")
    (said,) = notes(Threads(8, "auto"), environ={OMP: "abc"})
    assert said.startswith("OMP_NUM_THREADS=abc is no number")


def test_a_pool_that_someone_resized_is_put_right() -> None:
    import torch

    before = torch.get_num_threads()
    with limited(Threads(1, "threads=")):
        torch.set_num_threads(3)
        hold()
        assert torch.get_num_threads() == 1
    torch.set_num_threads(before)
    torch_threads = torch.get_num_threads()
    hold()  # nothing was decided: nothing is touched
    assert torch.get_num_threads() == torch_threads


POOLS = """
import json, sys
from ftlab.threads import Threads, limited, resize
with limited(Threads(2, "threads=")):
    assert not {"torch", "numpy", "pyarrow"} & set(sys.modules)
    import numpy, scipy.linalg, sklearn.metrics, pyarrow, torch
    from threadpoolctl import threadpool_info
    def pools():
        return [(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()]
    found = {"loaded after": pools(), "torch": torch.get_num_threads(), "arrow": pyarrow.cpu_count()}
    resize(1)
    found |= {"loaded before": pools(), "torch resized": torch.get_num_threads(), "arrow resized": pyarrow.cpu_count()}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_every_pool_of_a_process_keeps_to_the_number() -> None:
    pytest.importorskip("sklearn")
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", POOLS], capture_output=True, text=True, check=True, env=environ)
    found = json.loads(done.stdout)
    assert {api for api, _ in found["loaded after"]} == {"blas", "openmp"}
    assert {count for _, count in found["loaded after"]} == {2}
    assert {count for _, count in found["loaded before"]} == {1}
    assert [found[k] for k in ("torch", "arrow", "torch resized", "arrow resized")] == [2, 2, 1, 1]
