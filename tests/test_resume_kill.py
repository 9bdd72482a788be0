"""Kill -9 at any moment: training goes on from the newest whole state, to the bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftlab.checkpoints import newest_state
from ftlab.checkpoints.states import state_files, state_step

pytestmark = pytest.mark.slow
KILLED = -9
EVERY = 5  # updates between two states


class Server:
    """The process that forks trainings."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folder: Path, **job: Any) -> tuple[int, float]:
        """Train in ``folder``; return the exit code and the seconds it took."""
        folder.mkdir(exist_ok=True)
        assert self._process.stdin is not None
        places = {"folder": str(folder), "log": str(folder / "log"), "out": str(folder / "outcome.json")}
        self._process.stdin.write(json.dumps({**places, **job}) + "\n")
        self._process.stdin.flush()
        answer = self.answer()
        return answer["code"], answer["seconds"]

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the server died"
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, str(here / "kill_server.py"), str(tmp_path_factory.mktemp("cache"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:  # closing its input ends it
        found = Server(process)
        found.answer()
        yield found


@pytest.fixture(scope="module")
def twin(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[Any, Any], float]:
    """Outcome and batches of the training that nobody disturbed, and its seconds."""
    folder = tmp_path_factory.mktemp("twin")
    code, seconds = server.run(folder)
    assert code == 0
    return outcome(folder), batches(folder), seconds


def outcome(folder: Path) -> Any:
    return json.loads((folder / "outcome.json").read_text())


def lines(folder: Path) -> list[tuple[tuple[int, int], Any]]:
    if not (folder / "log").exists():
        return []
    read = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    return [((epoch, batch), (rows, loss)) for epoch, batch, rows, loss in read]


def batches(folder: Path) -> dict[tuple[int, int], Any]:
    """Return (epoch, batch) -> rows and loss; a batch that was done twice must have been the same both times."""
    found: dict[tuple[int, int], Any] = {}
    for place, seen in lines(folder):
        assert found.setdefault(place, seen) == seen, f"{place} came out differently"
    return found


def assert_same(folder: Path, twin: tuple[Any, dict[Any, Any], float]) -> None:
    found = outcome(folder)
    for name, value in twin[0].items():
        assert found[name] == value, name
    assert batches(folder) == twin[1]


def test_twin_sees_each_row_once_per_epoch_in_forty_updates(twin: Any) -> None:
    assert twin[0]["steps"] == 40
    for epoch in range(4):
        rows = [row for (e, _), (rows, _) in twin[1].items() if e == epoch for row in rows]
        assert sorted(rows) == list(range(160))


def test_same_seed_same_hashes_and_another_seed_others(server: Server, twin: Any, tmp_path: Path) -> None:
    assert server.run(tmp_path / "again")[0] == 0
    assert_same(tmp_path / "again", twin)
    assert server.run(tmp_path / "other", seed=43)[0] == 0
    other = outcome(tmp_path / "other")
    assert not set(other["weights"].values()) & {
        digest for name, digest in twin[0]["weights"].items() if "word_embeddings" in name
    }
    assert other["history"] != twin[0]["history"]


@pytest.mark.parametrize("step", [1, 7, 13, 29])
def test_killed_at_a_step_it_goes_on_to_the_bit(server: Server, twin: Any, tmp_path: Path, step: int) -> None:
    run = tmp_path / "run"
    assert server.run(run, hook="batch end", number=step)[0] == KILLED
    done = len(lines(run))
    assert done in (step - 1, step)
    assert server.run(run)[0] == 0
    assert_same(run, twin)
    assert len(lines(run)) <= 40 + EVERY


def test_killed_six_times_in_one_run_it_goes_on_to_the_bit(server: Server, twin: Any, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # shown where the test fails
    draw, run = random.Random(seed), tmp_path / "run"
    kills: list[dict[str, Any]] = [{"seconds": draw.uniform(0.1, 0.6) * twin[2]} for _ in range(4)]
    kills += [{"hook": "val batch", "number": draw.randint(1, 3)}, {"save": draw.randint(1, 3)}]
    draw.shuffle(kills)
    for kill in kills:
        before, standing = len(lines(run)), newest(run)
        code, _ = server.run(run, **kill)
        assert code == KILLED or (code == 0 and "seconds" in kill), kill
        part = lines(run)[before:]
        if part:
            epoch, batch = part[0][0]
            assert epoch * 10 + batch == standing, "it goes on where the newest state stands"
            assert before == 0 or standing >= len(batches(run)) - len(part) - EVERY
    assert server.run(run)[0] == 0
    assert_same(run, twin)


def newest(run: Path) -> int:
    """Return the step of the newest whole state, or 0; it looks only."""
    for path in state_files(run / "checkpoints"):
        return state_step(path)
    return 0


@pytest.mark.parametrize("number", [1, 2, 4])
def test_killed_half_way_through_a_save_the_one_before_is_whole(
    server: Server, twin: Any, tmp_path: Path, number: int
) -> None:
    run = tmp_path / "run"
    assert server.run(run, save=number)[0] == KILLED
    folder = run / "checkpoints"
    torn = [p for p in folder.iterdir() if p.name.endswith(".partial")]
    assert len(torn) == 1 and torn[0].stat().st_size > 0
    before = state_files(folder)
    state, skipped = newest_state(run)
    assert skipped == [] and state == (before[0] if before else None)
    assert server.run(run)[0] == 0
    assert not [p for p in folder.iterdir() if p.name.endswith(".partial")]
    assert_same(run, twin)
