"""Names and groups of parameters that wrappers hide, and what FSDP shards at a time."""

import pytest
import torch
from torch import nn

from ftlab.processes.strategies import found_groups, layer_kinds, make_strategy, named_groups, plain_name


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])


def test_wrappers_leave_no_trace_in_a_name():
    assert plain_name("net._fsdp_wrapped_module.a._checkpoint_wrapped_module.b._orig_mod.weight") == "net.a.b.weight"


def test_groups_are_found_again_by_name():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    groups = named_groups([{"params": [net[0].weight, net[1].weight], "weight_decay": 0.1}], net)
    assert groups == [{"params": ["0.weight", "1.weight"], "weight_decay": 0.1}]
    net[0].weight = nn.Parameter(torch.zeros(6))  # a flat piece takes its place
    (group,) = found_groups(groups, net)
    assert group["params"][0] is net[0].weight and group["weight_decay"] == 0.1


def test_the_outer_stacks_layers_are_what_is_gathered():
    net = nn.ModuleDict({"layers": nn.ModuleList([Layer(), Layer()]), "head": nn.Linear(2, 2)})
    assert layer_kinds(net) == {Layer}
    assert layer_kinds(nn.Linear(2, 2)) == set()


@pytest.mark.parametrize("name", ["ddp", "ddp_find_unused_parameters_true"])
def test_ddp_syncs_no_buffers_and_looks_for_unused_parameters_only_if_told(name):
    strategy = make_strategy(name, nn.Linear(2, 2))
    options = strategy._ddp_kwargs
    assert options["find_unused_parameters"] is (name != "ddp")
    assert False in (options.get("forward_sync_buffers"), options.get("broadcast_buffers"))


def test_fsdp_keeps_whole_states_and_the_original_parameters():
    strategy = make_strategy("fsdp", nn.ModuleList([Layer(), Layer()]))
    assert strategy._state_dict_type == "full" and strategy.kwargs["use_orig_params"] is True
