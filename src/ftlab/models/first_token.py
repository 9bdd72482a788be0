"""What a classifier never reads is not computed: BERT and its kin look at the first token of the last layer only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

# Classifiers by name, so that none is imported for another's sake. Each one's head was read: it takes ``[:, 0]``.
_LIKE_BERT = frozenset(
    f"{name}ForSequenceClassification" for name in ("Bert", "Roberta", "XLMRoberta", "Electra", "DebertaV2")
)
_DISTILBERT = "DistilBertForSequenceClassification"


def skip_unread(net: nn.Module) -> RemovableHandle | None:
    """Let the last layer go on with the first token only, once its attention has seen all, until the handle is removed.

    That leaves out three quarters of the layer's matrix products, forward and backward: an eighth of the work of six
    layers. Logits and gradients are the same but for rounding. Dropout draws fewer numbers.

    Args:
        net: the classifier, bare or with an adapter around it.

    Returns:
        None where the architecture is none of those known, which is then left as it is.
    """
    for part in net.modules():
        kind = type(part).__name__
        if kind in _LIKE_BERT and type(part).__module__.startswith("transformers."):
            base: Any = getattr(part, str(part.base_model_prefix))
            return _cut(base.encoder.layer[-1].attention.output)
        if kind == _DISTILBERT and type(part).__module__.startswith("transformers."):
            whole: Any = part
            return _cut(whole.distilbert.transformer.layer[-1].sa_layer_norm)
    return None


@contextmanager
def first_token_only(net: nn.Module) -> Iterator[bool]:
    """Do as ``skip_unread`` does for the time being. Yields whether something is left out."""
    handle = skip_unread(net)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            handle.remove()


def _cut(after_attention: nn.Module) -> RemovableHandle:
    return after_attention.register_forward_pre_hook(_first)


def _first(module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:  # noqa: ANN401 - torch's signature of hooks
    # Copied out: a layer multiplies a view in another order, and an adapter that changes nothing would change rounding.
    return tuple(hidden[:, :1].contiguous() for hidden in inputs)  # (B, T, hidden) -> (B, 1, hidden)
