"""Signals and errors: what leaves a training is what ended it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.loggers.logger import Logger

from ftlab.callbacks.stopping import StopSignals, handlers_kept
from ftlab.checkpoints import durable, newest_state
from training import CrashError, Run, Strike, crash, interrupt, terminate


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def short(folder: Path) -> Run:
    return Run(folder, every_n_steps=None, options={"max_epochs": 1})


def test_sigterm_leaves_with_143_at_once_after_the_update(tmp_path: Path, caplog: Any) -> None:
    with pytest.raises(SystemExit) as left:
        short(tmp_path).fit(Strike("backward", 4, terminate))
    assert left.value.code == 143
    state, _ = newest_state(tmp_path)
    assert state is not None and state.name == "state-4.ckpt"
    assert "SIGTERM: stopped after step 4" in caplog.text


def test_sigint_leaves_with_keyboard_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        short(tmp_path).fit(Strike("backward", 2, interrupt))
    state, _ = newest_state(tmp_path)
    assert state is not None and state.name == "state-2.ckpt"


def test_second_sigint_stops_at_once(tmp_path: Path) -> None:
    run = short(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.fit(Strike("backward", 3, lambda: [interrupt(), interrupt()]))
    assert newest_state(tmp_path) == (None, []) and run.trainer.global_step == 2


@pytest.mark.parametrize("moment", ["write_sidecar", "sync_folder"])
def test_more_sigterms_within_the_save_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    done = getattr(durable, moment)

    def hit(*given: Any) -> None:
        terminate()
        done(*given)
        terminate()

    monkeypatch.setattr(durable, moment, hit)
    with pytest.raises(SystemExit):
        short(tmp_path).fit(Strike("backward", 4, terminate))
    state, skipped = newest_state(tmp_path, strict=True)
    assert state is not None and state.name == "state-4.ckpt" and skipped == []


def test_handlers_are_put_back_and_after_a_signal_further_sigterms_wait(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    short(tmp_path / "done").fit()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    with pytest.raises(SystemExit):
        short(tmp_path / "stopped").fit(Strike("batch end", 1, terminate))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == (signal.SIG_IGN, before[1])


def test_handlers_are_put_back_after_an_error() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(CrashError), handlers_kept():
        StopSignals().install()
        crash()
    assert signal.getsignal(signal.SIGTERM) == before


def test_first_signal_names_the_error() -> None:
    stop = StopSignals()
    with handlers_kept():
        stop.install()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.asked == signal.SIGTERM
    assert isinstance(stop.error(), SystemExit)


class Failing(Logger):
    """A logger that fails when it is told how training ended, and before where asked to."""

    name, version = "failing", "0"

    def __init__(self, points: bool = False) -> None:
        super().__init__()
        self.points, self.finalized = points, 0

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        if self.points:
            raise CrashError("logging")

    def finalize(self, status: str) -> None:
        self.finalized += 1
        raise ConnectionError("the logger fails too")


@pytest.mark.parametrize(
    "hook", ["batch start", "backward", "batch end", "val start", "val batch", "val end", "epoch end"]
)
def test_error_of_a_hook_is_what_comes_out_though_the_logger_fails_too(tmp_path: Path, hook: str) -> None:
    logger = Failing()
    with pytest.raises(CrashError):
        short(tmp_path).fit(Strike(hook, 1, crash), logger=logger)
    assert logger.finalized == 1


def test_error_of_the_logger_is_what_comes_out(tmp_path: Path) -> None:
    with pytest.raises(CrashError, match="logging"):
        short(tmp_path).fit(logger=Failing(points=True))


def test_error_of_a_checkpoint_is_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable, "_dump", full)
    with pytest.raises(durable.CheckpointWriteError, match=r"best-10\.ckpt could not be written"):
        short(tmp_path).fit(logger=Failing())


def test_interrupt_is_what_comes_out_though_the_logger_fails_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        short(tmp_path).fit(Strike("batch end", 1, interrupt), logger=Failing())


def test_error_of_another_callback_told_of_it_does_not_hide_it(tmp_path: Path) -> None:
    class Clumsy(L.Callback):
        def on_exception(self, *_: Any) -> None:
            raise ZeroDivisionError

    with pytest.raises(CrashError):
        short(tmp_path).fit(Strike("batch end", 1, crash), Clumsy())
