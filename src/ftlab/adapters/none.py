"""Train nothing: measure the model as it is."""

from __future__ import annotations

from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.anatomy import freeze_all


def add_none(net: PreTrainedModel, *, total_steps: int | None = None) -> Adapted:
    """Freeze all of ``net``."""
    freeze_all(net)
    return Adapted(net, unchanged=True)
