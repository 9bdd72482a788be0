"""PiSSA, OLoRA and AdaLoRA as plain LoRA on the base as it was."""

import pytest
import torch
from peft import PeftModel

from ftlab.models.portable import is_taken_out, portable, remember_start
from peft_kinds import LABELS, base, logits, trained


@pytest.mark.parametrize(("kind", "rank"), [("pissa", 8), ("olora", 8), ("adalora", 3), ("rslora", 4)])
def test_is_plain_lora_of_the_rank_it_needs(kind, rank):
    net = trained(kind, "bert", LABELS)
    found = portable(net)
    assert (found.config.peft_type, found.config.r) == ("LORA", rank)
    assert {t.shape[0] for name, t in found.tensors.items() if "lora_A" in name} == {rank}
    assert {t.shape[1] for name, t in found.tensors.items() if "lora_B" in name} == {rank}
    assert not any("lora_E" in name or "ranknum" in name for name in found.tensors)


@pytest.mark.parametrize("kind", ["pissa", "olora"])
def test_update_before_training_is_zero_on_the_base_as_it_was(kind):
    net = trained(kind, "bert", LABELS)
    state = {name: tensor for name, tensor in portable(net).tensors.items() if "lora_" in name}
    assert (
        is_taken_out(net)
        and not is_taken_out(trained("lora", "bert", LABELS))
        and not is_taken_out(base("bert", LABELS))
    )
    rank = 4
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "lora_" in name:  # back to the beginning, which is kept in the second half
                held = state[name.replace(".default", "")]
                parameter.copy_(held[rank:] if "lora_A" in name else -held[:, rank:])
    for name, down in portable(net).tensors.items():
        if "lora_A" in name:
            up = portable(net).tensors[name.replace("lora_A", "lora_B")]
            torch.testing.assert_close(up @ down, torch.zeros(up.shape[0], down.shape[1]), rtol=0, atol=1e-5)


def test_what_was_not_remembered_cannot_be_given_back():
    net = trained("pissa", "bert", LABELS)
    delattr(net, "_ftlab_start")
    with pytest.raises(AssertionError, match="remember_start is called before"):
        portable(net)
    remember_start(base("bert", LABELS))  # nothing to remember
    assert isinstance(net, PeftModel) and logits(net).shape == (2, 3)
