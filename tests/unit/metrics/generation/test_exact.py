from __future__ import annotations

from ftlab.metrics.generation.exact import ExactMatch


def test_only_white_space_at_the_ends_may_differ():
    metric = ExactMatch()
    metric.add_batch(predictions=[" yes\n", "Yes", "a  b"], references=["yes", "yes", "a b"])
    metric.add_batch(predictions=["", "ä"], references=["", "ä"])
    assert metric.compute(with_rows=True) == {
        "exact_match": 3 / 5,
        "rows": [{"exact_match": 1}, {"exact_match": 0}, {"exact_match": 0}, {"exact_match": 1}, {"exact_match": 1}],
    }
