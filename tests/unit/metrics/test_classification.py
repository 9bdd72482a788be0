from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import MulticlassCohenKappa, MulticlassConfusionMatrix, MulticlassMatthewsCorrCoef

from ftlab.errors import ConfigError
from ftlab.metrics.classification import build_metrics, direction, per_class

NAMES = {
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "auroc",
    "brier",
    "ece",
    "mean_confidence",
}


def rows(count: int, classes: int, seed: int, skill: float = 1.0):
    """Probabilities (count, classes) float32 and labels (count,), better than chance."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (count,), generator=generator)
    logits = torch.randn(count, classes, generator=generator)
    logits[torch.arange(count), labels] += skill
    return logits.softmax(dim=1), labels


def score(metrics: MetricCollection, probabilities, labels, batch_size: int = 7) -> dict[str, float]:
    for start in range(0, len(labels), batch_size):
        metrics.update(probabilities[start : start + batch_size], labels[start : start + batch_size])
    values = {name: float(value) for name, value in metrics.compute().items()}
    metrics.reset()
    return values


def by_scikit_learn(probabilities, labels) -> dict[str, float]:
    p, y = probabilities.double().numpy(), labels.numpy()
    predictions, both = p.argmax(axis=1), {"zero_division": 0}
    normal = p / p.sum(axis=1, keepdims=True)  # to the last bit, which scikit-learn asks for
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # balanced accuracy warns of predicted labels that do not occur
        balanced = sk.balanced_accuracy_score(y, predictions)
    areas = [sk.roc_auc_score(y == c, p[:, c]) for c in range(p.shape[1]) if 0 < (y == c).sum() < len(y)]
    return {
        "accuracy": sk.accuracy_score(y, predictions),
        "balanced_accuracy": balanced,
        "f1_macro": sk.f1_score(y, predictions, average="macro", **both),
        "f1_weighted": sk.f1_score(y, predictions, average="weighted", **both),
        "precision_macro": sk.precision_score(y, predictions, average="macro", **both),
        "recall_macro": sk.recall_score(y, predictions, average="macro", **both),
        "auroc": float(np.mean(areas)) if areas else math.nan,
        "brier": sk.brier_score_loss(y, normal, labels=list(range(p.shape[1])), scale_by_half=True),
    }


def test_the_names_are_the_contract():
    assert set(build_metrics(3).keys()) == NAMES


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**31))
def test_values_are_those_of_scikit_learn(count, classes, seed):
    probabilities, labels = rows(count, classes, seed)
    ours = score(build_metrics(classes), probabilities, labels)
    expected = by_scikit_learn(probabilities, labels)
    assert {name: ours[name] for name in expected} == pytest.approx(expected, abs=2e-6, nan_ok=True)


def test_auroc_of_all_labels_is_scikit_learns_one_against_the_rest():
    probabilities, labels = rows(300, 4, seed=2)
    normal = probabilities.double() / probabilities.double().sum(dim=1, keepdim=True)
    theirs = sk.roc_auc_score(labels.numpy(), normal.numpy(), multi_class="ovr", average="macro")
    assert score(build_metrics(4), probabilities, labels)["auroc"] == pytest.approx(theirs, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**31))
def test_values_lie_in_0_1(count, classes, seed):
    values = score(build_metrics(classes), *rows(count, classes, seed, skill=0.0))
    assert all(math.isnan(v) or -1e-6 <= v <= 1 + 1e-6 for v in values.values())


def test_perfect_predictions_score_one_and_err_zero():
    labels = torch.tensor([0, 1, 2, 1])
    values = score(build_metrics(3), torch.eye(3)[labels], labels)
    assert values == {name: 0.0 if name in {"brier", "ece"} else 1.0 for name in NAMES}


def test_brier_of_two_labels_is_the_usual_one():
    probabilities = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    value = score(build_metrics(2), probabilities, torch.tensor([0, 0]))["brier"]
    assert value == pytest.approx((0.1**2 + 0.7**2) / 2)


def test_a_label_that_does_not_occur_counts_in_no_mean():
    probabilities = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    values = score(build_metrics(3), probabilities, torch.tensor([0, 1, 1, 1]))
    assert values["recall_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["balanced_accuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert values["auroc"] == 1.0


def test_a_predicted_label_that_does_not_occur_counts_in_macro_means_only():
    probabilities = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]])
    values = score(build_metrics(3), probabilities, torch.tensor([0, 1, 1]))
    assert values["recall_macro"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert values["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)


def test_auroc_of_one_label_is_nan_and_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = score(build_metrics(2), torch.tensor([[0.8, 0.2], [0.4, 0.6]]), torch.tensor([0, 0]))
    assert math.isnan(values.pop("auroc"))
    assert not any(math.isnan(v) for v in values.values())


def test_a_net_that_gives_nan_has_no_probability_metrics():
    probabilities, labels = rows(20, 3, seed=0)
    probabilities[4] = math.nan
    values = score(build_metrics(3), probabilities, labels)
    assert {name for name, v in values.items() if math.isnan(v)} == {"auroc", "brier", "ece", "mean_confidence"}


class Share(Metric):
    """Mean probability of one label."""

    higher_is_better = True

    def __init__(self, label):
        super().__init__()
        self.label = label
        self.add_state("total", torch.tensor(0.0))
        self.add_state("rows", torch.tensor(0))

    def update(self, probabilities, labels):
        self.total += probabilities[:, self.label].sum()
        self.rows += len(labels)

    def compute(self):
        return self.total / self.rows


def test_own_metrics_whose_first_batches_agree_are_not_taken_for_one():
    metrics = build_metrics(2, {"first": Share(0), "second": Share(1)})
    metrics.update(torch.full((4, 2), 0.5), torch.tensor([0, 1, 0, 1]))
    metrics.update(torch.tensor([[1.0, 0.0]] * 4), torch.zeros(4, dtype=torch.long))
    values = metrics.compute()
    assert float(values["first"]) == 0.75
    assert float(values["second"]) == 0.25


def test_certain_rows_and_nearly_certain_ones_share_the_last_bin():
    # torchmetrics' extra bin would see gaps of 1 and 0.99 here, not their balance.
    probabilities = torch.tensor([[1.0, 0.0], [0.99, 0.01]])
    value = score(build_metrics(2), probabilities, torch.tensor([1, 0]))["ece"]
    assert value == pytest.approx(0.995 - 0.5)


def test_batches_and_epochs_do_not_change_the_values():
    probabilities, labels = rows(50, 3, seed=3)
    metrics = build_metrics(3)
    first = score(metrics, probabilities, labels, batch_size=50)
    assert score(metrics, probabilities, labels, batch_size=1) == pytest.approx(first, abs=1e-6)


def test_a_clone_with_a_prefix_names_its_split_and_counts_alone():
    probabilities, labels = rows(30, 3, seed=4)
    metrics = build_metrics(3)
    clone = metrics.clone(prefix="val/")
    expected = score(metrics, probabilities, labels)
    assert score(clone, probabilities, labels) == {f"val/{name}": v for name, v in expected.items()}


def test_own_metrics_stand_beside_ours():
    probabilities, labels = rows(80, 3, seed=5)
    own = {"mcc": MulticlassMatthewsCorrCoef(num_classes=3), "kappa": MulticlassCohenKappa(num_classes=3)}
    values = score(build_metrics(3, own), probabilities, labels)
    predictions = probabilities.argmax(dim=1)
    assert set(values) == NAMES | {"mcc", "kappa"}
    assert values["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, predictions), abs=1e-6)
    assert values["kappa"] == pytest.approx(sk.cohen_kappa_score(labels, predictions), abs=1e-6)
    assert direction("val/mcc", own) == "max"


def test_the_trial_of_an_own_metric_leaves_it_empty():
    own = MulticlassMatthewsCorrCoef(num_classes=3)
    build_metrics(3, {"mcc": own})
    assert int(own.confmat.sum()) == 0


class Directionless(Metric):
    def update(self, probabilities, labels):
        pass

    def compute(self):
        return torch.tensor(1.0)


class OneArgument(Directionless):
    higher_is_better = True

    def update(self, probabilities):
        pass


class Rising(MulticlassConfusionMatrix):
    higher_is_better = True


@pytest.mark.parametrize(
    ("name", "metric", "remedy"),
    [
        ("accuracy", MulticlassCohenKappa(num_classes=3), r"give yours another: metrics\.my_accuracy"),
        ("per_class", MulticlassCohenKappa(num_classes=3), r"give yours another: metrics\.my_per_class"),
        ("a/b", MulticlassCohenKappa(num_classes=3), r"metrics\.a/b .* use letters, digits and _ only"),
        ("mine", torch.nn.Linear(1, 1), r"is a Linear; metrics\.mine\._target_ must name a torchmetrics\.Metric"),
        ("mine", Directionless(), r"set higher_is_better = True or False"),
        ("mine", OneArgument(), r"fails on probabilities \(rows, 3\).*positional argument"),
        ("mcc", MulticlassMatthewsCorrCoef(num_classes=5), r"such as metrics\.mcc\.num_classes=3"),
        ("mine", Rising(num_classes=3), r"gives no single number; set metrics\.mine\.average=macro"),
    ],
)
def test_an_own_metric_that_cannot_work_is_refused_with_the_remedy(name, metric, remedy):
    with pytest.raises(ConfigError, match=remedy) as caught:
        build_metrics(3, {name: metric})
    assert len(str(caught.value).splitlines()) == 1


def test_per_class_gives_each_labels_numbers():
    probabilities, labels = rows(90, 3, seed=6)
    table = per_class(probabilities, labels, ["a", "b", "c"])
    expected = sk.precision_recall_fscore_support(labels, probabilities.argmax(dim=1), zero_division=0)
    for number, name in enumerate(["a", "b", "c"]):
        found = [table[name][key] for key in ("precision", "recall", "f1", "support")]
        assert found == pytest.approx([column[number] for column in expected])
    assert list(table) == ["a", "b", "c"]


def test_per_class_of_a_label_without_rows_is_zero_and_says_so():
    table = per_class(np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]), np.array([0, 1]), ["a", "b", "c"])
    assert table["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
