from functools import partial

import pytest
import torch
from torch import nn

from ftlab.errors import ConfigError
from ftlab.modules.optimizer import fused_option, hold_back, scale_rates, split_decay, warmup_steps


def test_biases_and_norms_do_not_decay():
    net = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    groups = split_decay(net, 0.1)
    assert [g["weight_decay"] for g in groups] == [0.1, 0.0]
    assert [tuple(p.shape) for p in groups[0]["params"]] == [(2, 3)]
    assert [tuple(p.shape) for p in groups[1]["params"]] == [(2,), (2,), (2,)]


def test_frozen_parameters_reach_no_group():
    net = nn.Linear(3, 2)
    net.bias.requires_grad_(False)
    groups = split_decay(net, 0.1)
    assert [len(g["params"]) for g in groups] == [1]
    assert groups[0]["params"][0] is net.weight


def test_warmup_below_one_is_a_share_and_above_a_number_of_steps():
    assert warmup_steps(0.1, 200) == 20
    assert warmup_steps(0.0, 200) == 0
    assert warmup_steps(15, 200) == 15


def test_fused_where_it_exists_and_not_under_a_gradient_scaler():
    assert fused_option(torch.optim.AdamW, "cuda", unscales_gradients=False) == {"fused": True}
    assert fused_option(torch.optim.AdamW, "cuda", unscales_gradients=True) == {}
    assert fused_option(torch.optim.AdamW, "xla", unscales_gradients=False) == {}
    assert fused_option(torch.optim.RMSprop, "cpu", unscales_gradients=False) == {}


def test_fused_step_equals_the_plain_step():
    torch.manual_seed(0)
    nets = [nn.Linear(5, 3).double() for _ in range(2)]
    nets[1].load_state_dict(nets[0].state_dict())
    x = torch.randn(7, 5, dtype=torch.float64)
    for net, fused in zip(nets, (True, False), strict=True):
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, fused=fused)
        for _ in range(5):
            optimizer.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


def test_groups_of_an_adapter_are_split_alike_and_keep_what_they_say():
    net = nn.Linear(3, 2)
    groups = split_decay(net, 0.1, [{"params": [net.weight, net.bias], "lr_scale": 0.5, "starts_at": 0.25}])
    assert [(g["weight_decay"], g["lr_scale"], g["starts_at"]) for g in groups] == [(0.1, 0.5, 0.25), (0.0, 0.5, 0.25)]
    assert groups[0]["params"][0] is net.weight and groups[1]["params"][0] is net.bias
    own = [{"params": [net.weight, net.bias], "weight_decay": 0.3}]
    assert split_decay(net, 0.1, own) == own


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD, torch.optim.Adafactor])
def test_a_rate_is_a_share_of_the_optimizers_and_a_schedule_keeps_it(kind):
    first, second = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = kind([{"params": [first]}, {"params": [second], "lr_scale": 0.5}], lr=0.2)
    scale_rates(optimizer)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    assert [g["lr"] for g in optimizer.param_groups] == [0.2, 0.1]
    optimizer.step()
    schedule.step()
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.05]


def test_an_optimizer_without_a_rate_has_no_share_of_it():
    class Rateless(torch.optim.Optimizer):
        pass

    optimizer = Rateless([{"params": [nn.Parameter(torch.ones(2))], "lr_scale": 0.5}], {})
    with pytest.raises(ConfigError, match=r"Rateless has no lr, .*; type optimizer=adamw"):
        scale_rates(optimizer)


@pytest.mark.parametrize(
    "make",
    [
        partial(torch.optim.AdamW, weight_decay=0.5, fused=True),
        partial(torch.optim.SGD, momentum=0.9, weight_decay=0.5),
        partial(torch.optim.Adafactor, weight_decay=0.5),
    ],
    ids=["adamw", "sgd", "adafactor"],
)
def test_what_starts_later_moves_neither_weights_nor_moments_until_then(make):
    early, late = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3, 3))
    optimizer = make([{"params": [early]}, {"params": [late], "starts_at": 0.5}], lr=0.1)
    for step in range(4):
        early.grad, late.grad = torch.ones(3, 3), torch.ones(3, 3)
        before = late.detach().clone()
        hold_back(optimizer, step / 4)
        optimizer.step()
        assert torch.equal(late, before) == (step < 2)
        assert bool(optimizer.state[late]) == (step >= 2)
    assert not torch.equal(early, torch.ones(3, 3))
