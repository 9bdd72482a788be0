import pytest
import torch

from ftlab.models.bare import bare_net, base_changed, base_tensors
from peft_kinds import LABELS, base, trained


@pytest.mark.parametrize(("kind", "shape", "labels"), [("ia3", "roberta", LABELS), ("lora", "gpt2", None)])
def test_the_base_inside_is_the_one_from_before(kind, shape, labels):
    wanted = base(shape, labels).state_dict()
    net = trained(kind, shape, labels)
    found = base_tensors(net)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    inner = next(iter(base_tensors(net).values()))
    assert next(iter(bare_net(net).state_dict().values())).data_ptr() == inner.data_ptr(), "nothing is copied"


def test_weights_that_train_beside_the_adapter_are_named():
    net = trained("prompt_tuning", "bert", LABELS)
    assert base_changed(net) == {}
    net.get_base_model().bert.pooler.dense.bias.requires_grad_(True)
    assert list(base_changed(net)) == ["bert.pooler.dense.bias"]
