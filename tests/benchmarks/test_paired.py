"""Ratios are paired, and their interval is the bootstrap's."""

import pytest

from benchmarks.paired import median_interval, paired_ratios


def test_the_ratio_is_taken_pair_by_pair():
    slow_machine_for_a_while = [(1.0, 2.0), (10.0, 20.0), (1.0, 2.0)]
    assert paired_ratios(slow_machine_for_a_while).median == 0.5
    assert paired_ratios([(1.0, 1.0), (2.0, 1.0), (100.0, 1.0)]).median == 2.0


def test_equal_pairs_have_an_interval_of_no_width():
    found = paired_ratios([(3.0, 2.0)] * 5)
    assert (found.low, found.median, found.high, found.pairs) == (1.5, 1.5, 1.5, 5)


def test_the_interval_holds_the_median_and_is_the_same_each_time():
    values = [1.0, 1.2, 0.9, 1.1, 5.0, 1.05, 0.95]
    found = median_interval(values)
    assert 0.9 <= found.low < found.median == 1.05 < found.high <= 5.0
    assert median_interval(values) == found


@pytest.mark.parametrize("pairs", [[], [(1.0, 0.0)], [(float("nan"), 1.0)]])
def test_what_is_no_measurement_is_refused(pairs):
    with pytest.raises(ValueError, match=r"no pairs|above zero"):
        paired_ratios(pairs)
