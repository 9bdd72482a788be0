"""Losses on batches without storage are those of the modules."""

import pytest
import torch

from ftlab.planning.losses import classification_loss, writing_loss
from ftlab.planning.memory import network_of
from ftlab.planning.semantics import Semantics
from ftlab.planning.tracker import Tracker
from planned_cells import BERT, LLAMA, cell


def made(loss, kind="cpu", precision="32-true"):
    tracker = Tracker([])
    with Semantics(kind, precision, tracker.count), tracker:
        found = loss()
    return found, tracker


def test_a_loss_is_one_number_with_a_graph():
    for request, loss in (
        (cell(architecture=BERT), lambda net: classification_loss(net, 4, 16)),
        (cell(architecture=LLAMA), lambda net: writing_loss(net, 4, 16, "cpu", "32-true", answers=False)),
        (
            cell(architecture=LLAMA, task="prompted"),
            lambda net: writing_loss(net, 4, 16, "cpu", "32-true", answers=True),
        ),
    ):
        found, _ = made(loss(network_of(request).net))
        assert found.shape == () and found.requires_grad and found.device == torch.device("meta")


def test_all_logits_are_made_at_once_only_in_fp16():
    net = network_of(cell(architecture={**LLAMA, "vocab_size": 300_000})).net
    every = 4 * 15 * 300_000
    _, chunked = made(writing_loss(net, 4, 16, "cpu", "32-true", answers=False))
    _, whole = made(writing_loss(net, 4, 16, "cuda", "16-mixed", answers=False), "cuda", "16-mixed")
    assert max(chunked.peaks.values()) < 4 * every * 2.5 + 4 * 300_000 * 32
    assert max(whole.peaks.values()) > (2 + 4) * every


def test_answers_to_a_prompt_are_a_few_tokens_of_each_row():
    net = network_of(cell(architecture=LLAMA)).net
    few, many = (
        sum(made(writing_loss(net, 4, 16, "cpu", "32-true", answers=answers))[1].flops.values())
        for answers in (True, False)
    )
    assert many - few == pytest.approx(4 * (15 - 2) * 3 * 2 * 32 * 400)
