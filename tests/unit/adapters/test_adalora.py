from __future__ import annotations

import copy

import pytest
import torch

import nets
from ftlab.adapters.adalora import add_adalora
from ftlab.errors import ModelError
from ftlab.models.merging import merge_adapter


@pytest.mark.parametrize(("kind", "lm"), [("distilbert", False), ("gpt2", True), ("llama", True)])
def test_a_fresh_update_changes_no_output_and_a_trained_one_merges(kind: str, lm: bool) -> None:
    net = nets.tiny(kind, lm)
    before = nets.outputs(net)
    adapted = add_adalora(net, dropout=0.0, total_steps=10)
    assert adapted.unchanged and len(adapted.callbacks) == 1
    torch.testing.assert_close(nets.outputs(adapted.net), before, rtol=0, atol=0)
    base = nets.base_weights(adapted.net)
    nets.train(adapted.net, lm)
    assert all(torch.equal(nets.base_weights(adapted.net)[name], value) for name, value in base.items())
    expected = nets.outputs(adapted.net)
    assert (expected - before).abs().max() > 0.01
    merged = merge_adapter(copy.deepcopy(adapted.net))
    torch.testing.assert_close(nets.outputs(merged), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 1000, None])
def test_the_schedule_leaves_steps_to_take_ranks_away_in(steps: int | None) -> None:
    config = add_adalora(nets.tiny("bert", device="meta"), total_steps=steps).net.peft_config["default"]  # type: ignore[union-attr, index]
    total = config.total_step
    assert 0 <= config.tinit < total - config.tfinal
    assert config.tfinal == {1: 0, 2: 1, 3: 1, 10: 3}.get(total, 300)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (
            {"rank": 12},
            r"initial_rank=12 must be above adapter\.rank=12.*type adapter\.initial_rank=18 or adapter=lora",
        ),
        ({"initial_rank": 33}, r"adapter\.initial_rank=33 is more than the 32 that .* type adapter\.initial_rank=8"),
        ({"rank": 0}, r"adapter\.rank=0 must be a whole number from 1"),
        ({"every": 0}, r"adapter\.every=0 must be a whole number from 1"),
        ({"orthogonality": -1}, r"adapter\.orthogonality=-1 must be at least 0; type adapter\.orthogonality=0\.5"),
        ({"full_rank_share": 0.5, "fixed_rank_share": 0.5}, r"leave no steps to take ranks away in; type"),
        ({"fixed_rank_share": 1}, r"adapter\.fixed_rank_share=1 must be at least 0 and below 1"),
        ({"targets": ["word_embeddings"]}, r"is an embedding; type adapter\.targets=auto"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, object], remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        add_adalora(nets.tiny("bert", device="meta"), **options)  # type: ignore[arg-type]
