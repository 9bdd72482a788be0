import pytest

from ftlab.compare.seeds import deviation, fold_seeds, mean, median_run
from made_board import made_run


def test_seeds_of_one_configuration_fold_whatever_their_order():
    runs = [made_run(seed=seed, adapter=adapter) for seed in (3, 1, 2) for adapter in ("lora", "full")]
    for given in (runs, runs[::-1]):
        folded, repeated = fold_seeds(given)
        assert sorted([run.result.run.seed for run in group] for group in folded) == [[1, 2, 3], [1, 2, 3]]
        assert all(len({run.result.adapter["name"] for run in group}) == 1 for group in folded)
        assert not repeated


def test_another_setting_is_another_row():
    folded, _ = fold_seeds([made_run(settings={"adapter.rank": rank}) for rank in (8, 16)])
    assert len(folded) == 2


def test_the_same_seed_again_counts_once_by_its_last_run():
    old, new = (made_run(run={"finished": f"2026-01-0{day}T00:00:00+00:00"}) for day in (1, 2))
    assert fold_seeds([new, old]) == ([(new,)], [old])


def test_mean_and_deviation_take_what_is_known():
    assert mean([1.0, None, 3.0]) == 2 and mean([None]) is None and mean([0.1]) == 0.1
    assert deviation([1.0, None, 3.0]) == pytest.approx(2**0.5) and deviation([1.0, None]) is None


def test_the_median_run_stands_for_the_row():
    runs = [made_run(seed=seed) for seed in range(4)]
    assert median_run(runs[:3], [0.9, 0.7, 0.8], "max") is runs[2]
    assert median_run(runs, [0.9, 0.7, 0.8, 0.85], "max") is runs[2]  # the worse of the two in the middle
    assert median_run(runs, [0.9, 0.7, 0.8, 0.85], "min") is runs[3]
    assert median_run(runs[:2], [None, 0.2], "max") is runs[1]
    assert median_run(runs[:2], [None, None], "max") is runs[0]
