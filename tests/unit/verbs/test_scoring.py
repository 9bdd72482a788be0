"""A predictor scored and timed without a trainer."""

import numpy as np
import pytest
import torch

from ftlab.datasets.splits import Rows
from ftlab.datasets.test_rows import ScoredRows
from ftlab.metrics.classification import build_metrics
from ftlab.modules.scores import Scores
from ftlab.results import Energy
from ftlab.schema import CostConfig, LatencyConfig
from ftlab.verbs.scoring import measure_latency, measure_quality, request_cost, request_energy, score

LABELS = ["no", "yes"]
LOGITS = {"a": [2.0, 0.0], "b": [0.0, 1.0], "c": [0.5, 0.5 + 1e-3]}
DATA = ScoredRows("mine", Rows(["a", "b", "c"], None, [0, 1, 0], ["test:1", "test:2", "test:3"]), LABELS, "digest")
SHORT = LatencyConfig(batch_sizes=[1, 2], min_samples=2, min_seconds=0.0, max_seconds=0.01)
CPU = torch.device("cpu")


class FixedPredictor:
    """Answers from a table."""

    backend, dtype, device, merged = "torch", "float32", CPU, False

    def encode(self, texts):
        return list(texts)

    def logits(self, encoded):
        return torch.tensor([LOGITS[text] for text in encoded])

    def synchronize(self):
        """Nothing to wait for."""

    def score(self, texts, batch_size):
        assert batch_size == 5
        return self.logits(texts).double().numpy()


def test_rows_are_scored_in_order_with_the_loss_of_their_label():
    found = score(FixedPredictor(), DATA, 5)
    assert found.labels.tolist() == [0, 1, 0] and found.row_ids.tolist() == [0, 1, 2]
    expected = -np.log(found.probabilities[[0, 1, 2], [0, 1, 0]])
    assert found.losses == pytest.approx(expected, rel=1e-6) and found.predictions.tolist() == [0, 1, 1]


def test_quality_is_over_the_models_labels_and_counts_what_training_counted():
    found = measure_quality(
        score(FixedPredictor(), DATA, 5), LABELS, {"name": "f1_macro", "split": "test"}, build_metrics(2)
    )
    assert found.test["accuracy"] == pytest.approx(2 / 3) and found.main["name"] == "f1_macro"
    assert found.untrained == found.val == {} and set(found.test["per_class"]) == set(LABELS)
    low, high = found.test_ci95["accuracy"]
    assert low <= found.test["accuracy"] <= high


def test_one_class_can_be_scored_and_what_is_not_defined_is_nan():
    scores = Scores(np.arange(2), np.zeros(2, np.int64), np.array([[1.0, 0], [0, 1.0]]), np.array([0.3, 1.3]))
    found = measure_quality(scores, LABELS, {"name": "accuracy"}, build_metrics(2))
    assert found.test["accuracy"] == 0.5 and np.isnan(found.test["auroc"])


def test_timing_is_that_of_training_and_off_means_nothing():
    timed = measure_latency(FixedPredictor(), DATA, SHORT)
    assert [row.batch_size for row in timed.rows] == [1, 2] and timed.samples
    off = measure_latency(FixedPredictor(), DATA, LatencyConfig(enabled=False))
    assert off.rows == [] and request_energy(off, 1) == Energy()


def test_the_price_rests_on_the_row_of_its_batch_size():
    timed = measure_latency(FixedPredictor(), DATA, SHORT)
    price = CostConfig(name="mine", device_class="cpu", usd_per_hour=3.6, utilisation=0.5, batch_size=2)
    cost, notes = request_cost(price, timed, CPU, 7.0)
    assert cost.usd_per_1k_requests == pytest.approx(2 / timed.rows[1].throughput_per_second)
    assert (cost.prompt_tokens, cost.training_usd, notes) == (7.0, None, [])


def test_an_unknown_price_is_a_note_with_the_override():
    cost, notes = request_cost(CostConfig(), measure_latency(FixedPredictor(), DATA, SHORT), CPU, 7.0)
    assert cost.usd_per_1k_requests is None and "cost.usd_per_hour=<number>" in notes[0]
