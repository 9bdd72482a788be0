"""160, 40 and 12 GB."""

import pytest

from ftlab.planning.textbook import textbook_rows, textbook_table
from planned_cells import FULL, LORA, QLORA, build

NODES = {"full": FULL, "lora": {**LORA, "rank": 8}, "qlora": {**QLORA, "rank": 8}}


@pytest.mark.slow
def test_what_is_usually_quoted_is_static_memory_and_a_batch():
    full, lora, qlora = textbook_rows(build, NODES, lengths=(512,))
    assert full.static_gb == pytest.approx(160, rel=0.01)
    assert lora.static_gb == pytest.approx(20, rel=0.02)
    assert qlora.static_gb == pytest.approx(6, rel=0.1)
    assert not full.filled
    assert 4 < lora.filled[0].rows < 8
    assert 1 < qlora.filled[0].rows < 3
    assert lora.filled_recomputed[0].rows > 5 * lora.filled[0].rows


@pytest.mark.slow
def test_the_table_names_batch_and_length():
    table = textbook_table(build, NODES)
    assert "full: 159.6 GB whatever the batch" in table
    assert "rows of 2,048 tokens" in table
