import copy

import pytest
import torch

from ftlab.models.first_token import first_token_only
from ftlab.models.last_token import read_last_token
from ftlab.models.pretrained import load_classifier
from ftlab.schema import ModelConfig
from tests.soft_prompts import METHODS, soften

BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
DECODERS = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "llama": {**BERT, "num_key_value_heads": 1},
    "qwen2": {**BERT, "num_key_value_heads": 1},
}
ENCODERS = {
    "bert": BERT,
    "roberta": {**BERT, "max_position_embeddings": 40},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "modernbert": BERT,
    "deberta-v2": {**BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
}
ROWS = [list(range(10, 10 + length)) for length in (3, 9, 6)]
PAD = 0


def make(kind, method):
    torch.manual_seed(1)
    architecture = {"model_type": kind, "vocab_size": 2048, "initializer_range": 0.2, **{**DECODERS, **ENCODERS}[kind]}
    config = ModelConfig(name="tiny", init="random", tokenizer="bytes", architecture=architecture)
    net = load_classifier(config, ["no", "yes"], PAD).net.eval()
    sizes = {"token_dim": 32, "num_attention_heads": 2, "num_layers": 2, "num_transformer_submodules": 1}
    return soften(net, method, 4, "SEQ_CLS", **(sizes if kind == "distilbert" else {}))


def padded():
    width = max(map(len, ROWS))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in ROWS])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long()}


@torch.no_grad()
def alone(net):
    """Each text by itself, where nothing is padding: what peft computes."""
    return torch.cat([net(input_ids=torch.tensor([r]), attention_mask=torch.ones(1, len(r))).logits for r in ROWS])


@torch.no_grad()
def by_hand(net):
    """Virtual tokens and text through the bare decoder; logits of the text's last token."""
    base, found = net.get_base_model(), []
    for row in ROWS:
        embedded = base.get_input_embeddings()(torch.tensor([row]))
        hidden = base.base_model(inputs_embeds=torch.cat([net.get_prompt(1), embedded], dim=1)).last_hidden_state
        found.append(base.score(hidden[:, -1]))
    return torch.cat(found)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", DECODERS)
def test_decoders_read_the_last_token_however_a_text_is_padded(kind, method, caplog):
    net = make(kind, method)
    wanted = alone(net) if method == "prefix_tuning" else by_hand(net)
    torch.testing.assert_close(alone(net), wanted, rtol=0, atol=1e-5)
    with torch.no_grad():
        plain = net(**padded()).logits
    caplog.clear()
    read_last_token(net)
    read_last_token(net)  # once is enough, twice no harm
    with torch.no_grad():
        found = net(**padded()).logits
        unmasked = net(input_ids=padded()["input_ids"]).logits
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(unmasked, wanted, rtol=0, atol=1e-5)  # padding is known by its token
    torch.testing.assert_close(alone(net), wanted, rtol=0, atol=1e-5)
    assert float((wanted[0] - wanted[1]).abs().max()) > 1e-2
    assert (float((plain - wanted).abs().max()) > 1e-2) == (method != "prefix_tuning"), "plain peft reads the padding"
    assert "will not detect padding" not in caplog.text


def test_gradients_are_those_of_the_texts_alone():
    net = make("llama", "prompt_tuning")
    read_last_token(net)
    weights = torch.tensor([[1.0, 0.5], [-1.0, 2.0], [0.3, 0.1]])
    prompt = net.prompt_encoder["default"].embedding.weight
    (found,) = torch.autograd.grad((net(**padded()).logits * weights).sum(), [prompt])
    each = [net(input_ids=torch.tensor([row])).logits[0] for row in ROWS]
    (wanted,) = torch.autograd.grad((torch.stack(each) * weights).sum(), [prompt])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_copy_reads_for_itself():
    net = make("llama", "prompt_tuning")
    read_last_token(net)
    other = copy.deepcopy(net)
    with torch.no_grad():
        other(input_ids=torch.tensor([ROWS[1]]), attention_mask=torch.ones(1, len(ROWS[1])))
        torch.testing.assert_close(other(**padded()).logits, net(**padded()).logits)
        assert len(other._forward_pre_hooks) == len(net._forward_pre_hooks) == 1
    read_last_token(other)
    assert len(other._forward_pre_hooks) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ENCODERS)
def test_encoders_classify_a_text_alike_beside_others_and_with_less_computed(kind, method):
    if method == "prefix_tuning" and kind not in ("bert", "roberta"):
        pytest.skip("has no cache of keys and values")
    net = make(kind, method)
    read_last_token(net)
    assert not net._forward_pre_hooks, "these read their first token"
    extra = {"token_type_ids": torch.zeros_like(padded()["input_ids"])} if kind == "bert" else {}
    wanted = alone(net)
    with torch.no_grad(), first_token_only(net) as less:
        torch.testing.assert_close(net(**padded(), **extra).logits, wanted, rtol=0, atol=1e-5)
    assert less == (kind != "modernbert")
    # Each virtual token is seen, by padded texts too.
    net.train().apply(lambda part: setattr(part, "p", 0.0) if isinstance(part, torch.nn.Dropout) else None)
    weight = net.prompt_encoder["default"].embedding.weight
    for row in range(len(ROWS)):
        (gradient,) = torch.autograd.grad(net(**padded(), **extra).logits[row].sum(), [weight])
        assert bool((gradient.abs().amax(dim=1) > 0).all())
