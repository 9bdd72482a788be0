"""YAML from elsewhere: data or refused, in a moment (T52)."""

import time
from pathlib import Path

import pytest
import yaml

from ftlab.errors import ConfigError
from ftlab.launch import main
from ftlab.yaml_file import MOST_BYTES, MOST_VALUES, check_yaml_files, read_yaml

NINE = ", ".join(["*{}"] * 9)
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{NINE.format(*[before] * 9)}]\n" for before, this in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"x{n}: &x{n} {{p: *{'a' if n == 0 else f'x{n - 1}'}, <<: *a}}\n" for n in range(60)
)
REFUSED = {
    "bomb": (BOMB, "aliases"),
    "merged": (MERGES, "levels|aliases"),
    "cycle": ("a: &a {b: *a}\n", "aliases"),
    "deep": ("[" * 60_000, "levels"),
    "long": ("x: 1\n" * 1_000_000, "bytes"),
    "wide": ("a: [" + "1, " * (MOST_VALUES + 1) + "1]", "values"),
    "number": ("a: " + "9" * 9000, "no YAML"),
    "tab": ("a:\n\t- b", "no YAML"),
    "unknown alias": ("a: *nowhere", "no YAML"),
    "own tag": ("a: !secret x", "holds !secret"),
    "several": ("a: 1\n---\nb: 2\n", "no YAML"),
}


def python_tag(canary):
    return f"seed: !!python/object/apply:os.system ['{canary.command}']\n"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_small_plain_data_is_refused_in_a_moment_in_a_configuration_folder(groups, name, capsys):
    text, why = REFUSED[name]
    words = groups(text)
    started = time.monotonic()
    assert main(["dry_run=true", *words]) == 2
    assert time.monotonic() - started < 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "experiment/e.yaml" in sentence
    with pytest.raises(ConfigError, match=why):
        check_yaml_files(Path(words[1]))


def test_a_python_object_is_refused_and_an_unsafe_loader_would_have_called_it(groups, canary, tmp_path, capsys):
    words = groups(python_tag(canary))
    assert main(["dry_run=true", *words]) == 2
    assert "tag:yaml.org,2002:python/object/apply:os.system" in capsys.readouterr().err
    assert not canary.fired()
    yaml.load((tmp_path / "groups/experiment/e.yaml").read_text(), Loader=yaml.UnsafeLoader)
    assert canary.fired()


def test_the_same_folder_without_the_fault_passes(groups, tmp_path, capsys):
    words = groups("# @package _global_\nseed: &s 7\nmodel: {label_smoothing: 0.1}\n")
    assert main(["dry_run=true", *words]) == 0
    assert read_yaml(tmp_path / "groups/experiment/e.yaml") == {"seed": 7, "model": {"label_smoothing": 0.1}}
    (tmp_path / "groups" / ".hidden").mkdir()
    (tmp_path / "groups" / ".hidden" / "big.yaml").write_text(BOMB)  # Hydra never looks there
    (tmp_path / "groups" / "loop").symlink_to(tmp_path / "groups")
    assert main(["dry_run=true", *words]) == 0


def test_every_broken_file_is_named_ten_at_most(tmp_path):
    for number in range(12):
        (tmp_path / f"{number}.yaml").write_text("a: [")
    with pytest.raises(ConfigError) as caught:
        check_yaml_files(tmp_path)
    assert len(caught.value.sentences) == 10


def test_what_is_allowed_is_read_as_pyyaml_reads_it(tmp_path):
    text = "a: &a [1, 2.5, true, null, 'x', 2026-01-01]\nb: *a\nc: {<<: {d: 1}, e: !!str 2}\n"
    (tmp_path / "x.yaml").write_text("\ufeff" + text, encoding="utf-8")
    assert read_yaml(tmp_path / "x.yaml") == yaml.safe_load(text)
    (tmp_path / "full.yaml").write_text("x: " + "y" * (MOST_BYTES - 4))
    assert len(read_yaml(tmp_path / "full.yaml")["x"]) == MOST_BYTES - 4


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read"):
        read_yaml(tmp_path / "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_yaml(tmp_path / "latin.yaml")


@pytest.mark.parametrize("verb", ["predict", "list"])
def test_a_hostile_config_in_a_run_folder_harms_no_verb(run, canary, verb, capsys):
    started = time.monotonic()
    for text in (python_tag(canary), BOMB, "x: 1\n" * 1_000_000):
        (run / "config.yaml").write_text(text)
        words = [str(run), "text=yes"] if verb == "predict" else [f"output_dir={run.parents[1]}"]
        assert main([verb, *words]) in (0, 2)
        assert "Traceback" not in capsys.readouterr().err
        assert not canary.fired()
    assert time.monotonic() - started < 6
