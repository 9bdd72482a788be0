"""Bytes alive, FLOPs and operations of real and of empty tensors."""

import torch

from ftlab.planning.tracker import Tracker


def test_bytes_are_counted_while_a_tensor_is_alive():
    given = torch.empty(10, 10, device="meta")
    tracker = Tracker([given])
    with tracker:
        view = given.t()
        assert tracker.now == 0  # a view, of what is ignored
        made = view + 1
        assert tracker.now == 400
        other = made * 2
        del made
        assert tracker.now == 400
        del other
    assert tracker.now == 0
    assert tracker.peaks["before"] == 800
    assert tracker.ops["before"] == 2


def test_segments_keep_their_own_peak_and_what_they_made():
    tracker = Tracker([])
    with tracker:
        first = torch.empty(100, device="meta")
        tracker.enter("next")
        second = first * 1
        tracker.enter("last")
        del first
    assert tracker.peaks == {"before": 400, "next": 800, "last": 800}
    assert {label: size for label, size in tracker.made.items() if size} == {"next": 400}
    assert second.nbytes == 400


def test_products_are_counted_in_flops():
    a, b = torch.empty(2, 3, device="meta"), torch.empty(3, 5, device="meta")
    tracker = Tracker([])
    with tracker:
        torch.addmm(torch.empty(5, device="meta"), a, b)
        torch.bmm(a.expand(4, 2, 3), b.expand(4, 3, 5))
    assert tracker.flops["before"] == (1 + 4) * 2 * 2 * 3 * 5
