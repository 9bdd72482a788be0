"""A tiny llama written by llama.cpp's own library, and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quantize
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from ftlab.models.causal import load_causal_lm
from ftlab.models.gguf_file import interleaved_to_halves, read_tokenizer, tensor_name, write_model
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
NAMES = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output", "gate_proj": "ffn_gate"}
NAMES |= {"up_proj": "ffn_up", "down_proj": "ffn_down", "input_layernorm": "attn_norm"}
NAMES |= {"post_attention_layernorm": "ffn_norm"}


def their_name(name: str) -> str:
    parts = name.split(".")
    if parts[1] == "layers":
        return f"blk.{parts[2]}.{NAMES[parts[-2]]}.weight"
    return {"embed_tokens": "token_embd.weight", "norm": "output_norm.weight", "weight": "output.weight"}[parts[1]]


def their_order(weight: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's own permutation (convert_hf_to_gguf.py, LlamaModel.permute)."""
    rows, width = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, width).swapaxes(1, 2).reshape(rows, width)


def write_gguf(path: Path, net: PreTrainedModel) -> Path:
    config = net.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(100000.0)
    writer.add_vocab_size(config.vocab_size)
    words = [*SPECIAL, *"abcĠ12", "ab", "abc"]
    words += [f"x{number}" for number in range(config.vocab_size - len(words))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(words) - len(SPECIAL)))
    writer.add_token_merges(["a b", "ab c", "1 2"][:2])
    for add, number in (
        (writer.add_bos_token_id, 1),
        (writer.add_eos_token_id, 2),
        (writer.add_pad_token_id, 2),
        (writer.add_unk_token_id, 0),
    ):
        add(number)
    writer.add_chat_template(TEMPLATE)
    for name, parameter in net.named_parameters():
        values = parameter.detach().numpy()
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        if heads is not None:
            values = their_order(values, heads)
        if name == "model.embed_tokens.weight":
            kind = GGMLQuantizationType.Q8_0
            writer.add_tensor(their_name(name), quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(their_name(name), np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def net(tiny: Tiny) -> PreTrainedModel:
    numbers = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True, "vocab_size": 64}
    torch.manual_seed(3)
    shape = {**numbers, "rope_theta": 100000.0, "rms_norm_eps": 1e-5, "max_position_embeddings": 256}
    return load_causal_lm(tiny("llama", architecture=shape), 2).net.eval()


def test_a_written_llama_comes_back_as_a_folder_of_transformers(net: PreTrainedModel, tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", net)
    folder = tmp_path / "model"
    folder.mkdir()
    steps = list(write_model(file, folder))
    assert steps[-1][0] == steps[-1][1] == len(list(net.named_parameters()))
    again = AutoModelForCausalLM.from_pretrained(folder)
    for name, parameter in net.named_parameters():
        found = dict(again.named_parameters())[name]
        near = 0.0 if name != "model.embed_tokens.weight" else float(parameter.detach().abs().max()) / 127  # 8 bits
        torch.testing.assert_close(found, parameter, rtol=0, atol=near, msg=name)
    assert again.lm_head.weight is again.model.embed_tokens.weight
    config = again.config
    assert (config.rms_norm_eps, config.rope_parameters["rope_theta"]) == (1e-5, 100000.0)
    assert (config.bos_token_id, config.eos_token_id, config.pad_token_id) == (1, 2, 2)
    assert again.generation_config.eos_token_id == 2
    again.save_pretrained(tmp_path / "twice")  # which transformers refuses for what it read from GGUF itself


def test_the_tokenizer_splits_digits_merges_letters_and_knows_its_special_tokens(
    net: PreTrainedModel, tmp_path: Path
) -> None:
    read_tokenizer(GGUFReader(write_gguf(tmp_path / "tiny.gguf", net))).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.tokenize("abc ab12<|im_end|>") == ["abc", "Ġ", "ab", "1", "2", "<|im_end|>"]
    assert tokenizer("abc").keys() == {"input_ids", "attention_mask"}
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|im_end|>",
    )
    assert tokenizer.unk_token == "<|endoftext|>"
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer.decode(tokenizer("abc ab12")["input_ids"]) == "abc ab12"


def test_rows_of_a_head_are_put_back_in_order() -> None:
    weight = np.arange(16 * 3, dtype=np.float32).reshape(16, 3)
    assert np.array_equal(interleaved_to_halves(their_order(weight, 2), 2), weight)
    assert not np.array_equal(their_order(weight, 2), weight)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.12.ffn_down.weight", "model.layers.12.mlp.down_proj.weight"),
        ("output_norm.weight", "model.norm.weight"),
        ("output.weight", "lm_head.weight"),
    ],
)
def test_tensors_have_transformers_names(theirs: str, ours: str) -> None:
    assert tensor_name(theirs) == ours
