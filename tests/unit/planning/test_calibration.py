"""One short timing of this machine."""

import time

import torch

from ftlab.planning import calibration
from ftlab.planning.calibration import calibrate
from planned_cells import CUDA, HERE


def test_this_machine_is_timed_in_a_moment_and_no_random_number_is_drawn_for_it(monkeypatch):
    monkeypatch.setattr(calibration, "_SHAPES", {64: (2, 16), 128: (2, 16)})
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    begin = time.perf_counter()
    found = calibrate(HERE)
    assert time.perf_counter() - begin < 15
    assert torch.equal(torch.rand(3), expected)
    assert 1e-7 < found.seconds_per_op < 1e-2
    assert all(1e7 < speed < 1e14 for speed in found.flops_per_second.values())
    assert found.threads == torch.get_num_threads()


def test_a_device_that_is_elsewhere_is_not_timed():
    assert calibrate(CUDA) is None
