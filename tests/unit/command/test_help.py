"""The text of --help, made from the files."""

import sys

import pytest

from ftlab.command import help as module
from ftlab.command.help import WIDTH, help_text


def section(text, title):
    return text.split(f"\n\n{title}")[1].split("\n\n")[0]


def test_every_choice_has_its_first_sentence_and_the_default_its_star():
    groups = section(help_text(), "Groups")
    assert "    lora " in groups and "LoRA (arXiv:2106.09685)" in groups
    assert "    full * " in groups and "    minilm * " in groups
    assert "\n    _" not in groups


def test_options_come_from_the_schema_with_their_comments():
    options = section(help_text(), "Options")
    assert (
        "  seed=42" in options and "  dry_run=false                      check the configuration, then stop" in options
    )
    assert "  dataset.limit.{train,val,test}" in options and "  latency.batch_sizes=[1,32]" in options
    assert "  metrics.* " in options and "model.architecture.*" in options
    assert "adapter.*" in options and "rank" in options
    assert "model._target_" not in options and "None" not in options


def test_a_plan_takes_what_a_training_takes_and_says_its_own_of_the_device():
    options, training = section(help_text("plan"), "Options"), section(help_text(), "Options")
    assert "auto (this machine), cpu, a data sheet such as t4_16gb" in options and "of inference" not in options
    assert options.count("\n  device=auto") == 1 and "\n  json=false" in options
    own = {line.split()[0] for line in training.splitlines()[1:] if line.startswith("  ")}
    assert own <= {line.split()[0] for line in options.splitlines()[1:] if line.startswith("  ")}
    assert "budget_usd" in training and "skip_unfit=false" in training


def test_lines_fit_a_terminal():
    assert max(map(len, help_text().splitlines())) <= WIDTH
    assert max(map(len, help_text("predict").splitlines())) <= WIDTH


def test_a_verb_without_groups_lists_its_own_options():
    text = help_text("predict")
    assert "Groups" not in text and "  run=latest" in text and "model." not in text


def test_a_filter_that_bears_a_group_s_name_is_an_option():
    options = section(help_text("list"), "Options")
    assert "\n  adapter\n" in options and "adapter.*" not in options and "  sort=started" in options


def test_a_folder_of_your_own_is_listed_too(tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "mine.yaml").write_text("rank: 3\n")
    assert "\n    mine\n" in help_text("train", tmp_path)


def test_long_sentences_are_cut_between_sentences_or_words():
    cut = module._shorten
    assert cut("One two. Three four.", 12) == "One two."
    assert cut("Anyone: three four five", 12) == "Anyone"
    assert cut("one two three four", 12) == "one two ..."
    assert cut("short", 12) == "short"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("None", ""),
        ('"???"', ""),
        ("True", "=true"),
        ('"a"', "=a"),
        ("3.0", "=3.0"),
        ("field(default_factory=list)", ""),
    ],
)
def test_defaults_are_shown_as_they_are_typed(source, shown):
    assert module._default(source) == shown


def test_help_needs_no_hydra(monkeypatch):
    for name in ("hydra", "omegaconf", "yaml"):
        monkeypatch.setitem(sys.modules, name, None)
    assert help_text().startswith("ftlab ")
