"""Batches dealt out to processes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from ftlab.datasets.batching import EpochBatches, SortedBatches
from ftlab.datasets.collate import PadCollator, TokenDataset
from ftlab.datasets.shares import IGNORED, Part, Share, deal, share_of
from ftlab.datasets.tokens import Tokens

lengths_of = st.lists(st.integers(1, 60), min_size=1, max_size=60).map(lambda lengths: np.array(lengths, np.int64))


@settings(deadline=None, max_examples=60)
@given(lengths=lengths_of, processes=st.integers(1, 5), size=st.integers(1, 9), grouped=st.booleans())
def test_shares_make_up_every_batch_of_one_process(
    lengths: np.ndarray, processes: int, size: int, grouped: bool
) -> None:
    for kind in (lambda part: EpochBatches(lengths, size, 3, grouped, part), lambda p: SortedBatches(lengths, size, p)):
        whole = list(kind(Part()))
        dealt = [list(kind(Part(rank, processes))) for rank in range(processes)]
        for batch, *shares in zip(whole, *dealt, strict=True):  # the same number of batches in each process
            assert all(len(share) >= 1 for share in shares), "all processes compute something"
            counting = [row for share in shares if not getattr(share, "is_filler", False) for row in share]
            assert Counter(counting) == Counter(batch)


@settings(deadline=None, max_examples=60)
@given(lengths=lengths_of, processes=st.integers(1, 5))
def test_processes_get_like_numbers_and_like_lengths(lengths: np.ndarray, processes: int) -> None:
    dealt = deal(list(range(len(lengths))), lengths, processes)
    sizes = [len(rows) for rows in dealt]
    assert max(sizes) - min(sizes) <= 1 and sum(sizes) == len(lengths)
    tokens = [int(lengths[rows].sum()) for rows in dealt]
    assert max(tokens) - min(tokens) <= lengths.max(), "never more than one row's worth apart"


def test_one_process_gets_the_batch_itself() -> None:
    batch = [3, 1]
    assert share_of(batch, np.ones(4, np.int64), Part()) is batch


class Pads:
    pad_token_id, pad_token_type_id, padding_side = 0, 0, "right"


def loader(part: Part, workers: int = 0, width: int | None = None) -> Any:
    lengths = np.array([2, 5, 3, 1, 4], np.int64)
    tokens = Tokens(np.arange(1, 16, dtype=np.int32), np.concatenate([[0], np.cumsum(lengths)]), None, 0)
    dataset, order = TokenDataset(tokens, [0, 1, 2, 1, 0]), SortedBatches(lengths, 4, part)
    return DataLoader(dataset, batch_sampler=order, collate_fn=PadCollator(Pads(), width), num_workers=workers)  # type: ignore[arg-type]


def test_a_share_knows_the_labels_and_the_tokens_of_the_whole_batch() -> None:
    first, second = [list(loader(Part(rank, 2))) for rank in range(2)]
    assert first[0]["row_ids"].tolist() == [1, 2] and second[0]["row_ids"].tolist() == [4, 0]
    for share in (first[0], second[0]):
        assert sorted(share["whole_labels"].tolist()) == [0, 0, 1, 2]
        assert share["whole_tokens"].tolist() == [5 + 4 + 3 + 2, 2 * 5 + 2 * 4]
    assert next(iter(loader(Part(0, 2), width=6)))["whole_tokens"].tolist() == [14, 24]
    assert "whole_labels" not in next(iter(loader(Part())))


def test_an_empty_share_holds_a_row_that_does_not_count() -> None:
    last = list(loader(Part(1, 2)))[1]
    assert last["labels"].tolist() == [IGNORED] and last["whole_labels"].tolist() == [1]
    assert last["whole_tokens"].tolist() == [1, 1]


def test_shares_reach_loader_processes_whole() -> None:
    import copy

    share = Share([[3, 1], [2]], 1)
    again = copy.deepcopy(share)  # as multiprocessing sends it: by its class, its rows and its attributes
    assert list(again) == [2] and again.dealt == [[3, 1], [2]] and not again.is_filler
