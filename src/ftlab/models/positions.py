"""How many tokens a network has positions for."""

from __future__ import annotations

from transformers import PretrainedConfig

from ftlab.errors import ModelError
from ftlab.schema import ModelConfig

# These count positions from the padding id on: a table of 514 rows with padding id 1 holds 512 tokens.
_COUNTED_FROM_PADDING = {
    "camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet",
    "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
}  # fmt: skip


def max_positions(config: PretrainedConfig) -> int | None:
    """Return the largest number of tokens the network takes, or None where nothing bounds it.

    A table of positions is a hard bound; for rotary positions it is the length the model was made for.
    """
    size = getattr(config, "max_position_embeddings", None)
    relative_only = getattr(config, "position_biased_input", True) is False  # DeBERTa: no table of positions
    if not isinstance(size, int) or size <= 0 or relative_only:
        return None
    if (
        config.model_type in _COUNTED_FROM_PADDING
        and getattr(config, "position_embedding_type", "absolute") != "rotary"
    ):
        return size - int(config.pad_token_id or 0) - 1
    return size


def check_max_length(
    cfg_model: ModelConfig, config: PretrainedConfig, max_length: int, virtual_tokens: int = 0
) -> None:
    """Raise ModelError if texts of ``max_length`` tokens do not fit behind ``virtual_tokens``."""
    limit = max_positions(config)
    if limit is not None and virtual_tokens and max_length + virtual_tokens > limit:
        left = limit - virtual_tokens
        remedy = f"dataset.max_length={left}" if left > 0 else f"adapter.tokens={min(16, max(1, limit // 2))}"
        raise ModelError(
            f"dataset.max_length={max_length} and the {virtual_tokens} virtual tokens of adapter.tokens are more than "
            f"the {limit} tokens that model={cfg_model.name} has positions for; type {remedy}"
        )
    if limit is not None and max_length > limit:
        raise ModelError(
            f"dataset.max_length={max_length} is more than the {limit} tokens that model={cfg_model.name} has "
            f"positions for; type dataset.max_length={limit}"
        )
