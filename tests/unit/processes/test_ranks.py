"""Other processes: started, heard, ended. A few lines of Python stand in for the training."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from ftlab import threads
from ftlab.errors import DataError
from ftlab.processes import children, ranks
from ftlab.processes.ranks import ProcessError, Ranks

HEAD = "import json, os, signal, sys, time\nsay = lambda **m: print('ftlab-process: ' + json.dumps(m), flush=True)\n"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Let the other processes run ``lines``: ``program("say(ready=True)")``."""

    def write(lines):
        (tmp_path / "stand_in.py").write_text(HEAD + lines)
        monkeypatch.setattr(children, "PROGRAM", "stand_in")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    monkeypatch.setattr(ranks, "_LAST_WORDS_SECONDS", 3.0)
    return write


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def pids(context):
    return [child.process.pid for child in context._children]


def test_one_process_starts_none():
    with Ranks(1, "cpu", pytest.fail) as alone:
        alone.tell(x=1)
        alone.join()
        alone.leave()
        assert not alone._children


def test_each_gets_its_number_and_its_share_of_the_threads(program, monkeypatch, tmp_path):
    monkeypatch.setattr(threads, "usable_cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv(threads.NOTE, raising=False)
    monkeypatch.setattr(threads, "resize", lambda count: None)
    program(f"open(r'{tmp_path}/' + os.environ['LOCAL_RANK'], 'w').write(os.environ['OMP_NUM_THREADS'])")
    with Ranks(3, "cpu", pytest.fail) as both:
        for child in both._children:
            child.process.wait()
        assert os.environ["OMP_NUM_THREADS"] == "2"
    assert [(tmp_path / str(rank)).read_text() for rank in (1, 2)] == ["2", "2"]
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_fault_of_the_users_keeps_its_kind(program):
    program("say(failed='DataError', sentences=['no rows'])")
    with pytest.raises(DataError, match="no rows"), Ranks(2, "cpu", pytest.fail) as two:
        two._await_ready()


def test_another_error_names_its_process(program):
    program("say(failed='ValueError', sentences=['bad'])")
    with pytest.raises(ProcessError, match="process 1: ValueError: bad"), Ranks(2, "cpu", pytest.fail) as two:
        two._await_ready()


def test_one_that_is_killed_ends_the_wait_for_it(program):
    program("print('last words', flush=True); time.sleep(0.1); os.kill(os.getpid(), signal.SIGKILL)")
    with (
        pytest.raises(ProcessError, match=r"ended by signal 9; the system does so .* it said last: last words"),
        Ranks(2, "cpu", pytest.fail) as two,
    ):
        two._await_ready()


def test_its_error_takes_the_place_of_the_lost_connection(program):
    program("say(ready=True); time.sleep(0.2); say(failed='NonFiniteLossError', sentences=['nan in row 3'])")
    with pytest.raises(ProcessError, match="nan in row 3"), Ranks(2, "cpu", pytest.fail) as two:
        two._await_ready()
        raise RuntimeError("Connection closed by peer")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), DataError("ours")])
def test_our_own_error_stays_and_ends_the_others(program, error):
    program("say(ready=True); time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(type(error)) as raised, Ranks(2, "cpu", pytest.fail) as two:
        (pid,) = pids(two)
        two._await_ready()
        raise error
    assert raised.value is error and gone(pid) and time.monotonic() - began < 20


def test_those_it_started_end_with_it(program, tmp_path):
    program(
        f"import subprocess; p = subprocess.Popen(['sleep', '60']); open(r'{tmp_path}/pid', 'w').write(str(p.pid))\n"
        "say(ready=True); time.sleep(60)"
    )
    with Ranks(2, "cpu", pytest.fail) as two:
        two._await_ready()
    deadline = time.monotonic() + 5
    while not gone(int((tmp_path / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    stat = f"/proc/{(tmp_path / 'pid').read_text()}/stat"
    assert not os.path.exists(stat) or open(stat).read().split()[2] == "Z"


def test_leaving_waits_for_them_and_goes_on_alone(program):
    program("say(ready=True); time.sleep(0.3)")
    with Ranks(2, "cpu", pytest.fail) as two:
        (child,) = two._children
        two._await_ready()
        two.leave()
        assert child.process.returncode == 0 and not two._children
        two.leave()


def test_where_the_wait_cannot_be_broken_the_run_is_recorded_and_ends(program, monkeypatch):
    program("os._exit(7)")
    monkeypatch.setattr(ranks, "_GRACE_SECONDS", 0.1)
    seen = []
    monkeypatch.setattr(ranks.os, "_exit", lambda code: seen.append(code))
    with Ranks(2, "cpu", seen.append):
        deadline = time.monotonic() + 10
        while len(seen) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
    error, code = seen
    assert isinstance(error, ProcessError) and "ended with code 7" in str(error) and code == 1


def test_a_process_ends_when_the_first_one_is_gone():
    from ftlab.verbs import rank

    read, write = os.pipe()
    pid = os.fork() if hasattr(os, "fork") else 0
    if pid == 0:
        os.setsid()
        os.close(write)
        rank._listen(read, None)  # type: ignore[arg-type]
        os._exit(0)
    os.close(read)
    os.close(write)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def test_a_message_behind_an_unfinished_line_is_heard(program):
    program("sys.stdout.write('loading 100%'); say(ready=True); time.sleep(60)")
    with Ranks(2, "cpu", pytest.fail) as two:
        two._await_ready()
        assert list(two._children[0].tail) == ["loading 100%"]


def test_one_that_ends_before_it_is_ready_is_not_waited_for(program):
    program("print('nothing to do', flush=True)")
    with (
        pytest.raises(ProcessError, match="process 1 of the training ended with code 0; it said last: nothing to do"),
        Ranks(2, "cpu", pytest.fail) as two,
    ):
        two._await_ready()
