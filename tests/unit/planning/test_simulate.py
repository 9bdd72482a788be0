"""Three layers of those that are alike tell what all of them take."""

import dataclasses
import itertools

import pytest

from ftlab.planning.losses import classification_loss, writing_loss
from ftlab.planning.memory import network_of
from ftlab.planning.simulate import Setting, simulate
from planned_cells import BERT, FULL, LLAMA, LORA, build, cell

FREEZE = {"_target_": "ftlab.adapters.freeze.add_freeze", "name": "freeze", "last_layers": 4}


def simulated(request, setting, rows=4, *, whole=False):
    network = network_of(request)
    if request.task == "classification":
        loss = classification_loss(network.net, rows, 16)
    else:
        loss = writing_loss(network.net, rows, 16, setting.kind, setting.precision, answers=False)
    return simulate(network.net, loss, None if whole else network.stack, setting)


SETTINGS = {
    "cpu": (Setting("cpu", "32-true"), False),
    "again-accumulated": (Setting("cpu", "32-true", accumulates=True), True),
    "again-half": (Setting("cuda", "bf16-mixed"), True),
    "in-backward": (Setting("cuda", "bf16-mixed", steps_in_backward=True), False),
    "offloaded": (Setting("cuda", "16-mixed", offloads=True), False),
}
NETS = {"bert": BERT, "llama": LLAMA}
ADAPTERS = {"full": FULL, "lora": LORA, "freeze": FREEZE}
QUICK = [("bert", "full", "again-half"), ("llama", "lora", "cpu"), ("bert", "freeze", "in-backward")]
REST = [each for each in itertools.product(NETS, ADAPTERS, SETTINGS) if each not in QUICK]


@pytest.mark.parametrize(
    ("net", "adapter", "how"), [*QUICK, *(pytest.param(*each, marks=pytest.mark.slow) for each in REST)]
)
def test_a_few_layers_tell_of_all(net, adapter, how):
    setting, recompute = SETTINGS[how]
    node = ADAPTERS[adapter]
    request = cell(node, architecture=NETS[net], model={"gradient_checkpointing": recompute})
    assert network_of(request).stack.missing == (0 if node is FREEZE else 4)
    # An adapter that is not known to treat layers alike gets all of them.
    own = {"name": "own", "stands_for": node}
    everything = dataclasses.replace(request, adapter=own, build=lambda _, net: build(node, net))
    assert network_of(everything).stack.missing == 0
    short, whole = simulated(request, setting), simulated(everything, setting, whole=True)
    assert dataclasses.asdict(short) == pytest.approx(dataclasses.asdict(whole), rel=1e-6)


def test_memory_grows_with_rows_and_shrinks_with_what_is_computed_again():
    request = cell()
    again = cell(model={"gradient_checkpointing": True})
    setting = Setting("cpu", "32-true", steps_in_backward=True)
    two, four = simulated(request, setting, 2), simulated(request, setting, 4)
    assert two.peak_bytes < four.peak_bytes
    assert simulated(again, setting, 4).peak_bytes < four.peak_bytes
    assert simulated(again, setting, 4).backward_flops > four.backward_flops


def test_flops_are_those_of_the_formula():
    """Forward 2, backward 4 per weight and token (arXiv:2001.08361); the scores of attention come on top."""
    request = cell(architecture=LLAMA)
    found = simulated(request, Setting("cuda", "32-true"), 4)
    layer = 32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 64
    scores = 4 * 16 * 16 * 32
    products = 2 * 16 * 8 * layer + 8 * scores
    logits = 2 * 15 * 32 * 400 * 3  # and their gradients, at once
    assert found.forward_flops == pytest.approx(4 * (products + logits), rel=0.01)
    assert found.backward_flops == pytest.approx(4 * (2 * 2 * 16 * 8 * layer + 2.5 * 8 * scores), rel=0.01)


def test_with_nothing_to_train_only_the_forward_pass_is_run():
    request = cell({"_target_": "ftlab.adapters.none.add_none", "name": "none"})
    assert simulated(request, Setting("cpu", "32-true")).backward_flops == 0
