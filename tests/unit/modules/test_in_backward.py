"""Updating each parameter within the backward pass gives the weights that updating them all after it gives."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from ftlab.callbacks.saving_memory import SavingMemory
from ftlab.checkpoints import newest_state
from ftlab.models.recompute import recompute_activations
from ftlab.modules.in_backward import StepsInBackward
from ftlab.modules.supervised import SupervisedReader, find_places
from training import CrashError, Run, Strike, crash

OPTIMIZERS = {
    "adamw": {"_target_": "torch.optim.AdamW", "lr": 0.02, "weight_decay": 0.1},
    "adamw, one by one": {"_target_": "torch.optim.AdamW", "lr": 0.02, "foreach": False},
    "sgd": {"_target_": "torch.optim.SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
}
ON = {"optimizer_in_backward": True}


def outcome(run: Run) -> dict[str, Any]:
    return {name: value for name, value in run.outcome().items() if name != "counts"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_moments_schedule_and_curves_are_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    plain = Run(tmp_path / "plain", optimizer=OPTIMIZERS[name]).fit()
    other = Run(tmp_path / "other", optimizer=OPTIMIZERS[name], options=ON).fit()
    assert outcome(other) == outcome(plain)
    assert other.watch.seen == plain.watch.seen
    switch = next(c for c in other.trainer.callbacks if isinstance(c, SavingMemory))  # type: ignore[attr-defined]
    assert switch.measured()["training"]["optimizer_in_backward"] is True


def test_killed_training_goes_on_to_the_bit_in_either_way(tmp_path: Path) -> None:
    expected = Run(tmp_path / "plain").fit()
    for folder, before, after in (("same", ON, ON), ("begun so", ON, {}), ("ended so", {}, ON)):
        with pytest.raises(CrashError):
            Run(tmp_path / folder, options=before).fit(Strike("batch end", 14, crash))
        state, _ = newest_state(tmp_path / folder)
        assert outcome(Run(tmp_path / folder, options=after).fit(state=state)) == outcome(expected), folder


def test_no_more_than_one_gradient_is_there_at_a_time_and_none_at_the_end() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(5)))
    steps = StepsInBackward(torch.optim.SGD(net.parameters(), lr=0.1), lambda: 0.0)
    counts: list[int] = []
    for p in net.parameters():  # before ours, which frees it
        p.register_post_accumulate_grad_hook(lambda _: counts.append(sum(q.grad is not None for q in net.parameters())))
    steps.install()
    net(torch.randn(3, 4)).sum().backward()
    assert counts == [1] * 5
    assert all(p.grad is None for p in net.parameters())
    steps.remove()
    net(torch.randn(3, 4)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize("again", [False, True], ids=["kept", "recomputed"])
def test_shared_weights_and_recomputed_layers_are_updated_after_their_last_use(again: bool) -> None:
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, "vocab_size": 40}
    off = {"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}
    plain = AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **sizes, **off))
    other = copy.deepcopy(plain)
    ids = torch.randint(0, 40, (3, 8))

    def train(net: nn.Module, in_backward: bool) -> None:
        if again:
            recompute_activations(net)  # type: ignore[arg-type]
        net.train()
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.05)
        if in_backward:
            StepsInBackward(optimizer, lambda: 0.0).install()
        for _ in range(3):
            places = find_places(ids)
            loss: Tensor = SupervisedReader().summed_loss(net, {"input_ids": ids, "use_cache": False}, places)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    train(plain, False)
    train(other, True)
    assert plain.get_output_embeddings().weight is plain.get_input_embeddings().weight
    for (name, ours), theirs in zip(other.named_parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_groups_that_begin_later_wait() -> None:
    first, second = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = torch.optim.SGD([{"params": [first], "starts_at": 0.0}, {"params": [second], "starts_at": 0.5}], lr=0.1)
    done = [0.4]
    StepsInBackward(optimizer, lambda: done[0]).install()
    (first + second).sum().backward()
    assert float(first.sum().detach()) < 4 and float(second.sum().detach()) == 4 and second.grad is None
    done[0] = 0.5
    (first + second).sum().backward()
    assert float(second.sum().detach()) < 4


def test_a_bad_loss_leaves_the_weights_as_they_were(tmp_path: Path) -> None:
    class Spoil(L.Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == 3:
                module.net.head.bias.data.fill_(float("nan"))
                self.before = module.net.table.weight.detach().clone()

    spoil, run = Spoil(), Run(tmp_path, options=ON)
    with pytest.raises(RuntimeError, match="the training loss is nan in epoch 1, step 4"):
        run.fit(spoil)
    table: Any = run.module.net.table
    assert torch.equal(table.weight, spoil.before)
