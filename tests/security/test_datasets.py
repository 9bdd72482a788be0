"""Data sets from elsewhere: rows are read, scripts are not run (T53)."""

import runpy

import pytest

from ftlab.launch import main
from small import SMALL

ROWS = "text,label\n" + "".join(f"sentence number {n},{'ab'[n % 2]}\n" for n in range(40))
BARE = [word for word in SMALL if not word.startswith("dataset.limit")]


@pytest.fixture
def scripted(tmp_path, canary, monkeypatch):
    """A folder with data and a loading script, as the hub had them; the working folder is the one above."""
    folder = tmp_path / "owner" / "reviews"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text(ROWS)
    (folder / "reviews.py").write_text(f"{canary.expression}\n")
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: train.csv\n---\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    "value", ["owner/reviews", "./owner/reviews", "{}", "{}/reviews.py", "owner/reviews/reviews.py"]
)
def test_a_folder_with_a_script_is_no_hub_data_set(value, scripted, canary, capsys, tmp_path):
    words = ["dataset=files", f"dataset.hub={value.format(scripted)}", "dataset.train=train"]
    assert main([*BARE, *words, f"output_dir={tmp_path / 'out'}"]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "is no hub id" in sentence or "a script in it would not be run; type dataset=files" in sentence
    assert not canary.fired() and not (tmp_path / "out").exists()
    runpy.run_path(str(scripted / "reviews.py"))
    assert canary.fired()


@pytest.mark.parametrize("value", ["owner/reviews/reviews.py", "owner/reviews/*.py", "owner/*/*"])
def test_a_script_is_no_file_of_rows(value, scripted, canary, capsys, tmp_path):
    words = ["dataset=files", f"dataset.train={value}", f"output_dir={tmp_path / 'out'}", "tracking=none"]
    assert main([*BARE, *words]) == 2
    assert "dataset.train=" in capsys.readouterr().err
    assert not canary.fired() and not list(tmp_path.glob("out/*"))


def test_the_data_file_beside_the_script_is_read_and_the_script_stays_as_it_is(scripted, canary, capsys):
    for value in ("owner/reviews/train.csv", "owner/reviews"):
        assert main([*BARE, "dataset=files", f"dataset.train={value}", "dry_run=true"]) == 0
    assert not canary.fired()


@pytest.mark.parametrize(
    "value", ["pandas", "pickle", "../reviews", "a/../b", "http://127.0.0.1:9/x", "hf://a/b", "a/b/c"]
)
def test_readers_paths_and_addresses_are_no_hub_ids(value, canary, capsys, tmp_path):
    assert main([*BARE, "dataset=files", f"dataset.hub={value}", "dataset.train=train", "dry_run=true"]) == 2
    assert f"dataset.hub={value} is no hub id; type dataset.hub=owner/name" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["imdb", "stanfordnlp/imdb", "SetFit/20_newsgroups", "a-b/c.d"])
def test_hub_ids_pass_the_check(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*BARE, "dataset=files", f"dataset.hub={value}", "dataset.train=train", "dry_run=true"]) == 0
