"""The training loss, whole or as the share that one of several processes has in it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

Batch = dict[str, Tensor]


def training_loss(logits: Tensor, batch: Batch, weight: Tensor | None, label_smoothing: float) -> Tensor:
    """Return the mean cross-entropy of a batch, or what this process's rows add to the mean of a batch it shares.

    With class weights the mean is the weighted one, as torch's: divided by the sum of the weights of the labels. The
    shares of all processes add up to the mean over the whole batch, and their gradients to its gradient, however
    unevenly the rows are dealt; a row that only fills an empty share adds 0.

    Args:
        logits: (B, num_labels).
        batch: ``labels`` (B,); ``whole_labels``, those of the rows of all processes, where several share the batch.
        weight: (num_labels,) of the labels.
        label_smoothing: in [0, 1).
    """
    labels, whole = batch["labels"], batch.get("whole_labels")
    if whole is None:
        return F.cross_entropy(logits, labels, weight=weight, label_smoothing=label_smoothing)
    total = F.cross_entropy(logits, labels, weight=weight, label_smoothing=label_smoothing, reduction="sum")
    return total / (len(whole) if weight is None else weight[whole].sum())
