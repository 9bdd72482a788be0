"""One whole run on a tiny random model, and what is left of it."""

import dataclasses
import json
import re

import pandas as pd
import pytest
import torch
from mlflow.tracking import MlflowClient
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ftlab import results
from ftlab.launch import main
from small import SMALL


def run(folder, *overrides):
    return main([*SMALL, f"output_dir={folder}", *overrides])


def only_run(folder):
    (found,) = folder.glob("*/*/result.json")
    return found.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("outputs")
    assert run(outputs, "adapter=lora", "seed=3") == 0
    return only_run(outputs)


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "result.json").read_text())


def test_run_folder_holds_every_file(folder):
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        "config.yaml",
        "result.json",
        "predictions.parquet",
        "history.parquet",
        "latency.parquet",
        "run.log",
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
        "model/README.md",
        "plots/loss_curve.png",
        "plots/confusion_matrix.png",
        "plots/calibration.png",
        "plots/latency.png",
    } <= files
    assert [name for name in files if name.startswith("checkpoints/state-") and name.endswith(".ckpt")]
    assert ".lock" not in files


def test_every_key_of_schema_1_is_there(record):
    sections = {
        "run": results.RunInfo,
        "model": results.ModelInfo,
        "dataset": results.DatasetInfo,
        "quality": results.Quality,
        "training": results.TrainingStats,
        "cost": results.Cost,
        "energy": results.Energy,
        "artefact": results.Artefact,
    }
    assert record["schema"] == 1
    for name, kind in sections.items():
        assert set(record[name]) == {f.name for f in dataclasses.fields(kind)}, name
    for row in record["latency"]:
        assert set(row) == {f.name for f in dataclasses.fields(results.LatencyRow)}
    assert {"adapter", "prompt", "compression", "environment"} <= set(record)


def test_what_can_be_known_is_not_null(record):
    unknown = {f"{s}.{k}" for s, v in record.items() if isinstance(v, dict) for k, x in v.items() if x is None}
    assert unknown == {
        "run.error",
        "run.sweep",
        "run.parent",
        "model.revision",
        "model.quantization",
        "model.stands_for",
        "training.gpu_utilisation",
        "training.compile_seconds",
        "cost.usd_per_1m_tokens",
        "environment.gpu",
    } - ({"run.git_commit"} if record["run"]["git_commit"] else set())


def test_lora_is_timed_apart_and_merged_and_the_price_rests_on_what_is_shipped(record):
    rows = [(row["batch_size"], row["merged"]) for row in record["latency"]]
    assert rows == [(1, False), (4, False), (1, True), (4, True)]
    merged = record["latency"][2]
    expected = 0.096 / (merged["throughput_per_second"] * 3600 * 0.5) * 1000
    assert record["cost"]["usd_per_1k_requests"] == pytest.approx(expected)
    assert all(row["protocol"] == "short" for row in record["latency"])


def test_adapter_and_model_are_counted(record):
    assert record["adapter"]["rank"] == 8
    assert record["training"]["optimizer"] == "torch.optim.AdamW"
    assert record["training"]["learning_rate"] == record["adapter"]["learning_rate"]
    model = record["model"]
    assert model["trainable_percent"] == pytest.approx(100 * model["trainable_parameters"] / model["parameters"])
    assert record["artefact"]["verified"] and record["artefact"]["max_abs_logit_difference"] < 1e-3


def test_test_quality_equals_what_the_predictions_say(folder, record):
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert len(rows) == record["dataset"]["test_rows"] == 30
    assert record["quality"]["test"]["accuracy"] == pytest.approx((rows.label == rows.prediction).mean())
    assert record["quality"]["test"]["loss"] == pytest.approx(rows.loss.mean(), rel=1e-5)
    low, high = record["quality"]["test_ci95"]["accuracy"]
    assert low <= record["quality"]["test"]["accuracy"] <= high
    assert set(record["quality"]["untrained"]) == set(record["quality"]["test"])


def test_model_folder_predicts_the_same_in_plain_transformers(folder):
    rows = pd.read_parquet(folder / "predictions.parquet")
    net = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    with torch.inference_mode():
        encoded = tokenizer(rows.text.tolist(), truncation=True, max_length=96, padding=True, return_tensors="pt")
        numbers = net(**encoded).logits.argmax(-1).tolist()
    assert [net.config.id2label[n] for n in numbers] == rows.prediction.tolist()


def test_curves_hold_the_loss_and_each_validation(folder, record):
    history = pd.read_parquet(folder / "history.parquet")
    assert (history.name == "val/f1_macro").sum() == 2
    assert (history.name == "train/loss").sum() >= 4
    best = history[history.name == "val/f1_macro"].value.max()
    assert record["quality"]["val"]["f1_macro"] == pytest.approx(best)


def test_mlflow_holds_the_same_numbers(folder, record):
    client = MlflowClient(f"sqlite:///{folder.parents[1] / 'mlflow.db'}")
    run = client.get_run(record["run"]["mlflow"]["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["ftlab.folder"] == str(folder)
    assert run.data.params["adapter.rank"] == "8"
    assert run.data.metrics["test/accuracy"] == pytest.approx(record["quality"]["test"]["accuracy"])
    assert run.data.metrics["latency/b1/p50_ms"] == pytest.approx(record["latency"][0]["p50_ms"])
    names = {f.path for f in client.list_artifacts(run.info.run_id)}
    assert {"config.yaml", "result.json", "plots"} <= names
    assert [p.step for p in client.get_metric_history(run.info.run_id, "val/f1_macro")] != []


def test_predict_prints_the_label_of_a_text(folder, capsys):
    assert main(["predict", str(folder), "text=Build the tram, and build it now."]) == 0
    printed = capsys.readouterr().out
    assert all(label in printed for label in ("oppose", "neutral", "support"))


def test_predict_finds_the_latest_run(folder, capsys):
    assert main(["predict", "latest", f"output_dir={folder.parents[1]}", "text=It's ${not} a [template]"]) == 0
    assert folder.name in capsys.readouterr().out.replace("\n", "")


def test_predict_without_a_text_says_what_to_type(folder, capsys):
    assert main(["predict", str(folder)]) == 2
    assert "text=" in capsys.readouterr().err


@pytest.mark.parametrize(
    "adapter", ["full", *(pytest.param(a, marks=pytest.mark.slow) for a in ("none", "head", "freeze"))]
)
def test_every_adapter_runs_to_its_record(tmp_path, adapter):
    assert run(tmp_path, f"adapter={adapter}", "trainer.max_epochs=1", "latency.enabled=false", "tracking=none") == 0
    record = json.loads((only_run(tmp_path) / "result.json").read_text())
    model = record["model"]
    if adapter == "none":
        assert model["trainable_parameters"] == 0
        assert record["training"]["seconds"] is None
        assert record["quality"]["untrained"]["accuracy"] == record["quality"]["test"]["accuracy"]
    else:
        assert (model["trainable_parameters"] == model["parameters"]) == (adapter == "full")
        assert record["training"]["steps"] == 4
    assert record["latency"] == [] and record["cost"]["usd_per_1k_requests"] is None


@pytest.mark.slow
def test_same_seed_same_numbers_and_another_seed_others(tmp_path):
    losses = []
    for place, seed in (("a", 1), ("b", 1), ("c", 2)):
        quick = ["adapter=full", "trainer.max_epochs=1", "latency.enabled=false", "tracking=none"]
        assert run(tmp_path / place, *quick, f"seed={seed}") == 0
        record = json.loads((only_run(tmp_path / place) / "result.json").read_text())
        losses.append(record["quality"]["test"]["loss"])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.slow
def test_own_metric_is_measured_and_can_be_the_monitor(tmp_path):
    own = ["metrics.kappa._target_=torchmetrics.classification.MulticlassCohenKappa", "metrics.kappa.num_classes=3"]
    assert (
        run(tmp_path, *own, "monitor=val/kappa", "trainer.max_epochs=1", "latency.enabled=false", "tracking=none") == 0
    )
    record = json.loads((only_run(tmp_path) / "result.json").read_text())
    assert record["quality"]["main"] == {"name": "kappa", "split": "test", "direction": "max"}
    assert -1 <= record["quality"]["test"]["kappa"] <= 1


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["adapter=lora", "adapter.targets=[q_lin]"], r"q_lin"),
        (["dataset.max_length=600"], r"dataset\.max_length"),
        (["dataset.labels=[oppose,neutral]", "dataset.limit=null"], r"dataset\.limit"),
        (["dataset.label_column=stance"], r"dataset\.label_column"),
        (["adapter=freeze", "adapter.last_layers=9"], r"adapter\.last_layers"),
        (["model.class_weights=[1,2]"], r"model\.class_weights"),
    ],
)
def test_faults_of_data_and_model_are_one_sentence_and_leave_no_folder(tmp_path, capsys, overrides, sentence):
    assert run(tmp_path, *overrides) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1
    assert re.search(sentence, error)
    assert not list(tmp_path.rglob("result.json")) and not list(tmp_path.glob("default/*"))
