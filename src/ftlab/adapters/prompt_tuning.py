"""Prompt tuning: a few trained embeddings before each text (arXiv:2104.08691), by peft."""

from __future__ import annotations

from typing import Any

from peft import PromptTuningConfig
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.numbers import check_choice, check_positive
from ftlab.adapters.peft_net import own_groups, wrap_net
from ftlab.adapters.soft_prompt import (
    INITS,
    UPDATE,
    drawn_ids,
    embedding_of,
    first_ids,
    prompt_options,
    set_embedding,
)


def add_prompt_tuning(
    net: PreTrainedModel,
    *,
    tokens: int = 16,
    init: str = "text",
    init_text: str | None = None,
    head_scale: float = 0.03,
    tokenizer: Any = None,  # noqa: ANN401 - transformers' tokenizers share no useful base class
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put trained embeddings before those of each text, and let the head train.

    Args:
        net: a classifier or a language model; changed in place.
        tokens: embeddings, each as wide as a token's.
        init: text; random: embeddings of tokens drawn from the vocabulary.
        init_text: the embeddings begin as those of its tokens, repeated or cut to ``tokens``; None: an instruction that
            names the labels.
        head_scale: share of the learning rate that the head trains at: embeddings need steps that it does not stand.
        tokenizer: of the run; None: as with ``init=random``.
        total_steps: not used.

    Raises:
        ModelError: an option does not fit, or the architecture takes no virtual tokens.
    """
    check_choice("init", init, INITS)
    check_positive("head_scale", head_scale, "or the head learns nothing", 0.03)
    options = prompt_options(net, tokens)
    ids = first_ids(net, tokens, init_text, tokenizer) if init == "text" else drawn_ids(net, tokens)
    table = embedding_of(net)
    wrapped = wrap_net(net, PromptTuningConfig(**options), UPDATE)
    set_embedding(wrapped, table[ids.to(table.device)])
    return Adapted(wrapped, param_groups=own_groups(wrapped, UPDATE, head_scale=head_scale))
