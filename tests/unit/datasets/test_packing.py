from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ftlab.datasets.lm_collate import LmCollator, LmDataset, LmRows
from ftlab.datasets.lm_tokens import LmTokens
from ftlab.datasets.packing import PackCollator, block_causal, pack
from ftlab.datasets.shares import IGNORED, Share
from ftlab.modules.lm_inputs import network_inputs

LENGTHS = [7, 3, 5, 2, 6, 4, 9, 2]
VOCABULARY = 40


def tokens_of(lengths: list[int], seed: int = 0) -> LmTokens:
    random = np.random.default_rng(seed)
    supervised = random.random(sum(lengths)) < 0.6
    offsets = np.cumsum([0, *lengths])
    supervised[offsets[:-1]] = False
    supervised[offsets[:-1] + 1] = True
    return LmTokens(
        ids=random.integers(1, VOCABULARY, sum(lengths)).astype(np.int32),
        supervised=supervised,
        offsets=offsets.astype(np.int64),
        prompt_lengths=np.ones(len(lengths), np.int64),
        examples=np.arange(len(lengths)),
        truncated=0,
        truncated_answers=0,
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 20), max_size=60), st.integers(20, 30), st.integers(0, 3))
def test_each_row_is_packed_once_and_no_line_is_too_long(lengths: list[int], width: int, seed: int) -> None:
    lines = pack(np.array(lengths, np.int64), width, seed)
    assert sorted(row for line in lines for row in line) == list(range(len(lengths)))
    used = sorted(sum(lengths[row] for row in line) for line in lines)
    assert not used or used[-1] <= width
    assert len(used) < 2 or used[0] + used[1] > width  # else one line would have done


def test_lines_are_full_where_rows_are_short() -> None:
    lengths = np.random.default_rng(0).integers(10, 200, 5000)
    assert lengths.sum() / (len(pack(lengths, 512)) * 512) > 0.995


def test_the_seed_decides_among_rows_of_one_length() -> None:
    lengths = np.full(64, 10)
    assert pack(lengths, 40, 1) == pack(lengths, 40, 1) != pack(lengths, 40, 2)


def test_a_packed_batch_to_the_last_place() -> None:
    tokens = LmTokens(
        ids=np.array([5, 6, 7, 8, 9, 4], np.int32),
        supervised=np.array([False, True, True, True, True, True]),  # the collator drops first tokens by itself
        offsets=np.array([0, 3, 5, 6]),
        prompt_lengths=np.ones(3, np.int64),
        examples=np.arange(3),
        truncated=0,
        truncated_answers=0,
    )
    batch = PackCollator(pad=1)(LmDataset(tokens, [[1, 0], [2]]).__getitems__([0, 1]))
    assert batch["input_ids"].tolist() == [[8, 9, 5, 6, 7], [4, 1, 1, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 0, 1, 2], [0, 0, 0, 0, 0]]
    assert batch["labels"].tolist() == [[-100, 9, -100, 6, 7], [-100] * 5]
    assert batch["attention_mask"].int()[:, 0].tolist() == [
        [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 1]],
        [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]],
    ]
    assert batch["attention_mask"].dtype == torch.bool and batch["labels"].dtype == torch.int64
    assert batch["whole_tokens"].tolist() == [6, 10] and batch["whole_examples"] == 3
    assert PackCollator(1, width=6)(LmDataset(tokens, [[1, 0]]).__getitems__([0]))["input_ids"].shape == (1, 6)


def test_a_plain_batch_to_the_last_place() -> None:
    tokens = tokens_of([3, 2])
    tokens.supervised[:] = [False, False, True, False, True]
    ids = tokens.ids.tolist()
    batch = LmCollator(pad=0)(LmDataset(tokens).__getitems__([1, 0]))
    assert batch["input_ids"].tolist() == [[ids[3], ids[4], 0], ids[:3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORED, ids[4], IGNORED], [IGNORED, IGNORED, ids[2]]]
    assert batch["row_ids"].tolist() == [1, 0]
    assert (batch["whole_supervised"], batch["whole_examples"]) == (2, 2) and batch["whole_tokens"].tolist() == [5, 6]
    assert LmCollator(0, width=9)(LmDataset(tokens).__getitems__([1]))["labels"].shape == (1, 9)


@pytest.mark.parametrize("lines", [None, [[0, 1], [2], [3, 4]]], ids=["plain", "packed"])
def test_shares_know_the_whole_batch_and_a_filler_counts_nothing(lines: list[list[int]] | None) -> None:
    data = LmDataset(tokens_of([3, 4, 5, 2, 2]), lines)
    whole = data.__getitems__([0, 1, 2])
    shares = [data.__getitems__(Share([[0, 2], [1], []], rank)) for rank in range(3)]
    assert {(s.supervised, s.examples) for s in shares} == {(whole.supervised, whole.examples)}
    assert shares[0].lengths == [data.lengths[[0, 2]].tolist(), [int(data.lengths[1])], []]
    collate = LmCollator(0) if lines is None else PackCollator(0)
    found = [int((collate(share)["labels"] != IGNORED).sum()) for share in shares]
    assert sum(found) == whole.supervised and found[2] == 0
    assert shares[2][0][0][1].tolist() == data[0][0][1].tolist()


def network(kind: str, attention: str, dtype: torch.dtype) -> Any:
    from transformers import AutoConfig, AutoModelForCausalLM

    shape: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    if kind == "gpt2":
        shape |= {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64}
        shape |= {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    else:
        shape |= {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
        shape |= {"intermediate_size": 32, "max_position_embeddings": 64}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **shape)
    return AutoModelForCausalLM.from_config(config, attn_implementation=attention).to(dtype).train()


def token_losses(net: Any, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss of each place, (B, T), 0 where nothing is predicted."""
    logits = net(**network_inputs(net, batch)).logits
    losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), reduction="none"
    )
    shape = batch["labels"][:, 1:].shape
    return torch.nn.functional.pad(losses.view(shape), (1, 0))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_packed_losses_and_gradients_are_those_of_each_text_alone(
    kind: str, attention: str, dtype: torch.dtype, near: float
) -> None:
    if kind == "llama" and attention == "eager" and dtype == torch.float64:
        near = 1e-6  # its softmax is in fp32, whatever the network's type
    tokens, net = tokens_of(LENGTHS), network(kind, attention, dtype)
    lines = pack(tokens.lengths, 12)
    assert max(map(len, lines)) > 2
    data = LmDataset(tokens, lines)
    packed = token_losses(net, PackCollator(0)(data.__getitems__(list(range(len(lines))))))
    packed.sum().backward()
    gradients = {name: p.grad.clone() for name, p in net.named_parameters()}
    net.zero_grad()
    total = torch.zeros((), dtype=dtype)
    for number, line in enumerate(lines):
        start = 0
        for row in line:
            alone = token_losses(net, LmCollator(0)(LmDataset(tokens).__getitems__([row])))[0]
            torch.testing.assert_close(packed[number, start : start + len(alone)], alone, atol=near, rtol=0)
            start += len(alone)
            total = total + alone.sum()
        assert not packed[number, start:].any()
    total.backward()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=near, rtol=near)


def test_texts_that_see_each_other_would_be_found_out() -> None:
    tokens, net = tokens_of(LENGTHS), network("gpt2", "sdpa", torch.float64)
    batch = PackCollator(0)(LmDataset(tokens, [[0, 1, 2]]).__getitems__([0]))
    right = token_losses(net, batch)
    seen = {**batch, "attention_mask": block_causal(torch.zeros_like(batch["input_ids"]))}
    placed = {**batch, "position_ids": torch.arange(batch["input_ids"].shape[1])[None]}
    for wrong in (seen, placed):
        assert (token_losses(net, wrong) - right).abs().max() > 1e-4


def test_rows_of_a_loader_are_lines() -> None:
    assert isinstance(LmDataset(tokens_of([3, 2])).__getitems__([0]), LmRows)
