"""A llama in llama.cpp's GGUF form (github.com/ggml-org/ggml/blob/master/docs/gguf.md), read and written as fp32.

transformers reads such files too, but it takes minutes, splits digits unlike the published tokenizer, and gives a
network that it refuses to save.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, LlamaConfig, PreTrainedTokenizerFast

from ftlab.models.folder import WEIGHTS

_CONTROL = 3  # token type of special tokens
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_SHAPE = {
    "block_count": "num_hidden_layers",
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "vocab_size": "vocab_size",
}
_OTHER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}


def write_model(file: Path, folder: Path) -> Iterator[tuple[int, int]]:
    """Write ``file`` into ``folder`` as configuration, weights in fp32 and tokenizer; yield (tensors done, of all).

    The file is one whose hash was checked: anything else it might hold is our mistake.
    """
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(file)
    config = read_llama_config(reader)
    tensors: dict[str, torch.Tensor] = {}
    for number, tensor in enumerate(reader.tensors):
        values = dequantize(tensor.data, tensor.tensor_type)
        heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = interleaved_to_halves(values, int(heads[part] or 0))
        # Copied out of the mapped file, and of the swapped view.
        tensors[tensor_name(tensor.name)] = torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
        yield number + 1, len(reader.tensors)
    assert config.tie_word_embeddings == ("lm_head.weight" not in tensors), "what is tied is stored once"
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    config.save_pretrained(folder)
    ids = {name: getattr(config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    untyped: Any = GenerationConfig
    untyped(**ids).save_pretrained(folder)
    read_tokenizer(reader).save_pretrained(folder)


def tensor_name(name: str) -> str:
    """Return transformers' name of a GGUF tensor: ``blk.0.attn_q.weight`` -> ``model.layers.0.self_attn.q_proj...``."""
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{parts[3]}"
    return f"{_OTHER[parts[0]]}.{parts[1]}"


def interleaved_to_halves(weight: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Return a query or key matrix (heads x size, width) with rows as transformers rotates them.

    llama.cpp rotates neighbouring rows of a head as pairs, transformers row i and row i + size / 2.
    """
    rows, width = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, width).swapaxes(1, 2).reshape(rows, width)


def read_llama_config(reader: Any) -> LlamaConfig:  # noqa: ANN401 - gguf ships no types
    """Return the network's shape."""
    assert _value(reader, "general.architecture") == "llama", "the embedded model is a llama"
    tied = all(tensor.name != "output.weight" for tensor in reader.tensors)
    # The file holds 32-bit floats: 1e-5 is there as 9.99999975e-06.
    epsilon = np.float32(_value(reader, "llama.attention.layer_norm_rms_epsilon"))
    theta = float(_value(reader, "llama.rope.freq_base"))
    return LlamaConfig(
        **{ours: _value(reader, f"llama.{name}") for name, ours in _SHAPE.items()},
        rms_norm_eps=float(np.format_float_scientific(epsilon)),
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        tie_word_embeddings=tied,
        bos_token_id=_value(reader, "tokenizer.ggml.bos_token_id"),
        eos_token_id=_value(reader, "tokenizer.ggml.eos_token_id"),
        pad_token_id=_value(reader, "tokenizer.ggml.padding_token_id"),
        architectures=["LlamaForCausalLM"],
        dtype="float32",
    )


def read_tokenizer(reader: Any) -> PreTrainedTokenizerFast:  # noqa: ANN401 - gguf ships no types
    """Return the tokenizer, with the chat template."""
    assert _value(reader, "tokenizer.ggml.model") == "gpt2", "a byte-level BPE"
    assert _value(reader, "tokenizer.ggml.pre") == "smollm", "other models split texts in other ways"
    words: list[str] = _value(reader, "tokenizer.ggml.tokens")
    kinds: list[int] = _value(reader, "tokenizer.ggml.token_type")
    merges = [tuple(pair.split(" ")) for pair in _value(reader, "tokenizer.ggml.merges")]
    backend = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
    # llama.cpp's "smollm": each digit is a word of its own.
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), split])
    backend.decoder = decoders.ByteLevel()
    special = [word for word, kind in zip(words, kinds, strict=True) if kind == _CONTROL]
    backend.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in special])
    names = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}
    given = {f"{ours}_token": words[_value(reader, f"tokenizer.ggml.{name}_token_id")] for ours, name in names.items()}
    untyped: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = untyped(
        tokenizer_object=backend,
        model_max_length=_value(reader, "llama.context_length"),
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **given,
    )
    tokenizer.chat_template = _value(reader, "tokenizer.chat_template")
    return tokenizer


def _value(reader: Any, name: str) -> Any:  # noqa: ANN401 - gguf ships no types
    return reader.fields[name].contents()
