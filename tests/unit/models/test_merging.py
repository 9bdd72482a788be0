import pytest
import torch

from ftlab.models.load_options import LoadOptions
from ftlab.models.merging import is_mergeable, merge_adapter
from ftlab.models.quantization import is_quantized, quantize_base
from peft_kinds import LABELS, base, logits, trained

TOLERANCE = 5e-5  # of logits of size 3, in fp32


@pytest.mark.parametrize("shape", ["roberta", "modernbert"])
def test_ia3_merges_beside_a_head_of_several_layers(shape):
    net = trained("ia3", shape, LABELS)
    expected = logits(net)
    assert is_mergeable(net)
    merged = merge_adapter(net).eval()
    torch.testing.assert_close(logits(merged), expected, rtol=0, atol=TOLERANCE)
    assert not is_mergeable(merged) and not is_mergeable(trained("p_tuning", "bert", LABELS))


@pytest.mark.parametrize(("kind", "shape", "labels"), [("lora", "bert", LABELS), ("ia3", "gpt2", None)])
def test_a_base_in_eight_bits_is_unpacked_and_merged_and_stays_as_it_is(kind, shape, labels):
    held = base(shape, labels)
    quantize_base(held, LoadOptions("int8"))
    net = trained(kind, shape, labels, held)
    expected = logits(net)
    merged = merge_adapter(net).eval()
    assert not is_quantized(merged) and is_quantized(net)
    assert merged.state_dict().keys() == base(shape, labels).state_dict().keys()
    torch.testing.assert_close(logits(merged), expected, rtol=0, atol=TOLERANCE)
    assert torch.equal(logits(net), expected)
    assert merge_adapter(merged) is merged
