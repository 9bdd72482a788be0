"""Experiment files that are a sweep by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.command.studies import as_study
from ftlab.paths import config_dir

CASES = "saving_prompted,saving_tuned"


def studied(*words: str):
    arguments = parse(list(words))
    with Composer(arguments.verb, arguments.folder) as composer:
        return arguments, as_study(arguments, composer)


def test_a_study_is_a_sweep_over_what_its_file_says() -> None:
    before, found = studied("experiment=prompt_saving", "seed=3")
    assert found.multirun and not before.multirun
    assert found.overrides == ["experiment=prompt_saving", "seed=3", f"case={CASES}"]


@pytest.mark.parametrize("typed", ["case=saving_tuned", "+case=saving_tuned"])
def test_what_is_typed_wins(typed: str) -> None:
    _, found = studied("experiment=prompt_saving", typed)
    assert found.multirun and found.overrides == ["experiment=prompt_saving", typed]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["seed=1"],
        ["experiment=write_posts"],
        ["-m", "experiment=write_posts,gpt2_report"],
        ["experiment=nothing_like_it"],
        ["experiment=prompt_saving", "experiment=write_posts"],
        ["predict", "latest", "text=experiment=prompt_saving"],
        ["evaluate", "latest"],
    ],
)
def test_all_else_stays_as_it_is(words: list[str]) -> None:
    before, found = studied(*words)
    assert found is before


def test_cells_of_the_study_differ_as_their_cases_say() -> None:
    arguments = parse(["experiment=prompt_saving"])
    with Composer("train") as composer:
        order = make_order(as_study(arguments, composer), composer)
    order.raise_faults()
    told = [(c.cfg.prompt.name, c.cfg.prompt.shots_per_class, c.cfg.adapter.name) for c in order.cells]
    assert told == [("few_shot", 5, "none"), ("zero_shot", 0, "lora")]
    assert len({cell.cfg.name for cell in order.cells}) == 2
    assert {(cell.cfg.dataset.limit.test, cell.cfg.experiment_name) for cell in order.cells} == {(200, "prompt_saving")}


def test_a_study_of_ones_own_is_found(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "seeds.yaml").write_text(
        "# @package _global_\nhydra:\n  mode: MULTIRUN\n  sweeper: {params: {seed: '1,2', name: mine}}\n"
    )
    _, found = studied("--config-dir", str(tmp_path), "experiment=seeds")
    assert found.multirun and found.overrides == ["experiment=seeds", "seed=1,2", "name=mine"]


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((config_dir() / "experiment").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_composes_without_a_fault(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.jsonl").write_text("{}\n")
    own = ["dataset.train=own.jsonl", "dataset.val=own.jsonl"] if path.stem == "abb_linkedin" else []
    arguments = parse([f"experiment={path.stem}", *own])
    with Composer("train") as composer:
        order = make_order(as_study(arguments, composer), composer)
    order.raise_faults()
    assert order.cells and path.read_text().startswith("# @package _global_\n#")
