from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler

from ftlab.datasets.batching import MEGA_BATCHES, EpochBatches, SortedBatches, padding_fraction

lengths_of = st.lists(st.integers(1, 60), min_size=1, max_size=400).map(lambda lengths: np.array(lengths, np.int64))


@settings(deadline=None, max_examples=50)
@given(
    lengths=lengths_of,
    size=st.integers(1, 9),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 5),
    grouped=st.booleans(),
)
def test_every_row_comes_once_per_epoch_in_a_repeatable_order(
    lengths: np.ndarray, size: int, seed: int, epoch: int, grouped: bool
) -> None:
    sampler = EpochBatches(lengths, size, seed, grouped)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert Counter(row for batch in batches for row in batch) == Counter(range(len(lengths)))
    assert len(batches) == len(sampler) and Counter(map(len, batches))[size] >= len(batches) - 1
    again = EpochBatches(lengths, size, seed, grouped)
    list(again)  # an epoch more or less before makes no difference
    again.set_epoch(epoch)
    assert list(again) == batches
    if len(lengths) > 20:
        assert (
            sampler.batches(epoch + 1) != batches
            and EpochBatches(lengths, size, seed + 1, grouped).batches(epoch) != batches
        )


@settings(deadline=None, max_examples=50)
@given(lengths=lengths_of, size=st.integers(1, 9))
def test_evaluation_is_sorted_longest_first_and_the_same_each_time(lengths: np.ndarray, size: int) -> None:
    sampler = SortedBatches(lengths, size)
    rows = [row for batch in sampler for row in batch]
    assert sorted(rows) == list(range(len(lengths))) and len(list(sampler)) == len(sampler)
    assert (np.diff(lengths[rows]) <= 0).all() and list(sampler) == list(sampler)


@pytest.fixture
def lengths() -> np.ndarray:
    return np.random.default_rng(0).geometric(0.05, size=4000).clip(3, 128)


def test_grouping_saves_most_of_the_padding(lengths: np.ndarray) -> None:
    grouped, shuffled = (
        padding_fraction(EpochBatches(lengths, 16, 1, grouped).batches(0), lengths) for grouped in (True, False)
    )
    assert (
        grouped < 0.07 < 0.5 < shuffled < padding_fraction(EpochBatches(lengths, 16, 1, False).batches(0), lengths, 128)
    )


def test_the_longest_batch_stands_anywhere() -> None:
    lengths = np.arange(1, 4001)
    places = []
    for epoch in range(40):
        widths = [int(lengths[batch].max()) for batch in EpochBatches(lengths, 16, 1, True).batches(epoch)]
        places.append(widths.index(max(widths)) / len(widths))
    assert places.count(0.0) <= 2 and 0.35 < np.mean(places) < 0.65


def test_rows_meet_others_in_each_epoch(lengths: np.ndarray) -> None:
    sampler = EpochBatches(lengths, 16, 1, True)
    first, second = ({frozenset(batch) for batch in sampler.batches(epoch)} for epoch in (0, 1))
    assert not first & second


def test_a_mega_batch_is_fifty_batches(lengths: np.ndarray) -> None:
    order = np.random.default_rng([1, 0]).permutation(len(lengths))
    part = set(order[: 16 * MEGA_BATCHES].tolist())
    batches = EpochBatches(lengths, 16, 1, True).batches(0)
    assert MEGA_BATCHES == 50 and sum(set(batch) <= part for batch in batches) == 50


def test_padding_fraction_is_the_share_of_empty_places() -> None:
    lengths = np.array([1, 3, 2, 2])
    assert padding_fraction([[0, 1], [2, 3]], lengths) == 1 - 8 / 10
    assert padding_fraction([[0, 1], [2, 3]], lengths, width=4) == 0.5
    assert padding_fraction([[2, 3]], lengths) == 0.0


def test_lightning_refuses_aloud_to_shard_our_batches(lengths: np.ndarray) -> None:
    from lightning.pytorch.utilities.data import _dataloader_init_kwargs_resolve_sampler

    for sampler in (EpochBatches(lengths, 16, 1, True), SortedBatches(lengths, 16)):
        loader = DataLoader(range(len(lengths)), batch_sampler=sampler)
        with pytest.raises(TypeError, match="use_distributed_sampler=False"):
            _dataloader_init_kwargs_resolve_sampler(loader, DistributedSampler(range(9), 2, 0))


def test_a_loader_takes_an_epoch_set_after_iter_was_called(lengths: np.ndarray) -> None:
    sampler = EpochBatches(lengths, 16, 1, True)
    loader = DataLoader(range(len(lengths)), batch_sampler=sampler, collate_fn=list)
    batches = iter(loader)
    loader.batch_sampler.sampler.set_epoch(3)  # where Lightning looks
    assert next(batches) == sampler.batches(3)[0] != sampler.batches(0)[0]
