"""Bytes of the model folder: the weights merged, or the adapter alone. The tokenizer, a MB or two, is not in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from peft import PeftModel

from ftlab.planning.network import Network
from ftlab.planning.types import PlanRequest

_HALVES = ("bf16-true", "16-true")
_CONVERTED = ("pissa", "olora")  # saved as plain LoRA of twice the rank


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of each form; None: there is no such form."""

    merged: float | None
    adapter: float | None
    saved: float  # as adapter.merge says


def artefact_sizes(request: PlanRequest, network: Network, precision: str) -> Sizes:
    """Return what the model folder takes on disk.

    Args:
        request: the cell.
        network: with the adapter on.
        precision: Lightning's name.
    """
    width = 2 if precision in _HALVES else 8 if precision == "64-true" else 4
    whole = float(network.base_parameters * width)
    if not isinstance(network.net, PeftModel):
        return Sizes(None, None, whole)
    merge = request.adapter.get("merge", False)
    adapter = float(_saved_numbers(request, network, network.net) * width)
    mergeable = not network.net.active_peft_config.is_prompt_learning
    if mergeable and (merge is True or (merge == "auto" and not _from_hub(request))):
        return Sizes(whole, adapter, whole)
    # A base that cannot be fetched again is kept beside the adapter.
    return Sizes(whole if mergeable else None, adapter, adapter + (0.0 if _from_hub(request) else whole))


def _saved_numbers(request: PlanRequest, network: Network, net: PeftModel) -> int:
    config = net.active_peft_config
    if str(config.peft_type).endswith("P_TUNING"):  # the network that makes the embeddings is not saved
        encoder = sum(p.numel() for name, p in net.named_parameters() if p.requires_grad and "prompt_encoder" in name)
        return int(network.trainable - encoder + config.num_virtual_tokens * config.token_dim)
    if request.adapter.get("variant") in _CONVERTED:
        update = sum(p.numel() * times for p, times in network.trained if p.ndim == 2 and min(p.shape) == config.r)
        return network.trainable + update
    return network.trainable


def _from_hub(request: PlanRequest) -> bool:
    model = request.model
    return model.init == "pretrained" and model.checkpoint is not None and not Path(model.checkpoint).exists()
