from __future__ import annotations

from typing import Any

import pytest

from ftlab.datasets.options import check_options, option_faults
from ftlab.errors import ConfigError
from ftlab.schema import DatasetConfig, LimitConfig


def test_the_defaults_have_no_fault() -> None:
    assert option_faults(DatasetConfig(name="x", train="a.csv")) == []


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"batching": "length-grouped"}, r"did you mean length_grouped\?"),
        ({"on_leak": "xyz"}, r"warn, drop, fail; type dataset\.on_leak=warn"),
        ({"max_length": 0}, r"dataset\.max_length=0 .* from 1$"),
        ({"batch_size": -1}, r"dataset\.batch_size=-1 .* from 1$"),
        ({"eval_batch_size": 0}, r"dataset\.eval_batch_size=0"),
        ({"sample_per_class": 0}, r"dataset\.sample_per_class=0 .* or null for all"),
        ({"limit": LimitConfig(test=0)}, r"dataset\.limit\.test=0 .* or null for all"),
        ({"num_workers": -1}, r"type dataset\.num_workers=0"),
        ({"val_fraction": 0.0}, r"type dataset\.val_fraction=0\.1 or dataset\.val=<file>"),
        ({"test_fraction": 1.5}, r"type dataset\.test_fraction=0\.1 or dataset\.test=<file>"),
        ({"val_fraction": 0.5, "test_fraction": 0.5}, r"leave nothing to train on"),
    ],
)
def test_each_impossible_option_says_what_to_type(options: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ConfigError, match=remedy) as error:
        check_options(DatasetConfig(name="x", train="a.csv", **options))
    assert len(error.value.sentences) == 1


def test_all_faults_come_at_once() -> None:
    cfg = DatasetConfig(name="x", batching="x", on_leak="x", batch_size=0)
    with pytest.raises(ConfigError) as error:
        check_options(cfg)
    assert len(error.value.sentences) == 3


@pytest.mark.parametrize("given", [{"bundled": "policy_stance"}, {"val": "b.csv", "test": "c.csv"}])
def test_fractions_do_not_matter_where_splits_are_given(given: dict[str, str]) -> None:
    assert option_faults(DatasetConfig(name="x", val_fraction=0.0, test_fraction=2.0, **given)) == []
