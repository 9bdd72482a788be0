"""Heavy truncation, heavy padding."""

from __future__ import annotations

import pytest

from ftlab.diagnosis.lengths import PADDING, TRUNCATION, look_at_cuts, look_at_padding
from made_evidence import evidence, writer

CUT = {"truncated_rows": 710}


def test_many_texts_that_are_cut_ask_for_more_tokens() -> None:
    found = look_at_cuts(evidence(data=CUT))
    assert found is not None
    assert found.name == TRUNCATION
    assert found.evidence == "710 of 1,420 texts (50%) are longer than 128 tokens and are cut"
    assert found.remedy == "dataset.max_length=256"


@pytest.mark.parametrize(("virtual", "remedy"), [(0, "dataset.max_length=512"), (16, "dataset.max_length=496")])
def test_no_more_than_the_positions_hold(virtual: int, remedy: str) -> None:
    found = look_at_cuts(evidence(data={**CUT, "max_length": 300}, max_length=300, prompt={"virtual_tokens": virtual}))
    assert found is not None
    assert found.remedy == remedy


def test_a_model_whose_positions_are_all_used_gives_way_to_one_with_more() -> None:
    found = look_at_cuts(evidence(data={**CUT, "max_length": 512}, max_length=512))
    assert found is not None
    assert found.remedy == "model=modernbert_base dataset.max_length=1024"


def test_a_model_that_writes_has_no_such_way_out() -> None:
    found = look_at_cuts(writer([3.0] * 8, [3.0], data={**CUT, "max_length": 512}, max_length=512))
    assert found is not None
    assert found.remedy == ""


def test_a_few_long_texts_are_no_trouble() -> None:
    assert look_at_cuts(evidence(data={"truncated_rows": 20})) is None
    assert look_at_cuts(evidence()) is None


def test_a_handful_of_rows_says_nothing() -> None:
    few = {"train_rows": 20, "val_rows": 5, "test_rows": 5, "truncated_rows": 30}
    assert look_at_cuts(evidence(data=few)) is None


def test_batches_that_are_mostly_padding_ask_for_like_lengths() -> None:
    found = look_at_padding(evidence(training={"padding_fraction": 0.62}, batching="fixed"))
    assert found is not None
    assert found.name == PADDING
    assert found.evidence == "62% of the tokens computed in training are padding, with dataset.batching=fixed"
    assert found.remedy == "dataset.batching=length_grouped"


def test_texts_to_write_can_be_packed_where_like_lengths_do_not_help() -> None:
    found = look_at_padding(writer([3.0] * 8, [3.0], training={"padding_fraction": 0.4}))
    assert found is not None
    assert found.remedy == "dataset.batching=packed"


def test_a_healthy_run_pads_little() -> None:
    assert look_at_padding(evidence()) is None
    assert look_at_padding(evidence(training={"padding_fraction": None})) is None
