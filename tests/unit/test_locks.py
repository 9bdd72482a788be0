"""One owner per folder: a dead one is followed, a living one respected."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from ftlab import locks
from ftlab.errors import ConfigError

HERE = socket.gethostname()


def write(folder, **owner):
    (folder / ".lock").write_text(json.dumps({"pid": os.getpid(), "host": HERE, "process_started": None} | owner))


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_free_folder_has_no_owner_and_a_locked_one_has_this_process(tmp_path):
    assert not locks.owner_alive(tmp_path)
    locks.take_lock(tmp_path)
    said = json.loads((tmp_path / ".lock").read_text())
    assert (said["pid"], said["host"]) == (os.getpid(), HERE) and said["process_started"] > 0
    assert locks.owner_alive(tmp_path)
    locks.unlock(tmp_path)
    locks.unlock(tmp_path)
    assert not locks.owner_alive(tmp_path)


def test_a_living_owner_is_respected_by_name(tmp_path):
    locks.take_lock(tmp_path)
    with pytest.raises(ConfigError, match=rf"in use by process {os.getpid()} on {HERE}.*kill {os.getpid()}"):
        locks.take_lock(tmp_path)


def test_a_dead_owners_lock_is_taken_over(tmp_path, dead):
    write(tmp_path, pid=dead)
    assert not locks.owner_alive(tmp_path)
    locks.take_lock(tmp_path)
    assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_later_process_with_the_same_number_is_another(tmp_path):
    write(tmp_path, process_started=1.0)
    assert not locks.owner_alive(tmp_path)
    write(tmp_path, process_started=None)  # of a system that does not say
    assert locks.owner_alive(tmp_path)


def test_a_process_that_only_its_parent_still_knows_is_dead(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    try:
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        write(tmp_path, pid=child.pid)
        assert not locks.owner_alive(tmp_path)
    finally:
        child.wait()


def test_the_owner_on_another_host_counts_as_alive_and_the_remedy_is_to_remove_the_file(tmp_path):
    write(tmp_path, host="elsewhere", pid=1)
    assert locks.owner_alive(tmp_path)
    with pytest.raises(ConfigError, match=rf"process 1 on the host elsewhere.*remove {tmp_path}/\.lock"):
        locks.take_lock(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "host": "y"}', '{"host": "y"}'])
def test_a_lock_that_says_nothing_holds_while_it_may_still_be_written(tmp_path, text):
    path = tmp_path / ".lock"
    path.write_text(text)
    with pytest.raises(ConfigError, match="try again in 10 seconds"):
        locks.take_lock(tmp_path)
    os.utime(path, (1, 1))
    locks.take_lock(tmp_path)
    assert json.loads(path.read_text())["pid"] == os.getpid()


def test_of_many_that_take_over_at_once_one_gets_it(tmp_path, dead):
    for _ in range(20):
        write(tmp_path, pid=dead)

        def take(_):
            try:
                locks.take_lock(tmp_path)
            except ConfigError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(take, range(8))) == 1
        locks.unlock(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be locked .*check its permissions"):
        locks.take_lock(tmp_path / "missing")


def test_systems_without_proc_are_asked_through_psutil(dead, monkeypatch):
    assert locks._asked_started(os.getpid()) == psutil.Process().create_time()
    assert locks._asked_started(dead) is None

    def hidden(pid):
        raise psutil.AccessDenied

    monkeypatch.setattr(locks.psutil, "Process", hidden)
    monkeypatch.setattr(locks, "_process_started", locks._asked_started)
    assert locks.Owner(1, HERE, 5.0).alive()  # there is one, and that is all that can be known
