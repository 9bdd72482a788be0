"""What parts of a configuration must say about each other."""

import copy
import dataclasses
import gzip
import json

import pytest

from ftlab.check import rules
from ftlab.check.composed import Composed
from ftlab.check.rules import check
from ftlab.command.composer import Composer, plain
from ftlab.metrics.measures import CLASSIFICATION
from ftlab.schema import PredictConfig


@pytest.fixture(scope="module")
def loaded():
    with Composer("train") as composer:
        yield composer.load()


@pytest.fixture
def faults(loaded, tmp_path):
    """Check the default configuration with some values replaced: ``faults({"model.init": "random"})``."""

    def find(changes, given=(), choices=None):
        values = copy.deepcopy(loaded.values)
        raw = plain(loaded.cfg, resolve=False)
        values["output_dir"] = str(tmp_path)
        for key, value in changes.items():
            for tree in (values, raw):
                node = tree
                *path, last = key.split(".")
                for part in path:
                    node = node[part]
                node[last] = value
        return check(
            Composed("train", values, raw, loaded.values, choices or {"model": "minilm"}, frozenset(given or changes))
        )

    return find


def test_the_defaults_have_no_fault(faults):
    assert faults({}) == []


def test_pretrained_needs_weights_and_random_needs_an_architecture(faults):
    assert faults({"model.checkpoint": None}) == [
        "model=minilm has no weights to start from; write model.init=random, or model.checkpoint=<hub id or folder>"
    ]
    assert faults({"model.checkpoint": None, "model.init": "random"}) == []
    assert faults({"model.init": "random", "model.architecture": {}}) == [
        "model.init=random needs an architecture; add model.architecture.model_type=bert"
    ]


@pytest.mark.parametrize("given", ["messages", "text"])
def test_texts_to_write_are_refused_with_a_model_that_gives_labels(faults, given):
    (sentence,) = faults({"dataset.format": given}, choices={"model": "minilm", "dataset": "files"})
    assert "holds texts to write, and model=minilm gives labels; write model=smollm2_135m" in sentence
    assert faults({"dataset.format": "classification"}) == []


def test_a_checkpoint_beside_random_weights_is_refused_unless_random_was_typed(faults):
    changes = {"model.init": "random", "model.checkpoint": "a/b"}
    assert "is not read, since model=minilm is random" in faults(changes, given=["model.checkpoint"])[0]
    assert faults(changes) == []


def test_a_local_checkpoint_is_looked_at(faults, tmp_path):
    assert "does not exist" in faults({"model.checkpoint": "./nowhere"})[0]
    assert "no" in faults({"model.checkpoint": str(tmp_path)})[0]  # a folder without a model
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "x.Y"}}))
    assert "auto_map" in faults({"model.checkpoint": str(tmp_path)})[0]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert "model.safetensors" in faults({"model.checkpoint": str(tmp_path)})[0]
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert faults({"model.checkpoint": str(tmp_path)}) == []
    assert "model.tokenizer=./nowhere does not exist" in faults({"model.tokenizer": "./nowhere"})[0]
    assert faults({"model.tokenizer": "bytes"}) == []


def test_texts_longer_than_the_positions_are_refused_for_the_architecture_in_use(faults):
    (sentence,) = faults({"dataset.max_length": 513})
    assert (
        sentence == "dataset.max_length=513 is beyond the 512 positions of model=minilm; write dataset.max_length=512"
    )
    assert faults({"dataset.max_length": 512}) == []
    assert faults({"dataset.max_length": 513, "model.checkpoint": "long/model"}) == []
    assert faults({"dataset.max_length": 513, "model.checkpoint": "long/model", "model.init": "random"})
    assert faults({"dataset.max_length": 513, "model.architecture": {}}) == []


def test_roberta_keeps_two_positions_for_itself(faults):
    shape = {"model_type": "roberta", "max_position_embeddings": 514}
    assert faults({"dataset.max_length": 512, "model.architecture": shape}) == []
    assert "beyond the 512 positions" in faults({"dataset.max_length": 513, "model.architecture": shape})[0]


@pytest.mark.parametrize("weights", ["balanced", None, [1, 2.5, 0]])
def test_class_weights_that_fit(faults, weights):
    assert faults({"model.class_weights": weights}) == []


@pytest.mark.parametrize("weights", ["even", 3, [0, 0, 0], [1, -1, 1], [1, "2", 1], [True, 1, 1]])
def test_class_weights_that_are_none(faults, weights):
    (sentence,) = faults({"model.class_weights": weights})
    assert sentence.endswith("write model.class_weights=balanced")


def test_there_is_one_class_weight_per_label(faults):
    assert faults({"model.class_weights": [1, 2]}) == [
        "model.class_weights has 2 numbers for the 3 labels oppose, neutral, support; give one each"
    ]
    assert faults({"model.class_weights": [1, 2], "dataset.labels": None}) == []


def test_the_monitor_is_a_measured_metric_or_one_of_yours(faults):
    for name in CLASSIFICATION:
        assert faults({"monitor": f"val/{name}"}) == []
    assert faults({"monitor": "f1_macro"})[0].startswith("monitor=f1_macro is not measured; write monitor=val/f1_macro")
    assert "write monitor=val/f1_macro" in faults({"monitor": "xyz"})[0]
    own = {"mine": {"_target_": "torchmetrics.classification.MulticlassF1Score"}}
    assert faults({"monitor": "val/mine", "metrics": own}) == []


def test_training_ends(faults):
    endless = {"trainer.max_epochs": -1}
    assert faults(endless) == ["trainer.max_epochs=-1 and trainer.max_steps=-1 never end; write trainer.max_epochs=5"]
    assert faults({**endless, "trainer.max_steps": 10}) == []
    assert faults({**endless, "trainer.max_time": "00:01:00:00"}) == []
    assert faults({**endless, "adapter.name": "none"}) == []


def test_latency_and_the_price_speak_of_the_same_batch_sizes(faults):
    assert faults({"cost.batch_size": 4}) == ["cost.batch_size=4 is not timed; write latency.batch_sizes=[1,4,32]"]
    assert faults({"cost.batch_size": 4, "latency.enabled": False}) == []
    for sizes in ([], [0], [1, 1]):
        assert faults({"latency.batch_sizes": sizes})[0].endswith("write latency.batch_sizes=[1,32]")
    (sentence,) = faults({"latency.max_seconds": 1.0})
    assert sentence.endswith("less than latency.min_seconds=3.0; write latency.min_seconds=1.0")


def test_names_become_folders(faults):
    (sentence,) = faults({"experiment_name": "a b/c"})
    assert sentence.endswith("write experiment_name=a-b-c")
    (sentence,) = faults({"model.name": "a b", "name": "a b_full"})
    assert sentence.endswith("write model.name=a-b")
    (sentence,) = faults({"name": "x" * 81})
    assert sentence.endswith("write name=" + "x" * 80)


def test_a_login_in_the_tracking_address_is_refused_wherever_it_comes_from(faults):
    (sentence,) = faults({"tracking.uri": "http://me:geheim@host"}, given=["seed"])
    assert "geheim" not in sentence and "MLFLOW_TRACKING_PASSWORD" in sentence


def test_faults_of_the_data_sets_options_are_among_them(faults):
    assert "dataset.batch_size=0" in faults({"dataset.batch_size": 0})[0]
    assert "dataset.batching=packed" in faults({"dataset.batching": "packed"})[0]


def test_a_data_set_without_a_source_asks_for_a_file(faults):
    for train in (None, "???"):
        (sentence,) = faults({"dataset.bundled": None, "dataset.train": train}, choices={"dataset": "files"})
        assert sentence == "dataset.train is missing, and dataset=files needs it; write dataset.train=<file>"


def test_files_must_exist_and_a_near_one_is_named(faults, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text("")
    (tmp_path / "notes.txt").write_text("")
    assert faults({"dataset.train": "train.csv", "dataset.hub": "a/b"}) == []
    assert faults({"dataset.train": "trian.csv"}) == [
        "dataset.train=trian.csv does not exist; did you mean dataset.train=train.csv?"
    ]
    assert faults({"dataset.test": "x.parquet"}) == [
        f"dataset.test=x.parquet does not exist; {tmp_path} holds train.csv"
    ]
    assert "neither does the folder data" in faults({"dataset.val": "data/x.csv"})[0]
    assert faults({"dataset.train": "split_name", "dataset.hub": "a/b"}) == []
    (tmp_path / "empty").mkdir()
    assert faults({"dataset.train": "empty/x.csv"})[0].endswith("holds nothing like it")


def test_an_unknown_option_has_no_range(faults):
    assert [fault.split(";")[0] for fault in faults({"adapter.rank": 0})] == [
        "adapter.rank is not an option of adapter"
    ]


def predict(**values):
    usual = dataclasses.asdict(PredictConfig(text="x"))
    return check(Composed("predict", {**usual, **values}, {**usual, **values}, usual, {}, frozenset()))


def test_predict_needs_a_text_and_a_folder(tmp_path):
    assert predict() == [] and predict(run=str(tmp_path), text="") == []
    missing = 'text is missing; type: ftlab predict latest text="your sentence", or input=<file>'
    assert predict(text=None) == [missing]
    assert "does not exist" in predict(run=str(tmp_path / "x"))[0]
    (tmp_path / "file").write_text("")
    assert predict(run=str(tmp_path / "file"))[0].endswith("is a file; give the run's folder")
    assert predict(device="tpu")[0].startswith("device=tpu is not one of")


def test_each_sentence_is_said_once(monkeypatch, tmp_path):
    monkeypatch.setattr(rules, "RULES", {"predict": (lambda c: ["same", "same"], lambda c: ["same"])})
    assert predict() == ["same"]


def test_packed_files_patterns_and_folders_are_checked_too(faults, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(b"text,label\na,b\n"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.json").write_text('[{"text": "a", "label": "b"}]')
    own = {"dataset.bundled": None}
    for train in ("train.csv.gz", "*.csv.gz", "data", "data/train.json", "./data"):
        assert faults({**own, "dataset.train": train}) == []
    assert "did you mean dataset.train=train.csv.gz?" in faults({**own, "dataset.train": "trian.csv.gz"})[0]
    assert "matches no file" in faults({**own, "dataset.train": "part-*.csv"})[0]
    assert "without a file called test" in faults({**own, "dataset.train": "data", "dataset.test": "data"})[0]
    assert "dataset.train=nowhere does not exist" in faults({**own, "dataset.train": "nowhere"})[0]


def test_a_run_that_is_not_there_names_what_lists_the_runs_and_no_hidden_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    (sentence,) = predict(run=str(tmp_path / "x"))
    assert sentence.endswith("; `ftlab list` shows the runs there are") and ".git" not in sentence


def test_relative_positions_have_no_table_that_ends(faults):
    shape = {"model_type": "deberta-v2", "max_position_embeddings": 512, "position_biased_input": False}
    assert faults({"dataset.max_length": 1024, "model.architecture": shape}) == []


@pytest.mark.parametrize(("key", "place"), [("device", "cpu"), ("trainer.accelerator", "mps")])
def test_flash_attention_is_refused_where_the_configuration_has_no_cuda(faults, key, place):
    assert faults({"model.attention": "flash", key: place, "trainer.precision": "auto"}) == [
        f"model.attention=flash needs a CUDA GPU, and {key}={place} is none; write model.attention=sdpa"
    ]


def test_flash_attention_wants_half_precision(faults):
    assert faults({"model.attention": "flash", "trainer.precision": "32-true"}) == [
        "model.attention=flash computes in half precision only, not in trainer.precision=32-true; write "
        "trainer.precision=bf16-mixed"
    ]
    for precision in ("auto", "bf16-mixed", "16-true"):
        assert faults({"model.attention": "flash", "trainer.precision": precision}) == []
