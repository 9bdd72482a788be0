"""Tasks are done in order on another thread, and one that fails or hangs holds up nobody for long."""

import threading
import time

import pytest

from ftlab import background
from ftlab.background import Background


@pytest.fixture
def errors():
    return []


@pytest.fixture
def work(errors):
    return Background("work", errors.append)


def test_tasks_are_done_in_order_on_one_other_thread(work):
    seen = []
    for number in range(50):
        work.do(lambda number=number: seen.append((number, threading.current_thread().name)))
    assert work.wait(None)
    assert seen == [(number, "work") for number in range(50)]


def test_a_task_that_fails_is_told_and_the_next_one_done(work, errors):
    seen = []
    work.do(lambda: 1 / 0)
    work.do(lambda: seen.append(1))
    assert work.wait(None)
    assert seen == [1]
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_task_that_hangs_is_waited_for_only_so_long_and_keeps_no_caller(work):
    hangs = threading.Event()
    began = time.perf_counter()
    work.do(lambda: hangs.wait(30))
    assert not work.wait(0.05)
    assert time.perf_counter() - began < 5
    hangs.set()
    assert work.wait(None)


def test_a_long_task_that_goes_on_is_waited_for(work):
    def long():
        for _ in range(6):
            time.sleep(0.05)
            work.moved()

    work.do(long)
    assert work.wait(0.15)


def test_the_thread_ends_when_idle_and_another_takes_its_place(errors, monkeypatch):
    monkeypatch.setattr(background, "_IDLE_SECONDS", 0.01)
    work = Background("short work", errors.append)
    work.do(lambda: None)
    until = time.monotonic() + 10
    while any(thread.name == "short work" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)
    seen = []
    work.do(lambda: seen.append(1))
    assert work.wait(None) and seen == [1]


def test_the_thread_is_a_daemon_so_that_nothing_hangs_at_exit(work):
    names = []
    work.do(lambda: names.append(threading.current_thread().daemon))
    assert work.wait(None) and names == [True]
