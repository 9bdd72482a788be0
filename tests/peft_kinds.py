"""Every kind of adapter that a model folder can hold, on tiny networks, as peft makes them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoraConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    get_peft_model,
)
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from ftlab.models.causal import load_causal_lm
from ftlab.models.portable import remember_start
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.schema import ModelConfig

LABELS = ["oppose", "neutral", "support"]
_ENCODER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_SHAPES: dict[str, dict[str, Any]] = {
    "bert": _ENCODER,
    "roberta": _ENCODER,
    "modernbert": _ENCODER,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256},
    "llama": {**_ENCODER, "num_key_value_heads": 1, "tie_word_embeddings": True},
}
_ATTENTION = {
    "bert": ["query", "value"],
    "roberta": ["query", "value"],
    "modernbert": ["Wqkv"],
    "gpt2": ["c_attn"],
    "llama": ["q_proj", "v_proj"],
}
_FEEDFORWARD = {
    "bert": ["output.dense"],
    "roberta": ["output.dense"],
    "modernbert": ["mlp.Wo"],
    "gpt2": ["mlp.c_proj"],
    "llama": ["down_proj"],
}
_HEADS = {"modernbert": ["head", "classifier"], "gpt2": ["score"], "llama": ["score"]}
MERGEABLE = ("lora", "rslora", "dora", "pissa", "olora", "adalora", "ia3")
SOFT = ("prompt_tuning", "prefix_tuning", "p_tuning")
KINDS = (*MERGEABLE, *SOFT)
TEXTS = ["Build the tram.", "The vote is on Monday, after the second hearing."]


def config(shape: str) -> ModelConfig:
    """Return a random model of this architecture; its logits are of the size of one."""
    causal = "ftlab.modules.causal_lm.CausalLMModule"
    numbers = {"model_type": shape, "vocab_size": 2048, "initializer_range": 0.3, **_SHAPES[shape]}
    target = {"_target_": causal} if shape in ("gpt2", "llama") else {}
    return ModelConfig(name="tiny", init="random", tokenizer="bytes", architecture=numbers, **target)


@cache
def tokenizer(shape: str = "bert") -> Any:
    """Return the tokenizer of all of them, with the inputs that this architecture takes."""
    return load_tokenizer(config(shape), "bytes").tokenizer


def base(shape: str, labels: list[str] | None) -> PreTrainedModel:
    """Return the same network each time, frozen: a classifier, or a language model where there are no labels."""
    torch.manual_seed(0)
    pad = tokenizer().pad_token_id
    cfg = config(shape)
    net = (load_causal_lm(cfg, pad) if labels is None else load_classifier(cfg, labels, pad)).net.eval()
    return net.requires_grad_(False)


def settings(kind: str, shape: str, labels: list[str] | None) -> PeftConfig:
    """Return peft's settings of one kind."""
    heads = None if labels is None else _HEADS.get(shape, ["classifier"])
    both: dict[str, Any] = {"task_type": "CAUSAL_LM" if labels is None else "SEQ_CLS", "modules_to_save": heads}
    layers = {**both, "target_modules": _ATTENTION[shape], "fan_in_fan_out": shape == "gpt2"}
    lora = {**layers, "r": 4, "lora_alpha": 8}
    if kind == "adalora":
        return AdaLoraConfig(init_r=5, target_r=2, total_step=100, tinit=5, tfinal=5, lora_alpha=8, **layers)
    if kind == "ia3":
        feedforward = _FEEDFORWARD[shape]
        layers["target_modules"] = [*_ATTENTION[shape], *feedforward]
        return IA3Config(feedforward_modules=feedforward, **layers)
    if kind in ("pissa", "olora"):
        return LoraConfig(init_lora_weights=kind, **lora)
    if kind in SOFT:
        make: Any = {"prompt_tuning": PromptTuningConfig, "prefix_tuning": PrefixTuningConfig}.get(
            kind, PromptEncoderConfig
        )
        own = {"encoder_hidden_size": 16} if kind == "p_tuning" else {}
        return make(num_virtual_tokens=5, **own, **both)
    return LoraConfig(use_rslora=kind == "rslora", use_dora=kind == "dora", **lora)


def trained(kind: str, shape: str, labels: list[str] | None, net: PreTrainedModel | None = None) -> PeftModel:
    """Return an adapter that was trained, or moved at least, on ``base(shape, labels)`` or ``net``."""
    net, config = net or base(shape, labels), settings(kind, shape, labels)
    if hasattr(config, "fan_in_fan_out"):  # a quantised GPT-2 holds its matrices like all others
        config.fan_in_fan_out = any(type(part) is Conv1D for part in net.modules())
    wrapped = get_peft_model(net, config)
    remember_start(wrapped)
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if parameter.requires_grad:
                parameter += 0.1 * torch.randn_like(parameter)
            if "lora_E" in name:
                parameter[1:3] = 0  # what the budget took away
    return wrapped.eval()


def logits(net: Any) -> torch.Tensor:
    """Return the logits of two texts, one shorter; of a network that writes not those of virtual tokens."""
    with torch.inference_mode():
        ids = tokenizer()(TEXTS, padding=True, return_tensors="pt", return_token_type_ids=False)
        found: torch.Tensor = net(**ids).logits
    return found[:, -ids["input_ids"].shape[1] :] if found.ndim == 3 else found
