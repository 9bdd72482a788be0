"""How values are written."""

import pytest

from ftlab.compare.axes import AXES
from ftlab.compare.numbers import span


@pytest.mark.parametrize(
    ("name", "ends", "said"),
    [
        ("f1_macro", (0.8612, 0.8871), "0.861 to 0.887"),
        ("loss", (2.698, 2.92), "2.698 to 2.920 nats"),
        ("p95_ms", (-1.5, 3.0), "-1.50 to 3.00 ms"),
        ("trainable_percent", (1.0, 2.0), "1.00 to 2.00%"),
        ("usd_per_1k", (0.0019, 0.0021), "$0.00190 to $0.00210"),
    ],
)
def test_an_interval_says_its_unit_once(name, ends, said):
    assert span(ends, AXES[name]) == said
