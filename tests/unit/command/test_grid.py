"""Sweeps as lists of jobs."""

import pytest

from ftlab.command.composer import Composer
from ftlab.command.grid import MOST, TOO_MANY, expand
from ftlab.command.overrides import Reader


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.fixture
def grid(composer):
    def make(*texts):
        reader = Reader(composer, multirun=True)
        givens = reader.read(texts)
        assert not reader.faults
        found = expand(composer, givens)
        return found.jobs, [[given.text for given in cell] for cell in found.cells]

    return make


def test_without_a_sweep_there_is_one_job(grid):
    assert grid() == (1, [[]])
    assert grid("seed=1", "trainer.max_steps=3") == (1, [["seed=1", "trainer.max_steps=3"]])


def test_every_combination_in_the_order_of_hydras_sweeper(grid):
    assert grid("adapter=full,lora", "seed=1", "trainer.max_steps=range(3,5)") == (
        4,
        [
            ["adapter=full", "seed=1", "trainer.max_steps=3"],
            ["adapter=full", "seed=1", "trainer.max_steps=4"],
            ["adapter=lora", "seed=1", "trainer.max_steps=3"],
            ["adapter=lora", "seed=1", "trainer.max_steps=4"],
        ],
    )


def test_choices_in_words_and_values_with_commas(grid):
    assert grid("dataset.labels=[a,b],[c,d]")[1] == [["dataset.labels=[a,b]"], ["dataset.labels=[c,d]"]]
    assert grid("seed=choice(1,2)")[1] == [["seed=1"], ["seed=2"]]
    assert grid("adapter=glob(f*)")[1] == [["adapter=freeze"], ["adapter=full"]]


def test_open_options_keep_their_prefix_for_hydra_only(composer):
    givens = Reader(composer, multirun=True).read(["trainer.max_steps=3,4"])
    assert [cell[0].passed for cell in expand(composer, givens).cells] == [
        "++trainer.max_steps=3",
        "++trainer.max_steps=4",
    ]


def test_of_a_large_grid_every_value_is_looked_at(grid):
    seeds = [str(seed) for seed in range(70)]
    jobs, cells = grid(f"seed={','.join(seeds)}", "adapter=full,lora,none")
    assert (
        jobs == 210 and len(cells) == MOST + 70 - 22
    )  # the first 64 cells hold 22 seeds, each further one stands alone
    assert {cell[0] for cell in cells} == {f"seed={seed}" for seed in seeds}
    assert {cell[1] for cell in cells} == {"adapter=full", "adapter=lora", "adapter=none"}


def test_of_a_long_range_the_ends_are_looked_at(grid):
    jobs, cells = grid("seed=range(0,1000)")
    assert jobs == 1000 and len(cells) == MOST + 1
    assert (cells[0], cells[-1]) == (["seed=0"], ["seed=999"])


def test_a_grid_nobody_meant_is_counted_no_further(grid):
    jobs, cells = grid("seed=range(0,1000000000)")
    assert jobs == TOO_MANY and len(cells) == MOST + 1
    assert grid("seed=range(0,200)", "dataset.split_seed=range(0,200)")[0] == TOO_MANY


def test_a_search_space_is_looked_at_on_its_ends(grid):
    assert grid("optimizer.lr=interval(1e-5,1e-3)") == (2, [["optimizer.lr=1e-05"], ["optimizer.lr=0.001"]])
