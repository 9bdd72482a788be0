"""Random generators go on where they were."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch

from ftlab.checkpoints.rng import rng_state, set_rng_state

CPU = torch.device("cpu")


def draw() -> list[float]:
    # An odd number of Gaussians: each generator keeps the second of a pair for later.
    return [random.random(), random.gauss(0, 1), np.random.rand(), np.random.randn(), *torch.randn(3).tolist()]


def test_all_generators_are_put_back_by_way_of_a_file(tmp_path: Path) -> None:
    draw()
    torch.save(rng_state(CPU), tmp_path / "rng")
    first = draw()
    assert draw() != first
    set_rng_state(torch.load(tmp_path / "rng", weights_only=True), CPU)
    assert draw() == first


def test_looking_draws_nothing() -> None:
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    first = draw()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    rng_state(CPU)
    assert draw() == first
