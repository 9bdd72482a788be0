import numpy as np
import torch

from ftlab.modules.scores import ScoreCollector


def test_rows_come_back_in_the_order_of_the_data_each_once():
    collector = ScoreCollector()
    logits = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    collector.add(torch.tensor([2, 0]), torch.tensor([0, 1]), logits, torch.tensor([0.2, 0.0]))
    # The last row only fills an empty share of a process.
    collector.add(
        torch.tensor([1, 0]), torch.tensor([1, -100]), torch.tensor([[5.0, 1.0], [0.0, 3.0]]), torch.tensor([4.0, 0.0])
    )
    scores = collector.rows().to_scores()
    assert scores.row_ids.tolist() == [0, 1, 2]
    assert scores.labels.tolist() == [1, 1, 0]
    assert scores.predictions.tolist() == [1, 0, 0]
    assert scores.losses.tolist() == [0.0, 4.0, np.float64(np.float32(0.2))]


def test_probabilities_are_the_softmax_also_for_large_logits():
    collector = ScoreCollector()
    logits = torch.tensor([[1000.0, 999.0, -50.0]])
    collector.add(torch.tensor([0]), torch.tensor([0]), logits, torch.tensor([0.0]))
    expected = logits.double().softmax(-1).numpy()
    np.testing.assert_allclose(collector.rows().to_scores().probabilities, expected, rtol=1e-12)
