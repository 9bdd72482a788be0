"""Full fine-tuning: every parameter trains."""

from __future__ import annotations

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted


def add_full(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Let all of ``net`` train."""
    net.requires_grad_(True)
    return Adapted(net, unchanged=True)
