"""What processes tell each other; threads of one process stand in for them where there must be two."""

from __future__ import annotations

import psutil
import pytest
import torch

from ftlab.processes import collective


@pytest.fixture
def alone():
    """A group of one, so that the calls go through torch.distributed."""
    store = collective.open_store(1)
    collective.join(store.port, 0, 1, "cpu", store)
    yield
    collective.part()


def test_without_a_group_everything_is_ones_own():
    tensor = torch.arange(3)
    assert (collective.count(), collective.number()) == (1, 0)
    assert collective.summed(tensor) is tensor and collective.concatenated(tensor) is tensor
    assert collective.largest(3) == 3 and collective.gathered({"a": 1}) == [{"a": 1}]
    collective.part()


def test_values_come_back_as_they_were(alone, monkeypatch):
    monkeypatch.setattr(collective, "count", lambda: 1 + (not torch.is_grad_enabled()))  # as if there were two
    with torch.no_grad():
        value = {"torch": torch.get_rng_state(), "gauss": None, "words": [1, 2.5]}
        monkeypatch.setattr(collective.dist, "all_gather", _copied)
        first, second = collective.gathered(value)
    assert torch.equal(first["torch"], value["torch"]) and first["words"] == second["words"] == [1, 2.5]


def test_rows_of_unequal_numbers_stand_one_after_the_other(alone, monkeypatch):
    monkeypatch.setattr(collective, "count", lambda: 2)
    sizes = iter([[2, 0]])

    def gather(parts, tensor, group=None):
        if tensor.numel() == 1 and tensor.dtype == torch.int64 and (found := next(sizes, None)):
            for part, size in zip(parts, found, strict=True):
                part.fill_(size)
        else:
            _copied(parts, tensor)

    monkeypatch.setattr(collective.dist, "all_gather", gather)
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert torch.equal(collective.concatenated(rows), rows)


def _copied(parts, tensor, group=None):
    for part in parts:
        part.copy_(tensor)


def test_the_place_to_meet_is_out_of_reach_of_other_machines():
    store = collective.open_store(2)
    heard = [one.laddr for one in psutil.Process().net_connections() if one.status == psutil.CONN_LISTEN]
    assert [address.ip for address in heard if address.port == store.port] == ["127.0.0.1"]
