"""Every kind of adapter saved, loaded by ftlab and by plain peft, and merged."""

import copy
import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

import peft_kinds
from ftlab.artefact import Base, folder_size_mb, load_artefact, save_artefact
from ftlab.errors import ModelError
from ftlab.models.merging import is_mergeable, merge_adapter
from peft_kinds import KINDS, LABELS, MERGEABLE, SOFT, logits, trained

# Of logits of size 2 to 7, in fp32: what changes the order of additions.
TOLERANCE = 5e-5
EXACT = ("lora", "rslora", "dora", "ia3", *SOFT)  # saved as they are, not converted
CASES = [(kind, "bert", LABELS) for kind in KINDS]
# Heads of several layers, or one whose name other parts end with; matrices that lie the other way.
CASES += [("ia3", "roberta", LABELS), ("p_tuning", "modernbert", LABELS), ("ia3", "gpt2", None)]
CASES += [("pissa", "gpt2", None), ("adalora", "llama", None), ("prefix_tuning", "llama", None)]
REST = [(kind, shape, None) for kind in KINDS for shape in ("gpt2", "llama")]
REST += [("ia3", "modernbert", LABELS), ("lora", "llama", LABELS), ("adalora", "gpt2", LABELS)]
REST = [case for case in REST if case not in CASES and case[:2] != ("olora", "gpt2")]  # which peft cannot make
CASES += [pytest.param(*case, marks=pytest.mark.slow) for case in REST]


@pytest.fixture(scope="module")
def tokenizer():
    return peft_kinds.tokenizer()


def save(net, tokenizer, folder, labels, base=None):
    """Keep the adapter beside its base."""
    place = Base(load=None if base is None else lambda: copy.deepcopy(base))
    return save_artefact(net, tokenizer, folder, labels=labels, base=place, adapter="some")


@pytest.mark.parametrize(("kind", "shape", "labels"), CASES)
def test_comes_back_with_the_same_logits_and_merges(tmp_path, tokenizer, kind, shape, labels):
    pristine, folder = peft_kinds.base(shape, labels), tmp_path / "model"
    net = trained(kind, shape, labels)
    expected = logits(net)
    assert not torch.allclose(expected, logits(pristine), atol=0.05), "an adapter that does nothing shows nothing"
    assert save(net, tokenizer, folder, labels, pristine) == "adapter"
    assert torch.equal(logits(net), expected), "saving leaves the network as it was"

    auto = AutoModelForCausalLM if labels is None else AutoModelForSequenceClassification
    base = auto.from_pretrained(folder / "base")
    for name, tensor in base.state_dict().items():
        assert torch.equal(tensor, pristine.state_dict()[name]), f"{name} is not what it was before training"
    loaded = load_artefact(folder)
    assert (loaded.labels, loaded.about.adapter) == (labels, "some")
    close = {"rtol": 0, "atol": 0 if kind in EXACT else TOLERANCE}
    torch.testing.assert_close(logits(loaded.net), expected, **close)
    torch.testing.assert_close(logits(PeftModel.from_pretrained(base, folder).eval()), expected, rtol=0, atol=TOLERANCE)
    if kind in EXACT:
        assert not any(parameter.requires_grad for parameter in loaded.net.parameters())

    assert is_mergeable(net) == (kind in MERGEABLE)
    for form in (loaded.net, net) if is_mergeable(net) else ():
        merged = merge_adapter(form).eval()
        assert type(merged) is type(pristine)
        assert {*merged.state_dict()} == {*pristine.state_dict()}
        torch.testing.assert_close(logits(merged), expected, rtol=0, atol=TOLERANCE)


def test_what_trained_in_the_base_beside_an_adapter_is_kept_in_the_base(tmp_path, tokenizer):
    for kind in ("prompt_tuning", "pissa"):
        pristine = peft_kinds.base("bert", LABELS)
        net = trained(kind, "bert", LABELS)
        bias = net.get_base_model().bert.encoder.layer[0].output.dense.bias
        with torch.no_grad():
            bias.requires_grad_(True).fill_(0.3)
        expected = logits(net)
        save(net, tokenizer, tmp_path / kind, LABELS, pristine)
        found = load_artefact(tmp_path / kind)
        torch.testing.assert_close(logits(found.net), expected, rtol=0, atol=TOLERANCE)


def test_another_base_beside_the_adapter_is_refused(tmp_path, tokenizer):
    folder = tmp_path / "model"
    save(trained("lora", "bert", LABELS), tokenizer, folder, LABELS)
    assert folder_size_mb(folder) > folder_size_mb(folder / "base") > 0.1
    weights = folder / "base" / "model.safetensors"
    tensors = load_file(weights)
    tensors["bert.encoder.layer.0.output.dense.bias"][0] += 1
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"base holds other weights than those the adapter .* copy the whole folder"):
        load_artefact(folder)
    about = json.loads((folder / "ftlab.json").read_text())
    (folder / "ftlab.json").write_text(json.dumps({**about, "base_digest": None}))
    with pytest.raises(ModelError, match="base holds other weights"):
        load_artefact(folder)


def test_weights_that_the_settings_do_not_describe_are_refused(tmp_path, tokenizer):
    folder = tmp_path / "model"
    save(trained("lora", "bert", LABELS), tokenizer, folder, LABELS)
    weights = folder / "adapter_model.safetensors"
    whole = load_file(weights)
    head = next(name for name in whole if name.endswith("classifier.weight"))
    down = next(name for name in whole if "lora_A" in name)
    for wrong in (
        {name: tensor for name, tensor in whole.items() if name != head},
        {name: tensor for name, tensor in whole.items() if name != down},
        {**whole, "base_model.model.bert.pooler.dense.weight": torch.zeros(32, 32)},
        {**whole, head: torch.zeros(2, 32)},
    ):
        save_file({name: tensor.contiguous() for name, tensor in wrong.items()}, weights, metadata={"format": "pt"})
        with pytest.raises(ModelError, match=r"does not hold the adapter that its adapter_config\.json describes"):
            load_artefact(folder)
    weights.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors cannot be read"):
        load_artefact(folder)
