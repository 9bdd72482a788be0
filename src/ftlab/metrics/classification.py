"""Classification metrics, fed with probabilities (B, C) float32 and labels (B,) int64 in [0, C).

Three rules hold here and in ``metrics.bootstrap`` alike:

- **Zero division.** A label that is never predicted has precision 0, one with nothing right has F1 0.
- **Absent labels.** Macro means (F1, precision, recall) run over the labels that occur as truth or as prediction,
  as scikit-learn's do. Balanced accuracy is the mean recall over the labels that occur as truth. AUROC is the mean,
  one label against the rest, over the labels with rows on both sides; NaN where no label has.
- **Probabilities that are not finite.** The prediction is the first NaN, as argmax says; auroc, brier, ece and
  mean_confidence are NaN.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassCalibrationError,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.functional.classification import binary_auroc, multiclass_stat_scores
from torchmetrics.utilities import dim_zero_cat

from ftlab.errors import ConfigError
from ftlab.metrics.calibration import BINS, bin_confidences
from ftlab.metrics.measures import MEASURES, direction

__all__ = ["BalancedAccuracy", "BrierScore", "CalibrationError", "MacroAuroc", "MeanConfidence", "build_metrics"]
__all__ += ["direction", "per_class"]

# Metrics that count the same confusion matrix keep it once. The groups are named: torchmetrics' own search takes
# metrics for one whose states agree on the first batch, as those of two means may by chance.
_SHARED = ["balanced_accuracy", "f1_macro", "f1_weighted", "precision_macro", "recall_macro"]
_NAME = re.compile(r"[A-Za-z0-9_]+")
_RESERVED = ("per_class",)


class BalancedAccuracy(MulticlassRecall):
    """Mean recall over the labels that occur as truth, as ``sklearn.metrics.balanced_accuracy_score``."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average="none")

    def compute(self) -> Tensor:
        """Return the mean in [0, 1]."""
        tp, _, _, fn = self._final_state()  # (C,) each
        occurs = tp + fn > 0
        return (tp[occurs] / (tp + fn)[occurs]).mean()


class MacroAuroc(MulticlassAUROC):
    """Area under the ROC curve, one label against the rest, averaged over the labels with rows on both sides.

    torchmetrics' own mean counts a label that does not occur as 0, with a warning.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average="macro", thresholds=None)

    def compute(self) -> Tensor:  # type: ignore[override]  # one number, as torchmetrics' own
        """Return the mean in [0, 1]; NaN where no label has rows on both sides."""
        probabilities, labels = dim_zero_cat(self.preds), dim_zero_cat(self.target)  # (N, C), (N,)
        present = [c for c in range(self.num_classes) if 0 < int((labels == c).sum()) < len(labels)]
        if not present or not bool(probabilities.isfinite().all()):
            return torch.tensor(torch.nan, device=labels.device)
        areas = [binary_auroc(probabilities[:, c], (labels == c).long(), validate_args=False) for c in present]
        return torch.stack(areas).mean()


class CalibrationError(MulticlassCalibrationError):
    """Expected calibration error (arXiv:1706.04599) over 15 bins, the number under the reliability diagram.

    torchmetrics gives a confidence of exactly 1 a bin of its own; here it belongs to the last one, as in the paper.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, n_bins=BINS, norm="l1")

    def compute(self) -> Tensor:
        """Return the error in [0, 1]."""
        confidences, correct = dim_zero_cat(self.confidences), dim_zero_cat(self.accuracies)  # (N,) each
        error = bin_confidences(confidences.cpu().numpy(), correct.cpu().numpy()).ece
        return torch.tensor(error, device=confidences.device)


class BrierScore(Metric):
    """Half the squared distance between the probabilities and the truth (one-hot), averaged over rows, in [0, 1].

    Brier's own sum over labels (doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2) lies in [0, 2]; half of it is what
    is usual for two labels, and scikit-learn's ``brier_score_loss(..., scale_by_half=True)`` for any number.
    """

    full_state_update = False
    is_differentiable = True
    higher_is_better = False
    brier_sum: Tensor
    brier_rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("brier_sum", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("brier_rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Add probabilities (B, C) and labels (B,)."""
        truth = torch.nn.functional.one_hot(labels, probabilities.shape[1])
        self.brier_sum += (probabilities.float() - truth).square().sum() / 2
        self.brier_rows += len(labels)

    def compute(self) -> Tensor:
        """Return the mean over rows."""
        return self.brier_sum / self.brier_rows


class MeanConfidence(Metric):
    """Mean probability of the predicted label, in [1 / C, 1]. Above accuracy: overconfident."""

    full_state_update = False
    is_differentiable = True
    higher_is_better = True
    confidence_sum: Tensor
    confidence_rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("confidence_sum", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("confidence_rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Add probabilities (B, C); labels (B,) are not read."""
        self.confidence_sum += probabilities.float().amax(dim=1).sum()
        self.confidence_rows += len(labels)

    def compute(self) -> Tensor:
        """Return the mean over rows."""
        return self.confidence_sum / self.confidence_rows


def build_metrics(num_labels: int, own: Mapping[str, Metric] | None = None) -> MetricCollection:
    """Return all metrics of a classifier; ``update(probabilities (B, C), labels (B,))``.

    Args:
        num_labels: C, at least 2.
        own: the user's metrics by name, called in the same way. Their states are left as they are.

    Raises:
        ConfigError: an own metric has a name that is taken, no direction, or fails on such a batch.
    """
    assert num_labels >= 2, "one label needs no classifier"
    own = dict(own or {})
    for name, metric in own.items():
        _check_own(name, metric, num_labels)
    shipped: dict[str, Metric] = {
        "accuracy": MulticlassAccuracy(num_labels, average="micro"),
        "balanced_accuracy": BalancedAccuracy(num_labels),
        "f1_macro": MulticlassF1Score(num_labels, average="macro"),
        "f1_weighted": MulticlassF1Score(num_labels, average="weighted"),
        "precision_macro": MulticlassPrecision(num_labels, average="macro"),
        "recall_macro": MulticlassRecall(num_labels, average="macro"),
        "auroc": MacroAuroc(num_labels),
        "brier": BrierScore(),
        "ece": CalibrationError(num_labels),
        "mean_confidence": MeanConfidence(),
    }
    alone = [[name] for name in (*shipped, *own) if name not in _SHARED]
    members: dict[str, Metric | MetricCollection] = {**shipped, **own}
    return MetricCollection(members, compute_groups=[_SHARED, *alone])


def _check_own(name: str, metric: Metric, num_labels: int) -> None:
    kind = type(metric).__name__
    if name in MEASURES or name in _RESERVED:
        raise ConfigError(f"metrics.{name} is a name of ftlab's own; give yours another: metrics.my_{name}")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"metrics.{name} is no name for a metric; use letters, digits and _ only")
    if not isinstance(metric, Metric):
        raise ConfigError(f"metrics.{name} is a {kind}; metrics.{name}._target_ must name a torchmetrics.Metric class")
    direction(name, {name: metric})
    # Six rows, right and wrong, so that a metric which cannot work fails now and not after training.
    labels = torch.arange(num_labels).repeat(2)  # (2 C,)
    probabilities = torch.rand(2 * num_labels, num_labels, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the made-up rows
            trial = metric.clone()
            trial.update(probabilities, labels)
            value: Any = trial.compute()
    except Exception as error:
        why = (str(error).strip() or kind).splitlines()[0]
        raise ConfigError(
            f"metrics.{name} ({kind}) fails on probabilities (rows, {num_labels}) and labels (rows,): {why}; "
            f"set its options for {num_labels} labels, such as metrics.{name}.num_classes={num_labels}"
        ) from error
    if not isinstance(value, Tensor) or value.numel() != 1:
        raise ConfigError(f"metrics.{name} ({kind}) gives no single number; set metrics.{name}.average=macro")


def per_class(
    probabilities: Tensor | npt.NDArray[Any], labels: Tensor | npt.NDArray[Any], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return precision, recall, f1 in [0, 1] and support (rows) of each label, by name.

    Args:
        probabilities: (N, C).
        labels: (N,) in [0, C).
        names: C names, in the order of the numbers.
    """
    probabilities, labels = torch.as_tensor(np.asarray(probabilities)), torch.as_tensor(np.asarray(labels))
    assert probabilities.shape == (len(labels), len(names)), "one column per name, one row per label"
    counts = multiclass_stat_scores(probabilities.argmax(dim=1), labels, len(names), average=None)  # (C, 5)
    rows = {}
    for name, (tp, fp, _, _, support) in zip(names, counts.tolist(), strict=True):
        precision, recall = _share(tp, tp + fp), _share(tp, support)
        rows[name] = {"precision": precision, "recall": recall, "f1": _share(2 * tp, tp + fp + support)}
        rows[name]["support"] = support
    return rows


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
