"""The sides that are timed against each other compute the same."""

import pytest
import torch

from benchmarks.sides import hugging, ours, plain, quiet
from benchmarks.turns import Player

WORDS = [
    "train",
    "model=tiny_bert",
    "dataset=policy_stance",
    "dataset.batch_size=8",
    "trainer=cpu",
    "tracking.enabled=false",
]
STEPS = 12


def losses(*runs):
    players = [Player(run) for run in runs]
    for steps in (1, 2, STEPS - 3):  # in turns
        for player in players:
            player.go(steps)
    for player in players:
        player.finish()
    return [torch.stack(player.losses) for player in players]


@pytest.mark.slow
def test_our_loop_computes_what_a_plain_loop_does_to_the_bit():
    quiet()
    found, wanted = losses(ours(WORDS), plain(WORDS))
    assert len(found) == STEPS and len(set(found.tolist())) == STEPS
    assert found.tolist() == wanted.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("adapter", [[], ["adapter=lora", "adapter.dropout=0.0"]])
def test_our_loop_computes_what_the_trainer_does_on_the_same_batches(adapter):
    quiet()
    words = [*WORDS, "model.dropout=0.0", *adapter]
    found, wanted = losses(ours(words), hugging(words, same_batches=True))
    assert len(set(found.tolist())) == STEPS
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
