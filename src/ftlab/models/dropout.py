"""One number for every dropout of a network, whatever its architecture calls them."""

from __future__ import annotations

from huggingface_hub.errors import StrictDataclassError
from transformers import PretrainedConfig

from ftlab.errors import ModelError

_OTHERS = ("layerdrop", "drop_path")  # leave out whole layers: not what dropout means


def dropout_names(config: PretrainedConfig) -> list[str]:
    """Return the options of ``config`` that are dropout probabilities: ``hidden_dropout_prob``, ``attn_pdrop``, ..."""
    values = config.to_dict()
    return [name for name, value in values.items() if _is_dropout(name, value)]


def set_dropout(config: PretrainedConfig, probability: float) -> None:
    """Set every dropout of ``config``, of its parts too, in place.

    Raises:
        ModelError: ``probability`` is outside [0, 1), or the architecture has no dropout that takes it.
    """
    if not 0 <= probability < 1:
        raise ModelError(f"model.dropout={probability} must be at least 0 and below 1; type model.dropout=0.1")
    try:
        found = _set_all(config, float(probability))
    except StrictDataclassError as error:  # transformers declares MPT's as whole numbers
        why = " ".join(str(error).split())
        raise ModelError(
            f"model type {config.model_type} refuses model.dropout={probability} ({why}); type model.dropout=null"
        ) from error
    if not found:
        raise ModelError(f"model type {config.model_type} has no dropout to set; type model.dropout=null")


def _set_all(config: PretrainedConfig, probability: float) -> int:
    names = dropout_names(config)
    for name in names:
        setattr(config, name, probability)
    parts = [value for value in vars(config).values() if isinstance(value, PretrainedConfig)]
    return len(names) + sum(_set_all(part, probability) for part in parts)


def _is_dropout(name: str, value: object) -> bool:
    named = ("dropout" in name or name.endswith("pdrop")) and not any(other in name for other in _OTHERS)
    # None stands for "as the other dropouts"; True and False are switches.
    return named and (value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)))
