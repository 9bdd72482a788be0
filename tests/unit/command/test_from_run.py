"""What evaluate takes over from a run, as data."""

import dataclasses
import re

import pytest
from omegaconf import OmegaConf

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.from_run import resolve
from ftlab.command.order import make_order
from ftlab.schema import GenerationConfig
from made_runs import run_result

DATASET = {"name": "mine", "train": "a.csv", "test": "b.csv", "text_column": "body", "labels": ["no", "yes"]}
CONFIG = {"model": {"name": "m", "tokenizer": "bytes"}, "dataset": {**DATASET, "tokenizer": "${model.tokenizer}"}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv", "new.csv"):
        (tmp_path / name).write_text("body,label\n")
    run = tmp_path / "run"
    run.mkdir()
    run_result().save(run)
    write(run, CONFIG)
    return run


def write(run, config):
    (run / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create({"experiment_name": "tram", **config})))


def planned(*words):
    arguments = parse(["evaluate", "run", *words])
    with Composer("evaluate") as composer:
        order = make_order(arguments, composer)
    order.raise_faults()
    return order.cells[0].cfg


def faults(*words):
    arguments = parse(["evaluate", *words])
    with Composer("evaluate") as composer:
        order = make_order(arguments, composer)
    return [*order.typing_faults, *order.faults]


def test_nothing_said_takes_the_runs_data_length_seed_and_experiment(folder):
    cfg, record = planned(), run_result()
    assert (cfg.dataset.name, cfg.dataset.test, cfg.dataset.text_column) == ("mine", "b.csv", "body")
    assert cfg.dataset.labels == ["no", "yes"] and cfg.dataset.tokenizer is None
    assert cfg.dataset.max_length == record.dataset.max_length and cfg.seed == record.run.seed
    assert cfg.experiment_name == "tram" and cfg.name == f"{record.run.name}_evaluate"


def test_values_change_the_runs_own_data_and_what_is_typed_wins(folder):
    cfg = planned("dataset.limit.test=100", "dataset.max_length=17", "seed=3", "name=again", "experiment_name=x")
    assert (cfg.dataset.test, cfg.dataset.limit.test, cfg.dataset.max_length) == ("b.csv", 100, 17)
    assert (cfg.seed, cfg.name, cfg.experiment_name) == (3, "again", "x")


def test_other_rows_keep_the_columns_and_forget_the_rest(folder):
    write(folder, {"dataset": {**DATASET, "limit": {"test": 30}, "sample_per_class": 5}})
    data = planned("dataset.test=new.csv").dataset
    assert (data.name, data.test, data.train, data.text_column) == ("files", "new.csv", None, "body")
    assert data.labels is None and data.limit.test is None and data.sample_per_class is None


def test_another_data_set_keeps_only_the_runs_length(folder):
    data = planned("dataset=files", "dataset.test=new.csv").dataset
    assert (data.name, data.test, data.train, data.text_column) == ("files", "new.csv", None, "text")
    assert data.max_length == run_result().dataset.max_length
    assert planned("dataset=imdb").dataset.labels == ["negative", "positive"]


def test_references_are_looked_up_and_never_resolved(monkeypatch, folder):
    monkeypatch.setenv("SECRET_PLACE", "from the environment")
    tree = {"a": {"b": 3}, "c": "${a.b}", "loop": "${loop}"}
    assert resolve("${a.b}", tree) == 3 and resolve("x${c}y", tree) == "x3y"
    for text in ("${oc.env:SECRET_PLACE}", "x${oc.env:SECRET_PLACE}", "${nothing}", "${loop}", "${.a}"):
        assert resolve(text, tree) == "???"
    for text in (r"\${oc.env:SECRET_PLACE}", r"\\\${oc.env:SECRET_PLACE}", r"${a:${oc.env:SECRET_PLACE}}", "${a"):
        made = OmegaConf.create({"x": resolve(text, tree)})
        assert OmegaConf.is_missing(made, "x") or "environment" not in str(OmegaConf.to_container(made, resolve=True))
    (folder / "config.yaml").write_text("dataset: {name: mine, test: '${oc.env:SECRET_PLACE}'}\n")
    assert faults("run")[0].startswith("dataset.test is missing")
    assert faults("run", "dataset.test=new.csv") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("dataset: {name: mine, nme: x}", r"config\.yaml holds a data set that this ftlab cannot read"),
        ("dataset: {name: mine, max_length: many}", r"dataset=files dataset\.test=<file>"),
        ("dataset: {name: !!python/object/apply:os.system [id]}", r"config\.yaml"),
        ("dataset: 3", r"holds no dataset"),
        ("x: " + "y" * 300_000, r"bytes"),
    ],
)
def test_a_configuration_that_is_none_is_one_sentence(folder, text, sentence):
    (folder / "config.yaml").write_text(text)
    (found,) = faults("run")
    assert re.search(sentence, found)


def test_runs_that_cannot_be_used_say_what_to_type(folder, tmp_path):
    assert faults("rum") == ["run=rum does not exist; did you mean run=run?"]
    assert faults("a.csv") == ["run=a.csv is a file; give the run's folder"]
    (folder / "config.yaml").unlink()
    assert "does not say what it was trained on" in faults("run")[0]
    assert "no finished run lies below" in faults("latest")[0]
    # Other faults are still found, none about the data set that could not be read.
    assert faults("rum", "latency.min_samples=0", "dataset.limit.test=3")[1:] == [
        "latency.min_samples=0 must be at least 1; write e.g. latency.min_samples=30"
    ]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("dataset.tokenizer=bytes", r"dataset\.tokenizer has no effect on evaluate: the run brings its own"),
        ("dataset.on_leak=drop", r"nothing is trained; leave it out"),
        ("dataset.test=gone.csv", r"dataset\.test=gone\.csv does not exist"),
        ("dataset=files", r"write dataset\.test=<file>"),
        ("dataset.max_length=9999", r"beyond the model's 512 positions; write dataset\.max_length=512"),
        ("latency.batch_sizes=[2]", r"write latency\.batch_sizes=\[1,2\]"),
        ("name=a/b", r"write name=a-b"),
        ("sed=1", r"did you mean seed"),
        ("-m", r"-m is not for evaluate"),
        ("text=x", r"text is not an option"),
    ],
)
def test_options_that_do_not_fit_say_what_to_type(folder, word, sentence):
    (found,) = faults("run", word)
    assert re.search(sentence, found)


def test_the_order_of_the_words_does_not_matter_for_latest(folder, tmp_path):
    arguments = parse(["evaluate", f"output_dir={tmp_path}", "run=latest"])
    with Composer("evaluate") as composer:
        order = make_order(arguments, composer)
    assert order.faults == [] and order.cells[0].cfg.dataset.name == "mine"


def test_answers_are_written_as_the_run_wrote_them_but_for_what_is_typed(folder):
    write(folder, {**CONFIG, "generation": {"max_new_tokens": 12, "stop": ["END"], "limit": 5}})
    record = run_result()
    dataclasses.replace(record, model=dataclasses.replace(record.model, task="causal_lm", head="lm")).save(folder)
    cfg = planned("generation.limit=7")
    assert (cfg.generation.max_new_tokens, list(cfg.generation.stop), cfg.generation.limit) == (12, ["END"], 7)


@pytest.mark.parametrize("held", [{"from_another": "version"}, {"limit": "many"}, "text", None])
def test_ways_of_writing_that_cannot_be_read_are_ftlabs_own(folder, held):
    write(folder, {**CONFIG, "generation": held})
    assert planned().generation == OmegaConf.structured(GenerationConfig)
