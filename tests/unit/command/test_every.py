"""Grids of which each cell is looked at before the first job starts."""

import pytest

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.every import is_limited, look_at_every, needs_every
from ftlab.command.order import make_order
from ftlab.command.sweeps import grid_note
from ftlab.errors import ConfigError


@pytest.fixture
def order(tmp_path):
    def make(*words):
        arguments = parse([*words, f"output_dir={tmp_path}"])
        with Composer(arguments.verb) as composer:
            made = make_order(arguments, composer)
            if needs_every(arguments, made):
                look_at_every(made, arguments, composer)
        return made

    return make


@pytest.mark.slow
def test_a_limited_sweep_and_a_plan_look_at_each_cell_even_of_a_large_grid(order, monkeypatch):
    monkeypatch.setattr("ftlab.command.grid.MOST", 2)
    words = ["-m", "seed=range(0,4)", "adapter=full,lora"]
    plain, limited, planned = order(*words), order(*words, "budget_usd=1"), order("plan", *words)
    assert plain.every == [] and plain.jobs == 8 and len(plain.cells) < 8
    for made in (limited, planned):
        assert made.faults == made.typing_faults == []
        seen = [(cell.cfg.seed, cell.cfg.adapter.name) for cell in made.every]
        assert seen == [(seed, name) for seed in range(4) for name in ("full", "lora")]
    # What a sweep is known by when it goes on does not hang on whether it has a budget.
    assert grid_note(limited)["digest"] == grid_note(plain)["digest"]


def test_the_faults_of_every_cell_are_found(order, monkeypatch):
    monkeypatch.setattr("ftlab.command.grid.MOST", 1)
    made = order("plan", "-m", "seed=1,2", "dataset.max_length=64,900")
    with pytest.raises(ConfigError, match=r"^dataset\.max_length=900 is beyond"):
        made.raise_faults()


def test_one_run_is_limited_too_and_needs_no_grid(order):
    assert is_limited(order("budget_usd=3")) and is_limited(order("skip_unfit=true"))
    made = order("skip_unfit=false")
    assert not is_limited(made) and made.every == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["budget_usd=1,2"], r"for all jobs of -m together; give one value of each"),
        (["skip_unfit=true,false"], r"for all jobs of -m together"),
        (["budget_usd=1", "seed=1,2,3"], r"-m asks for 3 jobs, and 2 at most can be estimated before they start"),
    ],
)
def test_grids_that_cannot_be_held_to_a_budget_are_refused(order, words, sentence, monkeypatch):
    monkeypatch.setattr("ftlab.command.every.WHOLE", 2)
    with pytest.raises(ConfigError, match=sentence):
        order("-m", *words).raise_faults()


def test_a_sweeper_that_makes_up_its_jobs_is_refused(order):
    made = order("-m", "seed=1,2")
    made.sweeper = {"_target_": "hydra_plugins.hydra_optuna_sweeper.OptunaSweeper"}
    look_at_every(made, parse(["-m", "budget_usd=1"]), None)
    assert made.typing_faults == [
        "hydra/sweeper chooses its jobs while it runs, so they cannot be estimated before; leave it out, or leave out "
        "budget_usd and skip_unfit"
    ]


def test_jobs_are_set_apart_by_what_was_typed_for_each(order):
    made = order("plan", "-m", "adapter=full,lora", "seed=1,2", "dataset.batch_size=8")
    assert made.apart() == ["seed=1", "seed=2", "seed=1", "seed=2"]
    assert order("plan", "seed=1").apart() == [""]
