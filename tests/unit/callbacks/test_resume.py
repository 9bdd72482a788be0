"""A training that is stopped or killed anywhere goes on as if nothing had been: to the bit."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.checkpoints import newest_state
from ftlab.checkpoints.states import state_files
from training import HOOKS, CrashError, Run, Strike, crash, interrupt, terminate

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "validation within the epoch": {"options": {"val_check_interval": 3}},
    "validation twice an epoch": {"options": {"val_check_interval": 0.5}},
    "accumulated": {"options": {"accumulate_grad_batches": 4}},
    "accumulated, validation in between": {"options": {"accumulate_grad_batches": 4, "val_check_interval": 3}},
    "cut by steps": {"options": {"max_steps": 25}},
    "cut by steps, accumulated": {"options": {"max_steps": 7, "accumulate_grad_batches": 4}},
    "validation every second epoch": {"options": {"check_val_every_n_epoch": 2}},
    "short epochs": {"options": {"limit_train_batches": 7, "limit_val_batches": 1}},
    "no validation": {"options": {"limit_val_batches": 0}},
    "stopped early": {"patience": 1, "options": {"max_epochs": 8, "val_check_interval": 4}},
    "sanity check": {"options": {"num_sanity_val_steps": 2}},
}
STOPPED = (SystemExit, KeyboardInterrupt, CrashError)
_twins: dict[str, tuple[dict[str, Any], dict[Any, Any]]] = {}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def twin(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return outcome and batches of the uninterrupted training of a variant."""

    def find(name: str) -> tuple[dict[str, Any], dict[Any, Any]]:
        if name not in _twins:
            run = Run(tmp_path_factory.mktemp("twin"), **VARIANTS[name]).fit()
            _twins[name] = run.outcome(), run.watch.seen
        return _twins[name]

    return find


def stop_and_go_on(folder: Path, variant: dict[str, Any], *strikes: Strike) -> Run:
    """Train until each strike in turn has hit, then to the end; each part starts from what the one before left."""
    seen: dict[Any, Any] = {}
    state = None
    for strike in strikes:
        run = Run(folder, **variant)
        try:
            run.fit(strike, state=state)
        except STOPPED:
            state, skipped = newest_state(folder)
            assert skipped == []
        else:
            assert strike.calls < strike.number, "the strike hit and was not felt"
            state, _ = newest_state(folder)
        seen |= run.watch.seen
    run = Run(folder, **variant).fit(state=state)
    run.watch.seen = seen | run.watch.seen
    return run


def assert_same(run: Run, expected: tuple[dict[str, Any], dict[Any, Any]]) -> None:
    outcome = run.outcome()
    for name, value in expected[0].items():
        assert outcome[name] == value, name
    assert run.watch.seen == expected[1]


QUICK = [
    ("plain", "batch end", 14, terminate),
    ("plain", "val batch", 1, terminate),
    ("plain", "backward", 17, crash),
    ("accumulated", "batch end", 16, crash),
]
MORE = [
    ("plain", "batch end", 4, terminate),
    ("plain", "batch end", 10, terminate),
    ("plain", "val start", 2, terminate),
    ("plain", "val end", 2, terminate),
    ("plain", "epoch end", 1, interrupt),
    ("validation within the epoch", "batch end", 6, terminate),
    ("validation within the epoch", "val batch", 3, terminate),
    ("validation within the epoch", "batch end", 14, crash),
    ("validation twice an epoch", "val batch", 1, terminate),
    ("accumulated", "batch end", 6, terminate),
    ("accumulated, validation in between", "val batch", 1, interrupt),
    ("cut by steps", "epoch end", 1, terminate),
    ("cut by steps", "batch end", 14, terminate),
    ("cut by steps, accumulated", "val batch", 2, terminate),
    ("validation every second epoch", "epoch end", 1, terminate),
    ("short epochs", "batch end", 7, terminate),
    ("no validation", "batch end", 10, terminate),
    ("stopped early", "val batch", 4, terminate),
    ("sanity check", "batch end", 5, terminate),
]


@pytest.mark.parametrize(
    ("name", "hook", "number", "act"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in MORE)]
)
def test_stopped_training_goes_on_to_the_bit(
    tmp_path: Path, twin: Any, name: str, hook: str, number: int, act: Any
) -> None:
    assert_same(stop_and_go_on(tmp_path, VARIANTS[name], Strike(hook, number, act)), twin(name))


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("name", VARIANTS)
def test_stopped_training_goes_on_to_the_bit_from_any_hook(tmp_path: Path, twin: Any, name: str, hook: str) -> None:
    for number in (2, 11):
        strike = Strike(hook, number, terminate)
        assert_same(stop_and_go_on(tmp_path / str(number), VARIANTS[name], strike), twin(name))
        if strike.calls < number:
            break


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "validation within the epoch", "accumulated"])
def test_training_stopped_again_and_again_goes_on_to_the_bit(tmp_path: Path, twin: Any, name: str) -> None:
    strikes = [Strike("batch end", 3, terminate), Strike("val batch", 1, terminate), Strike("val batch", 1, terminate)]
    strikes += [Strike("backward", 6, crash), Strike("batch start", 1, terminate), Strike("epoch end", 1, interrupt)]
    assert_same(stop_and_go_on(tmp_path, VARIANTS[name], *strikes), twin(name))


@pytest.mark.slow
def test_loader_processes_change_nothing_and_resume_to_the_bit(tmp_path: Path, twin: Any) -> None:
    for number in (4, 10, 15):
        run = stop_and_go_on(tmp_path / str(number), {"workers": 2}, Strike("batch end", number, terminate))
        assert_same(run, twin("plain"))


def test_same_seed_same_bits_and_another_seed_others(tmp_path: Path, twin: Any) -> None:
    expected = twin("plain")
    torch.rand(3)  # what ran before does not matter
    again = Run(tmp_path / "again").fit()
    assert_same(again, expected)
    other = Run(tmp_path / "other", seed=8).fit()
    assert not set(other.outcome()["weights"].values()) & set(again.outcome()["weights"].values())
    assert [rows for rows, _ in other.watch.seen.values()] != [rows for rows, _ in again.watch.seen.values()]


def test_damaged_newest_state_is_left_out_and_the_end_is_the_same(tmp_path: Path, twin: Any) -> None:
    with pytest.raises(CrashError):
        Run(tmp_path).fit(Strike("backward", 14, crash))
    newest, before = state_files(tmp_path / "checkpoints")
    newest.write_bytes(newest.read_bytes()[:-100])
    state, (sentence,) = newest_state(tmp_path)
    assert state == before and newest.name in sentence
    run = Run(tmp_path)
    run.fit(state=state)
    for name, value in twin("plain")[0].items():
        assert run.outcome()[name] == value, name


def test_times_and_peaks_add_up_over_the_parts(tmp_path: Path) -> None:
    first = Run(tmp_path)
    with pytest.raises(SystemExit):
        first.fit(Strike("batch end", 15, terminate))
    parts = [first, Run(tmp_path).fit(state=newest_state(tmp_path)[0])]
    before, after = ({**p.speed.measured()["training"], **p.memory.measured()["training"]} for p in parts)
    assert after["seconds"] > before["seconds"] * 0.9 and after["steps"] == 30
    assert after["seconds_to_first_step"] == before["seconds_to_first_step"]
    assert after["peak_memory_mb"] >= before["peak_memory_mb"] * 0.99  # the state was written before the part's end
    usd = [part.cost.measured()["cost"]["training_usd"] for part in parts]
    assert usd[1] > usd[0] > 0
    watt_hours = [part.energy.measured()["energy"]["training_wh"] for part in parts]
    assert watt_hours[1] > watt_hours[0] > 0
    seconds = [point["seconds"] for point in parts[1].curves.history if point["name"] == "train/loss"]
    assert seconds == sorted(seconds)
