"""Every YAML file composes, says what it is, and sets nothing that its component does not take."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ftlab.check.components import check_components, targets
from ftlab.check.definitions import find_definition
from ftlab.check.ranges import select
from ftlab.command.arguments import parse, verbs
from ftlab.command.composer import Composer, leaves, plain
from ftlab.command.order import make_order
from ftlab.errors import ConfigError
from ftlab.launch import main
from ftlab.paths import config_dir

FILES = sorted(config_dir().rglob("*.yaml"))
GROUPS = sorted(path.name for path in config_dir().iterdir() if path.is_dir())
CHOICES = [(path.parent.name, path.stem) for path in FILES if path.parent != config_dir() and path.stem[0] != "_"]
TEXTS = ("alpaca", "idea_posts", "linkedin", "shakespeare", "wikitext2")  # to write, which the default model does not
SNAPSHOT = Path(__file__).parent / "snapshots" / "options.txt"


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(config_dir())))
def test_file_is_short_and_says_what_it_is(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert lines[0].startswith("# ") and len(lines[0]) > 5, "--help prints the first line"
    assert max(map(len, lines)) <= 200


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=lambda name: name)
def test_choice_composes_and_its_options_are_those_of_its_component(composer, group, choice):
    loaded = composer.load([f"{group}={choice}"])
    choices = {group: choice}
    assert check_components(loaded.values, plain(loaded.cfg, resolve=False), loaded.values, choices) == []
    assert all(find_definition(str(target)) for _, target in targets(loaded.values))
    if group in ("model", "dataset", "adapter"):
        assert select(loaded.values, f"{group}.name") == choice or choice == "csv", "a file is named as what is in it"


def test_every_choice_passes_the_check(composer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("text,label\n")
    for group, choice in CHOICES:
        more = ["dataset.train=x.csv"] if choice in ("files", "csv", "linkedin", "shakespeare", "abb_linkedin") else []
        order = make_order(parse([f"{group}={choice}", *more]), composer)
        if group == "dataset" and choice in TEXTS:
            with pytest.raises(ConfigError, match=rf"dataset={choice} .*dataset=policy_stance"):
                order.raise_faults()
            continue
        order.raise_faults()
        assert order.cells[0].choices[group] == choice


def test_every_verb_has_its_schema_and_composes():
    assert verbs() == ["chat", "compare", "evaluate", "list", "plan", "predict", "train"]
    for verb in verbs():
        with Composer(verb) as composer:
            assert OmegaConf.get_type(composer.load().cfg) is composer.root


def test_groups_are_what_the_folders_are(composer):
    with_files = sorted({path.parent.name for path in FILES} - {config_dir().name})
    assert [group for group in composer.groups() if composer.choices(group)] == with_files
    assert not any(name.startswith("_") for group in composer.groups() for name in composer.choices(group))


def test_shipped_sentences_of_a_group_fit_the_help(capsys):
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for group, choice in CHOICES:
        assert f"    {choice} " in listed, f"{group}={choice}"


def test_options_are_the_ones_of_the_snapshot(composer):
    """Users type these names. A missing line breaks their scripts; a new one is a promise.

    Meant to change? Write the file anew and read the difference before you commit it:
    ``python -m tests.test_configs`` from the repository's root.
    """
    assert SNAPSHOT.read_text(encoding="utf-8").splitlines() == options(composer), (
        f"the options of `--cfg job` differ from {SNAPSHOT.name}; if they should, run: python -m tests.test_configs"
    )


def options(composer):
    """Return the groups, and every key that ``--cfg job`` shows with one choice or another."""
    found = {f"{group}=" for group, _ in CHOICES}
    for chosen in [[], *([f"{group}={choice}"] for group, choice in CHOICES)]:
        found |= {key for key, _ in leaves(plain(composer.load(chosen).cfg, resolve=False))}
    hidden = ("model.architecture.",)
    return sorted(key for key in found if not key.startswith(hidden) and not key.endswith("_target_"))


if __name__ == "__main__":
    SNAPSHOT.parent.mkdir(exist_ok=True)
    with Composer("train") as made:
        SNAPSHOT.write_text("\n".join(options(made)) + "\n", encoding="utf-8")
