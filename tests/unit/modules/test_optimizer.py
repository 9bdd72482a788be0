import torch
from torch import nn

from ftlab.modules.optimizer import fused_option, split_decay, warmup_steps


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
