"""The command line taken apart."""

from pathlib import Path

import pytest

from ftlab.command.arguments import parse, root_keys, verbs


def test_no_word_is_train():
    found = parse([])
    assert (found.verb, found.overrides, found.faults, found.multirun, found.help) == ("train", [], [], False, False)


def test_the_verb_may_stand_anywhere_among_the_words():
    for words in (["train", "-m", "seed=1,2"], ["-m", "train", "seed=1,2"], ["-m", "seed=1,2", "train"]):
        found = parse(words)
        assert (found.verb, found.overrides, found.multirun, found.faults) == ("train", ["seed=1,2"], True, [])


def test_the_value_of_a_flag_is_no_verb(tmp_path):
    found = parse(["--cfg", "job", "--package", "train", "--info", "defaults", "--config-dir", str(tmp_path), "seed=1"])
    assert found.hydra_flags == ["--cfg", "job", "--package", "train", "--info", "defaults"]
    assert (found.verb, found.folder, found.overrides, found.faults) == ("train", tmp_path, ["seed=1"], [])


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["-c", "all", "--resolve"], ["--cfg", "all", "--resolve"]),
        (["--cfg=hydra"], ["--cfg", "hydra"]),
        (["--info"], ["--info", "all"]),
        (["--info", "seed=1"], ["--info", "all"]),
        (["-i", "plugins"], ["--info", "plugins"]),
        (["--hydra-help"], ["--hydra-help"]),
        (["-r"], []),
    ],
)
def test_hydras_flags_are_handed_on(words, flags):
    found = parse(words)
    assert (found.hydra_flags, found.faults) == (flags, [])


def test_our_own_flags():
    assert parse(["-h"]).help and parse(["help"]).help and parse(["predict", "--help"]).verb == "predict"
    assert parse(["--version"]).version and parse(["version"]).version
    assert parse(["-sc", "query=bash"]).completion


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lr", "1e-3"], "--lr is no flag; write optimizer.lr=1e-3"),
        (["--lr=1e-3"], "--lr is no flag; write optimizer.lr=1e-3"),
        (["--dry-run"], "--dry-run is no flag; write dry_run=<value>"),
        (["-v", "seed=1"], "-v is no flag; options are written key=value, see ftlab --help"),
        (
            ["-cn", "other"],
            "-cn is not used here: the verb chooses the configuration; verbs: chat, ",
        ),
        (["--config-path=x"], "--config-path is not used here: ftlab brings its own"),
        (["--experimental-rerun", "x.pickle"], "--experimental-rerun is not used here: it would unpickle a file"),
        (["--cfg", "jbo"], "--cfg jbo is not possible; write --cfg job|hydra|all"),
        (["--package"], "--package  is not possible; write --package model"),
        (["--config-dir"], "--config-dir  is no folder; give the folder that holds your groups"),
        (["trian"], "trian is not a verb; did you mean train? Verbs: chat, "),
        (["pred-ict"], "pred-ict is not a verb; did you mean predict?"),
        (["wat"], "wat is not a verb. Verbs: chat, "),
        (["bert-large"], "bert-large is not a verb; did you mean model=bert_large?"),
        (["lora"], "lora is not a verb; did you mean adapter=lora?"),
        (["train", "lora"], "lora is no override; did you mean adapter=lora?"),
        (["train", "a/b"], "a/b is no override; options are written key=value"),
        (["predict", "-m"], "-m is not for predict, which makes no run; leave it out"),
    ],
)
def test_what_cannot_be_taken_gets_a_sentence(words, sentence):
    (found,) = parse(words).faults
    assert found.startswith(sentence)


def test_a_misspelt_verb_stands_for_the_near_one():
    assert parse(["pridict", "latest"]).verb == "predict"


def test_a_folder_is_for_predict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for words in (["run"], ["train", "run"], ["./run"]):
        (found,) = parse(words).faults
        assert (
            found
            == f'{words[-1]} is a folder; to predict with a run, type: ftlab predict {words[-1]} text="your sentence"'
        )


def test_predict_takes_its_words_verbatim():
    found = parse(["predict", "a b=c", "runs/{x}", "text=it's ${x}, [1=2]", "device=cpu"])
    assert found.verbatim == {"run": "runs/{x}", "text": "it's ${x}, [1=2]"}
    assert found.overrides == ["a b=c", "device=cpu"]
    assert parse(["predict", "text=a", "text=b"]).verbatim == {"text": "b"}
    assert "~run" in parse(["predict", "~run"]).overrides


def test_list_takes_its_filters_verbatim_and_a_bare_word_for_the_folder():
    found = parse(["list", "runs/{x}", "model=mini,b{ert", "status=failed", "sort=main", "limit=3", "--json"])
    assert found.verbatim == {"output_dir": "runs/{x}", "model": "mini,b{ert", "status": "failed"}
    assert (found.overrides, found.faults) == (["sort=main", "limit=3", "json=true"], [])
    assert parse(["outputs", "list"]).verbatim == {"output_dir": "outputs"}
    assert parse(["list", "a", "b"]).faults == ["b is no override; options are written key=value"]


def test_json_is_for_the_verbs_that_have_it():
    (found,) = parse(["train", "--json"]).faults
    assert found.startswith("--json is not for train, it is for: ") and "list, plan; leave it out" in found


def test_a_text_that_omegaconf_takes_for_missing_is_refused():
    (found,) = parse(["predict", "latest", "text=???"]).faults
    assert found.startswith("text=??? means that the value is missing")


def test_verbs_are_the_files_at_the_root(monkeypatch, tmp_path):
    assert verbs() == ["chat", "compare", "evaluate", "list", "plan", "predict", "train"]
    for name in ("serve.yaml", "_shared.yaml", "notes.txt"):
        (tmp_path / name).write_text("")
    monkeypatch.setattr("ftlab.command.arguments.config_dir", lambda: tmp_path)
    assert verbs() == ["serve"]


def test_root_keys_are_those_of_the_schema():
    assert {"model", "seed", "dry_run"} <= root_keys("train") and "model" not in root_keys("predict")
