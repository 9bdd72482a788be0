"""Layers that are alike."""

from ftlab.adapters.freeze import add_freeze
from ftlab.models.pretrained import meta_classifier
from ftlab.planning.layers import bare_net, find_stack, shortened
from ftlab.schema import ModelConfig
from planned_cells import BERT


def net_of(**numbers):
    return meta_classifier(ModelConfig(name="made", init="random", architecture={**BERT, **numbers}), ["a", "b"])


def test_of_layers_that_are_alike_three_are_run():
    stack = find_stack(net_of())
    assert stack.shown == [0, 1, 7]
    assert stack.repeats == {0: 1, 1: 6, 7: 1}


def test_layers_that_train_are_not_like_those_that_do_not():
    stack = find_stack(add_freeze(net_of(), last_layers=4).net)
    assert stack.shown == [0, 1, 3, 4, 5, 7]
    assert stack.repeats == {0: 1, 1: 2, 3: 1, 4: 1, 5: 2, 7: 1}
    assert find_stack(add_freeze(net_of(), last_layers=2).net).shown == [0, 1, 5, 6, 7]


def test_where_every_layer_is_another_all_are_run():
    net = add_freeze(net_of(), patterns=[r"layer\.[0246]\."]).net
    assert find_stack(net).shown == list(range(8))


def test_layers_a_network_was_built_without_count():
    assert find_stack(net_of(num_hidden_layers=4), missing=20).repeats == {0: 1, 1: 22, 3: 1}


def test_a_shortened_network_is_whole_again_afterwards():
    net = net_of()
    stack = find_stack(net)
    with shortened(stack):
        assert len(bare_net(net).bert.encoder.layer) == 3
    assert bare_net(net).bert.encoder.layer is stack.layers
