"""P-tuning: trained embeddings before each text, made by a small network (arXiv:2103.10385), by peft."""

from __future__ import annotations

from peft import PromptEncoderConfig
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.numbers import check_positive, check_whole
from ftlab.adapters.peft_net import own_groups, wrap_net
from ftlab.adapters.soft_prompt import UPDATE, prompt_options


def add_p_tuning(
    net: PreTrainedModel,
    *,
    tokens: int = 16,
    hidden_size: int = 128,
    head_scale: float = 1.0,
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put embeddings before those of each text that three linear layers make, and let the head train.

    The layers only train: what is saved, and computed with afterwards, are the embeddings they came to.

    Args:
        net: a classifier or a language model; changed in place.
        tokens: embeddings, each as wide as a token's.
        hidden_size: width of the layers between.
        head_scale: share of the learning rate that the head trains at.
        total_steps: not used.

    Raises:
        ModelError: an option does not fit, or the architecture takes no virtual tokens.
    """
    check_whole("hidden_size", hidden_size, 128)
    check_positive("head_scale", head_scale, "or the head learns nothing", 1.0)
    config = PromptEncoderConfig(encoder_hidden_size=hidden_size, **prompt_options(net, tokens))
    wrapped = wrap_net(net, config, UPDATE)
    return Adapted(wrapped, param_groups=own_groups(wrapped, UPDATE, head_scale=head_scale))
