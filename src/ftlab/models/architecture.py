"""The shape of a network, before any weight: transformers' configuration, from a checkpoint or from numbers."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    AutoConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from ftlab.errors import ModelError, did_you_mean
from ftlab.models.dropout import set_dropout
from ftlab.models.folder import read_config_file
from ftlab.models.quiet import quiet
from ftlab.models.source import Source, checkpoint_reference, find_here, find_source
from ftlab.schema import ModelConfig

Task = Literal["classification", "causal_lm"]
_TOKEN_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "mask_token_id")
_LEGACY_KEYS = ("rope_theta", "rope_scaling")  # transformers 5 still reads them
_INITS = ("pretrained", "random")
_ATTENTIONS = ("sdpa", "eager", "flash")
# Numbers that a config.json holds and the network reads, though its configuration class lists no such field.
_UNLISTED = {"deberta-v2": {"cls_dropout", "norm_rel_ebd", "position_buckets", "share_att_key"}}


def read_config(
    cfg: ModelConfig,
    num_labels: int | None = None,
    pad_token_id: int | None = None,
    task: Task = "classification",
) -> PretrainedConfig:
    """Return the configuration of the network that ``cfg`` asks for; no weight is read.

    Args:
        cfg: with ``init=random`` the numbers of ``architecture``, or of the ``config.json`` where the checkpoint is a
            local folder; else the checkpoint's own ``config.json``.
        num_labels: of the classification head; None: as it comes.
        pad_token_id: the tokenizer's, where it is known. Decoders find a text's last token by it, RoBERTa and its kin
            count positions from it. None: the checkpoint's own, or where it has none, the end-of-text id.
        task: what its output is for: labels, or the next token.

    Raises:
        ModelError: the checkpoint cannot be had or is not fit, or ``cfg`` asks for what does not exist.
    """
    _check_choices(cfg)
    config = _random_config(cfg) if cfg.init == "random" else _checkpoint_config(cfg, find_source(cfg, "config"))
    model_class(config, task)  # refuses what has no such output
    if num_labels is not None:
        assert num_labels > 1, "one class cannot be learned; the data is checked before"
        config.num_labels = num_labels
        config.problem_type = "single_label_classification"
    if cfg.dropout is not None:
        set_dropout(config, cfg.dropout)
    _set_pad_token(config, pad_token_id)
    config.dtype = torch.float32  # a checkpoint saved in half precision is trained and measured as asked, not as saved
    config.return_dict = True
    if getattr(config, "use_cache", False):
        # Training and labelling read each text once: a cache costs time and memory, and with it packed texts would see
        # each other. What generates asks for it.
        config.use_cache = False
    return config


def model_class(config: PretrainedConfig, task: Task = "classification") -> type[PreTrainedModel]:
    """Return the class of this architecture that has an output for ``task``.

    Raises:
        ModelError: transformers has none.
    """
    if task == "causal_lm":
        return _causal_class(config)
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        names = classifier_types()
        raise ModelError(
            f"model type {config.model_type} has no text classifier in transformers"
            f"{did_you_mean(config.model_type, names)}; give another model.checkpoint, such as a bert, roberta or llama"
        )
    return _first(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)])


def writes_texts(config: PretrainedConfig) -> bool:
    """Return whether this architecture predicts each token from those before it: GPT-2, Llama, and their kin.

    Encoders and encoder-decoders have a causal form in transformers too, which no published weights were trained for.
    """
    kind = type(config)
    read_both_ways = kind in MODEL_FOR_MASKED_LM_MAPPING or kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING
    return kind in MODEL_FOR_CAUSAL_LM_MAPPING and not read_both_ways and config.model_type != "xlnet"


def _causal_class(config: PretrainedConfig) -> type[PreTrainedModel]:
    if not writes_texts(config):
        raise ModelError(
            f"model type {config.model_type} does not write texts; give another model.checkpoint, such as a gpt2, "
            "llama or qwen2, or type model.head=classification with a data set that has labels"
        )
    return _first(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])


def _first(found: Any) -> type[PreTrainedModel]:  # noqa: ANN401 - a class, or several
    kind: type[PreTrainedModel] = found[0] if isinstance(found, tuple) else found
    return kind


def classifier_types() -> list[str]:
    """Return every model type that has a text classifier."""
    return sorted({str(config.model_type) for config in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING})


def _check_choices(cfg: ModelConfig) -> None:
    for key, value, choices in (("init", cfg.init, _INITS), ("attention", cfg.attention, _ATTENTIONS)):
        if value not in choices:
            raise ModelError(
                f"model.{key}={value} is not known{did_you_mean(str(value), choices)}; type "
                f"{' or '.join(f'model.{key}={choice}' for choice in choices)}"
            )


def _checkpoint_config(cfg: ModelConfig, source: Source) -> PretrainedConfig:
    reference = checkpoint_reference(cfg)
    raw = read_config_file(source.folder, reference, from_hub=source.origin == "hub")
    if raw["model_type"] not in CONFIG_MAPPING:
        raise ModelError(
            f"{reference} is of type {raw['model_type']}, which this transformers does not know without code from "
            "outside; give another model.checkpoint"
        )
    try:
        with quiet():
            config: PretrainedConfig = AutoConfig.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False
            )
    except (StrictDataclassError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{reference}: config.json describes no {raw['model_type']} ({_line(error)}); download it again"
        ) from error
    return config


def _random_config(cfg: ModelConfig) -> PretrainedConfig:
    source = find_here(cfg, "config")
    if source is not None and (source.origin == "folder" or not cfg.architecture):
        return _checkpoint_config(cfg, source)
    numbers = dict(cfg.architecture)
    model_type = numbers.pop("model_type", None)
    if model_type is None:
        raise ModelError(
            f"model.init=random needs the shape of model={cfg.name}; type model.architecture.model_type=bert and its "
            "numbers, or model.checkpoint=<local folder>"
        )
    if model_type not in CONFIG_MAPPING:
        names = classifier_types()
        raise ModelError(
            f"model.architecture.model_type={model_type} is not known{did_you_mean(str(model_type), names)} "
            f"({len(names)} have a classifier in transformers); type model.architecture.model_type=bert"
        )
    _check_numbers(str(model_type), numbers)
    try:
        with quiet():  # it would warn of default token ids beyond a small vocabulary, which are set below
            config: PretrainedConfig = AutoConfig.for_model(model_type, **numbers)
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise ModelError(
            f"model.architecture describes no {model_type} ({_line(error)}); correct that number"
        ) from error
    _fit_token_ids(config, numbers)
    return config


def _check_numbers(model_type: str, numbers: dict[str, Any]) -> None:
    # transformers takes any name and forgets it, so that a misspelt size would silently keep its default.
    kind = CONFIG_MAPPING[model_type]
    known = {field.name for field in dataclasses.fields(kind)} | set(kind.attribute_map) | set(_LEGACY_KEYS)
    known |= _UNLISTED.get(model_type, set())
    for name in numbers:
        if name not in known:
            near = did_you_mean(name, known) or "; its configuration in transformers lists them"
            raise ModelError(f"model.architecture.{name} is no number of model type {model_type}{near}")


def _fit_token_ids(config: PretrainedConfig, given: dict[str, Any]) -> None:
    """Bring default ids of special tokens into a vocabulary smaller than the published one.

    Of a network that writes, defaults would end texts at any token: none does, until a tokenizer says which.
    """
    for name in ("bos_token_id", "eos_token_id") if writes_texts(config) else ():
        setattr(config, name, given.get(name))
    size = getattr(config, "vocab_size", None)
    for name in _TOKEN_IDS:
        value = getattr(config, name, None)
        if size is not None and isinstance(value, int) and value >= size:
            setattr(config, name, 0)


def _set_pad_token(config: PretrainedConfig, pad_token_id: int | None) -> None:
    if pad_token_id is None:
        own = getattr(config, "pad_token_id", None)
        end = getattr(config, "eos_token_id", None)
        first = end[0] if isinstance(end, list) and end else end
        pad_token_id = own if own is not None else first if isinstance(first, int) else 0
    size = getattr(config, "vocab_size", None)
    if size is not None and not 0 <= pad_token_id < size:
        raise ModelError(
            f"the padding token {pad_token_id} lies outside the model's vocabulary of {size}; type "
            "model.tokenizer=null for the checkpoint's own tokenizer"
        )
    config.pad_token_id = pad_token_id


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
