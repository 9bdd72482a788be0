"""Batches of one step count by their tokens."""

import torch

from ftlab.modules.token_window import TokenWindow


def test_sums_divided_and_scaled_are_the_mean_over_all_tokens():
    window, sums, tokens = TokenWindow(), [6.0, 10.0, 1.0], [3, 4, 1]
    accumulated = sum(
        one / float(window.add(torch.tensor(count))) / 4 for one, count in zip(sums, tokens, strict=True)
    )  # the fourth batch of the step is missing: the epoch has ended
    assert accumulated * float(window.close(divided_by=4)) == 17 / 8
    assert window.close(divided_by=4) is None


def test_a_new_step_begins_with_its_own_first_batch():
    window = TokenWindow()
    window.add(torch.tensor(5))
    window.close(2)
    assert window.add(torch.tensor(7)) == 7
