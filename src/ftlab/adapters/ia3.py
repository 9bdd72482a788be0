"""(IA)3: keys, values and the inside of the feed-forward layers times learned numbers (arXiv:2205.05638), by peft."""

from __future__ import annotations

from collections.abc import Sequence

from peft import IA3Config
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.low_rank import check_linear, stored_transposed
from ftlab.adapters.peft_net import own_groups, shared_options, wrap_net
from ftlab.adapters.scaled_targets import find_scaled


def add_ia3(
    net: PreTrainedModel,
    *,
    targets: Sequence[str] | str = "auto",
    feed_forward: Sequence[str] | str = "auto",
    total_steps: int | None = None,
) -> Adapted:
    """Freeze ``net``, put a trainable factor on each output of the targets, and let the head train.

    Of the feed-forward layers it is each input. Factors begin as one: outputs are what they were, bit by bit. They do
    not decay, since that would pull them to zero.

    Args:
        net: a classifier or a language model; changed in place.
        targets: see `find_targets`, linear layers only; ``auto``: keys, values, and the last layer of each feed-forward
            block.
        feed_forward: which of the targets, by the same names, have their input scaled; ``auto``: those that are the
            last of a feed-forward block.
        total_steps: not used.

    Raises:
        ModelError: a name does not exist, or is no linear layer.
    """
    found = find_scaled(net, targets, feed_forward)
    check_linear(net, found.targets, "adapter=ia3")
    config = IA3Config(
        target_modules=found.targets.names,
        exclude_modules=found.excluded or None,
        feedforward_modules=found.feed_forward,
        fan_in_fan_out=stored_transposed(found.targets),
        **shared_options(net),
    )
    wrapped = wrap_net(net, config, "ia3_")
    return Adapted(wrapped, param_groups=own_groups(wrapped, "ia3_"), unchanged=True)
