"""A trained head on a frozen base."""

from __future__ import annotations

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all, head_parameters


def add_head(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Freeze the base of ``net``; all beside it trains, DistilBERT's pre_classifier and ModernBERT's head too."""
    freeze_all(net)
    for _, parameter in head_parameters(net):
        parameter.requires_grad_(True)
    return Adapted(net, unchanged=True)
