"""Lightning's counters are put where it goes on exactly."""

from __future__ import annotations

from typing import Any

import pytest

from ftlab.checkpoints.position import Position, place


def counts(ready: int, started: int, processed: int, completed: int) -> dict[str, int]:
    return {"ready": ready, "started": started, "processed": processed, "completed": completed}


@pytest.fixture
def loops() -> dict[str, Any]:
    """Counters as Lightning has them while batch 4 of the second epoch of ten begins, after a resumed validation."""
    return {
        "fit_loop": {
            "state_dict": {"combined_loader": [{"epoch": 1, "batches": 4}]},
            "epoch_progress": {"total": counts(2, 2, 1, 1), "current": counts(2, 2, 1, 1)},
            "epoch_loop.state_dict": {"_batches_that_stepped": 13},
            "epoch_loop.batch_progress": {
                "total": counts(14, 13, 13, 13),
                "current": counts(4, 3, 3, 3),
                "is_last_batch": True,
            },
            "epoch_loop.val_loop.batch_progress": {
                "total": counts(3, 3, 2, 2),
                "current": counts(2, 2, 2, 2),
                "is_last_batch": True,
            },
        }
    }


def test_between_batches_the_one_that_begins_has_not_and_no_validation_is_open(loops: dict[str, Any]) -> None:
    place(loops, Position(1, 3))
    fit = loops["fit_loop"]
    assert fit["epoch_loop.batch_progress"] == {
        "total": counts(13, 13, 13, 12),
        "current": counts(3, 3, 3, 2),
        "is_last_batch": False,
    }
    assert fit["epoch_loop.val_loop.batch_progress"]["total"] == counts(0, 0, 0, 0)
    assert fit["epoch_loop.state_dict"] == {"_batches_that_stepped": 12}
    assert fit["state_dict"] == {"combined_loader": [{"epoch": 1, "batches": 3}]}


def test_before_a_validation_it_is_open_with_nothing_done(loops: dict[str, Any]) -> None:
    place(loops, Position(1, 3, validation=True))
    assert loops["fit_loop"]["epoch_loop.val_loop.batch_progress"] == {
        "total": counts(1, 1, 0, 0),
        "current": counts(0, 0, 0, 0),
        "is_last_batch": False,
    }


def test_between_epochs_the_one_that_ends_is_complete(loops: dict[str, Any]) -> None:
    fit = loops["fit_loop"]
    fit["epoch_progress"] = {"total": counts(2, 2, 2, 1), "current": counts(2, 2, 2, 1)}
    place(loops, Position(2, 0))
    assert fit["epoch_progress"] == {"total": counts(2, 2, 2, 2), "current": counts(2, 2, 2, 2)}
    assert fit["state_dict"] == {"combined_loader": [{"epoch": 2, "batches": 0}]}
