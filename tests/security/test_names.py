"""Names from elsewhere stay below the outputs folder, or are refused (T50)."""

import os
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig

from ftlab.command import runs
from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.command.quoting import quote
from ftlab.launch import main
from ftlab.paths import make_folder, slug, unlock
from small import SMALL

NAMES = [
    "../../x",
    "..",
    ".",
    ".hidden",
    "/etc/x",
    "a/b",
    "a\\b",
    "~/x",
    "a\0b",
    "a\nb",
    "a\rb",
    "\x1b[31mred",
    "x" * 300,
    "nul\u2044l",  # a slash's lookalike
    "\u0430dmin",  # a Cyrillic a
    "a\u202eb",  # right to left
    "a b",
    "a$(x)",
    "*",
    "-rf",
    "",
]
KEYS = ["name", "experiment_name", "model.name"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_folder_stays_below_the_outputs_whatever_the_name(name, tmp_path):
    root = tmp_path / "root" / "outputs"
    folder = make_folder(root, name, name).path
    unlock(folder)
    assert folder.parent.parent == root and folder.resolve() == folder
    assert {path.name for path in tmp_path.iterdir()} == {"root"}
    for part in (folder.name, folder.parent.name):
        assert len(part) < 130 and slug(part, 130) == part


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("", "-rf")], ids=ascii)
def test_a_name_that_is_no_folder_is_refused_with_one_that_is(name, planned):
    said = planned([f"{key}={name}" for key in KEYS])
    for key in KEYS:
        assert any(f"{key}=" in sentence for sentence in said), key


@pytest.fixture
def planned():
    """Check overrides given as data, so that Hydra's grammar does not refuse them first; return the sentences."""

    def plan(words):
        quoted = [f"{key}={quote(value)}" for key, _, value in (word.partition("=") for word in words)]
        with Composer("train") as composer:
            found = make_order(parse([*SMALL, *quoted]), composer)
        return [*found.typing_faults, *found.faults]

    return plan


@pytest.mark.parametrize("name", ["CON", "NUL", "run", "a.b-c_d", "x" * 75])
def test_ordinary_names_pass(name, planned):
    assert planned([f"{key}={name}" for key in KEYS]) == []


def test_names_of_a_sweep_and_of_its_checkpoints_stay_in_its_folder(planned, capsys, tmp_path):
    words = [*SMALL, "-m", "name=a,../../x", f"output_dir={tmp_path / 'out'}"]
    assert main(words) == 2
    assert "name=../../x must be letters, digits" in capsys.readouterr().err
    assert main([*SMALL, "-m", "adapter.name=a,../../x", f"output_dir={tmp_path / 'out'}"]) == 2
    assert main([*SMALL, "-m", "seed=1,2", "hydra.sweep.subdir=../../x"]) == 2
    assert main([*SMALL, "-m", "seed=1,2", "hydra.sweep.dir=/tmp"]) == 2
    assert main([*SMALL, "hydra.run.dir=../../x"]) == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [[], pytest.param(["-m"], marks=pytest.mark.slow)], ids=["run", "sweep"])
def test_a_file_cannot_move_the_folders_either(flags, groups, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = []
    for job in ("run_job", "run_sweep_job"):
        monkeypatch.setattr(runs, job, lambda cfg: folders.append(Path(HydraConfig.get().runtime.output_dir)))
    moved = "hydra: {run: {dir: ../x}, sweep: {dir: ../x, subdir: ../../x}, output_subdir: ../y, job: {chdir: true}}"
    words = [*flags, *SMALL, "tracking=none"]
    assert main([*words, *groups(f"# @package _global_\nexperiment_name: ../../x\n{moved}\n")]) == 2
    assert "experiment_name=../../x must be letters" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"groups"}
    assert main([*words, *groups(f"# @package _global_\n{moved}\n")]) == 0
    assert [folder.is_relative_to(tmp_path / "outputs" / "default") for folder in folders] == [True]
    assert {path.name for path in tmp_path.iterdir()} == {"groups", "outputs"}


OUTPUTS = {
    "a\0b": "embedded null",
    "x" * 300: "too long",
    "{file}": "is a file",
    "{file}/below": "a file",
    "~/x": "HOME",
}


@pytest.mark.parametrize("value", OUTPUTS, ids=ascii)
def test_an_outputs_folder_that_cannot_be_is_refused(value, tmp_path, planned):
    (tmp_path / "file").write_text("")
    said = planned([f"output_dir={value.format(file=tmp_path / 'file')}"])
    assert any(OUTPUTS[value] in sentence for sentence in said)


def test_the_outputs_folder_is_the_users_choice(planned, tmp_path):
    assert planned([f"output_dir={tmp_path / 'any where'}"]) == []
    assert planned([f"output_dir={os.path.relpath(tmp_path)}"]) == []


@pytest.mark.parametrize("name", ["\x1b[31mred", "a\rb", "a\x07b", "a\u202eb"], ids=ascii)
def test_sentences_do_not_steer_the_terminal(name, capsys):
    assert main([*SMALL, f"name='{name}'"]) == 2
    said = capsys.readouterr().err
    assert "name=" in said and all(c.isprintable() or c == "\n" for c in said)


PATHS = ["model.checkpoint", "model.tokenizer", "dataset.hub", "dataset.train", "output_dir", "resume", "run", "input"]


@pytest.mark.parametrize("value", ["a\0b", "x" * 300, "y/" * 3000 + "z"], ids=["nul", "long", "deep"])
@pytest.mark.parametrize("key", PATHS)
def test_a_path_that_cannot_be_is_refused_in_a_sentence(key, value, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["predict", "text=x"] if key in ("run", "input") else ["model=minilm"]
    words += ["dataset=files"] if key == "dataset.train" else ["dataset.train=train"] if key == "dataset.hub" else []
    assert main([*words, f"{key}={quote(value)}" if key not in ("run", "input") else f"{key}={value}"]) == 2
    said = capsys.readouterr().err
    assert said and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_a_folder_and_nothing_else(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    for run in ("../nowhere", str(tmp_path / "file"), "/dev/null", str(tmp_path)):
        assert main(["predict", run, "text=x"]) == 2, run
        assert "Traceback" not in capsys.readouterr().err
