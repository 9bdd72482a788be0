"""Exit codes; the rest of the command line is held by tests/test_cli.py."""

import runpy
import signal
import sys
import threading

import pytest

from ftlab import launch
from ftlab.errors import DataError
from interruptions import SIGTERMException, interrupted


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (DataError("one", "two"), 2),
        (KeyboardInterrupt(), 130),
        (interrupted(), 130),
        (SIGTERMException(), 143),
        (SystemExit(143), 143),
        (SystemExit(3), 3),
        (SystemExit("words"), 1),
        (SystemExit(), 0),
        (ZeroDivisionError("oops"), 1),
    ],
)
def test_the_exit_code_says_how_it_ended(monkeypatch, capsys, error, code):
    def dispatch(words):
        if error is not None:
            raise error
        return 0

    monkeypatch.setattr(launch, "_dispatch", dispatch)
    assert launch.main([]) == code
    printed = capsys.readouterr().err
    assert printed.startswith({2: "one\ntwo\n", 130: "interrupted\n", 143: "terminated\n"}.get(code, ""))
    assert ("Traceback" in printed) == isinstance(error, ZeroDivisionError)


def test_words_come_from_the_process_unless_given(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ftlab", "--version"])
    assert launch.main() == 0
    assert capsys.readouterr().out.startswith("ftlab ")


def test_handlers_are_as_before_whatever_happened_between(monkeypatch):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def dispatch(words):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as Lightning leaves it
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(launch, "_dispatch", dispatch)
    assert launch.main([]) == 143
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_second_sigterm_lets_what_is_written_go_through(monkeypatch):
    written = []

    def dispatch(words):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            written.append("record")

    monkeypatch.setattr(launch, "_dispatch", dispatch)
    assert launch.main([]) == 143
    assert written == ["record"]


def test_outside_of_the_main_thread_no_handler_is_set():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(launch.main(["--version"])))
    thread.start()
    thread.join()
    assert codes == [0]


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ftlab", "--version"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("ftlab", run_name="__main__")
    assert left.value.code == 0
    runpy.run_module("ftlab.__main__", run_name="elsewhere")
