import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch.nn import functional

from ftlab.models.first_token import first_token_only, skip_unread
from ftlab.models.pretrained import load_classifier
from ftlab.schema import ModelConfig

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZES = {
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "electra": {**BERT, "embedding_size": 16},
    "deberta-v2": {**BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "modernbert": BERT,
}
# After the attention of the last layer: what must see one token.
LAST = {"distilbert": "layer.1.ffn"}


def make(kind, attention="sdpa"):
    torch.manual_seed(1)
    architecture = {"model_type": kind, "vocab_size": 2048, **SIZES[kind]}
    config = ModelConfig(name="tiny", init="random", tokenizer="bytes", attention=attention, architecture=architecture)
    return load_classifier(config, ["no", "yes"]).net.eval()


def inputs():
    mask = torch.ones(3, 9, dtype=torch.long)
    mask[1, 4:] = 0
    return {
        "input_ids": torch.randint(5, 2000, (3, 9), generator=torch.Generator().manual_seed(2)),
        "attention_mask": mask,
    }


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("adapter", [False, True])
def test_logits_stay_and_less_is_computed(attention, adapter):
    net = make("bert", attention)
    if adapter:
        net = get_peft_model(net, LoraConfig(target_modules=["query", "dense"], init_lora_weights=False)).eval()
    widths = []
    last = next(part for name, part in net.named_modules() if name.endswith("layer.1.intermediate"))
    last.register_forward_hook(lambda module, given, made: widths.append(made.shape[1]))
    with torch.inference_mode():
        wanted = net(**inputs()).logits
        with first_token_only(net) as less:
            found = net(**inputs()).logits
        after = net(**inputs()).logits
    assert less and widths == [9, 1, 9]
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    assert torch.equal(after, wanted)


@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", "electra", "deberta-v2", "distilbert"])
def test_gradients_stay_and_less_is_computed(kind):
    net = make(kind, "eager" if kind == "deberta-v2" else "sdpa")
    widths = []
    name = LAST.get(kind, "layer.1.intermediate")
    last = next(part for path, part in net.named_modules() if path.endswith(name))
    last.register_forward_hook(lambda module, given, made: widths.append(made.shape[1]))

    def gradients():
        net.zero_grad()
        functional.cross_entropy(net(**inputs()).logits, torch.tensor([0, 1, 1])).backward()
        return {path: p.grad.clone() for path, p in net.named_parameters() if p.grad is not None}

    wanted = gradients()
    handle = skip_unread(net)
    found = gradients()
    handle.remove()
    assert widths == [9, 1] and found.keys() == wanted.keys()
    for path, gradient in wanted.items():
        torch.testing.assert_close(found[path], gradient, atol=1e-6, rtol=1e-4, msg=lambda m, path=path: f"{path}: {m}")


def test_other_architectures_are_left_as_they_are():
    net = make("modernbert")
    with torch.inference_mode(), first_token_only(net) as less:
        assert not less and net(**inputs()).logits.shape == (3, 2)


def test_a_fresh_lora_changes_no_bit_of_what_is_left(monkeypatch):
    wide = {**BERT, "hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
    monkeypatch.setitem(SIZES, "bert", wide)
    bare, adapted = make("bert"), get_peft_model(make("bert"), LoraConfig(target_modules=["query", "dense"])).eval()
    with torch.inference_mode(), first_token_only(bare), first_token_only(adapted):
        torch.testing.assert_close(adapted(**inputs()).logits, bare(**inputs()).logits, rtol=0, atol=0)
