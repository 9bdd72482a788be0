"""Model faults, found on the architecture alone: no weight is loaded, no memory taken."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.adapters.rank_budget import RankBudget
from ftlab.artefact import is_adapter
from ftlab.build import build_adapter, check_optimizer
from ftlab.errors import ModelError
from ftlab.models.attention import attention_note
from ftlab.models.load_options import read_load_options
from ftlab.models.merging import is_mergeable
from ftlab.models.positions import check_max_length
from ftlab.models.quantization import check_quantizable
from ftlab.models.recompute import recompute_activations
from ftlab.models.tokenizer import LoadedTokenizer, check_vocabulary
from ftlab.models.virtual_tokens import are_keys_and_values, check_virtual_tokens, virtual_tokens
from ftlab.schema import TrainConfig


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of a network before it is loaded."""

    remarks: list[str]  # for the user
    virtual_tokens: int  # that the adapter puts before every text
    read_tokens: int  # of those, what goes through the layers; keys and values are there already


def check_model(settings: TrainConfig, net: PreTrainedModel, tokenizer: LoadedTokenizer) -> Tried:
    """Try length, vocabulary and adapter on ``net``, and the optimizer on one small tensor.

    Args:
        settings: of the run.
        net: on the meta device; the adapter changes it.
        tokenizer: of the run.

    Raises:
        ConfigError: the optimizer refuses its options.
        ModelError: max_length beyond the positions, a tokenizer with more tokens than the model has embeddings, an
            adapter that does not fit, gradient checkpointing or attention that the architecture, the adapter or this
            machine has not, packed texts behind virtual tokens.
    """
    check_max_length(settings.model, net.config, settings.dataset.max_length)
    check_vocabulary(tokenizer, net.config)
    max_length = settings.dataset.max_length
    check_quantizable(net, read_load_options(settings.adapter.get("load")))
    adapted = build_adapter(settings.adapter, net, None, tokenizer=tokenizer.tokenizer, max_length=max_length)
    virtual = virtual_tokens(adapted.net)
    check_max_length(settings.model, net.config, max_length, virtual)
    check_merge(settings, adapted.net)
    check_budget(settings, adapted)
    check_virtual_tokens(
        adapted.net,
        str(settings.adapter.get("name")),
        packed=settings.dataset.batching == "packed",
        recomputes=settings.model.gradient_checkpointing,
    )
    if settings.model.gradient_checkpointing:
        recompute_activations(net)
    check_optimizer(settings.optimizer)
    note = attention_note(settings.model, net.config)
    return Tried([note] if note else [], virtual, 0 if are_keys_and_values(adapted.net) else virtual)


def check_budget(settings: TrainConfig, adapted: Adapted) -> None:
    """Raise ModelError where ranks are to be taken away by gradients that are not there after a step."""
    if not any(isinstance(callback, RankBudget) for callback in adapted.callbacks):
        return
    said = f"adapter={settings.adapter.get('name')} looks at all gradients after each step, and "
    if settings.trainer.get("optimizer_in_backward") is True:
        raise ModelError(
            f"{said}trainer.optimizer_in_backward=true drops each as soon as it is used; type "
            "trainer.optimizer_in_backward=false"
        )
    if str(settings.trainer.get("strategy")) == "fsdp":
        raise ModelError(f"{said}trainer.strategy=fsdp keeps parts of them in each process; type trainer.strategy=ddp")


def check_merge(settings: TrainConfig, net: nn.Module) -> None:
    """Raise ModelError where adapter.merge=true asks it of a wrapper of ``net`` that adds to no weights."""
    if settings.adapter.get("merge") is True and is_adapter(net) and not is_mergeable(net):
        raise ModelError(
            f"adapter={settings.adapter.get('name')} cannot be merged: it has no update that could be added to the "
            "model's weights; leave out adapter.merge"
        )


def check_class_weights(weights: object, labels: list[str]) -> None:
    """Raise ModelError unless ``weights`` is None, ``balanced`` or one positive number per label."""
    if weights is None or weights == "balanced":
        return
    fits = isinstance(weights, list) and len(weights) == len(labels)
    if not fits or not all(isinstance(w, (int, float)) and w > 0 for w in weights):  # type: ignore[attr-defined]
        raise ModelError(
            f"model.class_weights={weights} must be balanced or one positive number per label, in this order: "
            f"{', '.join(labels)}"
        )
