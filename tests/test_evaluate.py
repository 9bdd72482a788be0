"""A run scored and timed again: on its own rows, on others, and what is refused."""

import csv
import dataclasses
import json

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from ftlab import results
from ftlab.launch import main
from ftlab.paths import latest_run
from small import SMALL

QUICK = ["latency={min_samples: 3, min_seconds: 0.01, max_seconds: 0.05, batch_sizes: [1, 4]}"]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluate")


@pytest.fixture(scope="module")
def trained(outputs):
    more = [
        "adapter=full",
        "model.architecture.initializer_range=0.3",
        "experiment_name=tram",
        f"output_dir={outputs}",
        "seed=3",
    ]
    assert main([*SMALL, *more]) == 0
    return latest_run(outputs)


def evaluations(outputs):
    return {path.parent for path in outputs.glob("*/*_evaluate_*/result.json")}


@pytest.fixture
def evaluate(trained, outputs):
    def run(*words):
        before = evaluations(outputs)
        assert main(["evaluate", str(trained), f"output_dir={outputs}", *QUICK, *words]) == 0
        (folder,) = evaluations(outputs) - before
        return folder, json.loads((folder / "result.json").read_text())

    return run


@pytest.fixture(scope="module")
def own(trained, outputs):
    """The evaluation on the run's own rows."""
    assert main(["evaluate", "latest", f"output_dir={outputs}", *QUICK]) == 0
    (folder,) = evaluations(outputs)
    return folder


def record_of(folder):
    return json.loads((folder / "result.json").read_text())


def new_file(path, trained, change=lambda label: label):
    """Write the run's test rows to a csv file, in another order."""
    rows = pd.read_parquet(trained / "predictions.parquet")[["text", "label"]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *((t, change(v)) for t, v in rows.values[::-1])])
    return path


def test_own_rows_give_the_numbers_and_predictions_of_the_run(trained, own):
    before, now = record_of(trained), record_of(own)
    assert now["dataset"]["test_digest"] == before["dataset"]["test_digest"]
    assert now["quality"]["main"] == before["quality"]["main"]
    for name, value in before["quality"]["test"].items():
        assert now["quality"]["test"][name] == (value if name == "per_class" else pytest.approx(value, abs=1e-6)), name
    assert set(now["quality"]["test_ci95"]) == set(before["quality"]["test_ci95"])
    then, again = (pd.read_parquet(folder / "predictions.parquet") for folder in (trained, own))
    assert len(set(then.prediction)) > 1, "a model that always says the same shows nothing"
    for column in ("row_id", "text", "label", "prediction"):
        assert then[column].tolist() == again[column].tolist()
    for column in ("loss", "p_support"):
        assert again[column].tolist() == pytest.approx(then[column].tolist(), abs=1e-5)


@pytest.mark.slow
def test_merged_adapter_is_scored_as_it_was_tested_and_timed_as_merged(tmp_path):
    places = [f"output_dir={tmp_path}", "tracking=none"]
    assert main([*SMALL, *places, "adapter=lora", "trainer.max_epochs=1", "latency.enabled=false"]) == 0
    trained = latest_run(tmp_path)
    assert main(["evaluate", "latest", *places, *QUICK]) == 0
    (folder,) = evaluations(tmp_path)
    assert all(row["merged"] for row in record_of(folder)["latency"])
    then, now = (pd.read_parquet(place / "predictions.parquet") for place in (trained, folder))
    assert now.prediction.tolist() == then.prediction.tolist()
    assert now.loss.tolist() == pytest.approx(then.loss.tolist(), abs=1e-5)


def test_evaluation_has_its_own_folder_and_every_key_of_schema_1(trained, own):
    files = {str(path.relative_to(own)) for path in own.rglob("*") if path.is_file()}
    assert {"config.yaml", "result.json", "predictions.parquet", "latency.parquet", "run.log"} <= files
    assert {f"plots/{name}.png" for name in ("confusion_matrix", "calibration", "latency")} <= files
    assert ".lock" not in files and not [name for name in files if name.startswith(("model", "checkpoints"))]
    before, record = record_of(trained), record_of(own)
    assert set(record) == set(before) and own.parent == trained.parent
    sections = {"run": results.RunInfo, "dataset": results.DatasetInfo, "cost": results.Cost, "energy": results.Energy}
    for name, kind in sections.items():
        assert set(record[name]) == {f.name for f in dataclasses.fields(kind)}, name
    run = record["run"]
    assert (run["verb"], run["parent"], run["status"]) == ("evaluate", before["run"]["id"], "finished")
    assert run["id"] != before["run"]["id"] and run["seed"] == 3 and run["overrides"][0] == "run=latest"
    assert record["model"] == before["model"] and record["adapter"] == before["adapter"]
    assert record["training"] == dataclasses.asdict(results.TrainingStats())  # nothing was trained
    assert record["energy"]["training_wh"] is None
    assert record["quality"]["untrained"] == {} and record["quality"]["val"] == {}
    assert (record["dataset"]["train_rows"], record["dataset"]["test_rows"]) == (0, 30)
    assert (own / record["artefact"]["path"]).resolve() == (trained / "model").resolve()


def test_evaluation_is_timed_and_priced_anew(own):
    record = record_of(own)
    assert [(row["batch_size"], row["merged"]) for row in record["latency"]] == [(1, False), (4, False)]
    speed = record["latency"][0]["throughput_per_second"]
    assert record["cost"]["usd_per_1k_requests"] == pytest.approx(0.096 / (speed * 3600 * 0.5) * 1000)
    assert record["cost"]["training_usd"] is None and record["cost"]["prompt_tokens"] > 2


def test_mlflow_has_a_run_in_the_same_experiment_that_names_the_parent(trained, own, outputs):
    client = MlflowClient(f"sqlite:///{outputs / 'mlflow.db'}")
    before, now = (client.get_run(record_of(folder)["run"]["mlflow"]["run_id"]) for folder in (trained, own))
    assert now.info.experiment_id == before.info.experiment_id and now.info.status == "FINISHED"
    assert now.data.tags["ftlab.parent"] == record_of(trained)["run"]["id"]
    assert now.data.tags["ftlab.parent_mlflow_run_id"] == before.info.run_id
    assert now.data.metrics["test/accuracy"] == pytest.approx(before.data.metrics["test/accuracy"])


def test_labels_of_another_file_are_matched_by_name(trained, own, evaluate, tmp_path, capsys):
    order = ["support", "neutral", "oppose"]
    path = new_file(tmp_path / "new.csv", trained, order.index)
    words = ["dataset=files", f"dataset.test={path}", f"dataset.labels=[{','.join(order)}]", "latency.enabled=false"]
    folder, record = evaluate(*words)
    assert "then" not in capsys.readouterr().out, "other rows: nothing to compare with"
    before, now = pd.read_parquet(trained / "predictions.parquet"), pd.read_parquet(folder / "predictions.parquet")
    assert now.label.tolist() == before.label.tolist()[::-1]
    assert now.prediction.tolist() == before.prediction.tolist()[::-1]
    assert record["quality"]["test"]["accuracy"] == pytest.approx(record_of(trained)["quality"]["test"]["accuracy"])
    assert record["dataset"]["labels"] == record_of(trained)["dataset"]["labels"]
    assert record["dataset"]["leaked_rows"] is None and record["latency"] == []


@pytest.mark.slow
def test_a_value_changes_the_runs_own_data(evaluate, capsys):
    _, record = evaluate("dataset.limit.test=9", "dataset.max_length=8", "latency.enabled=false", "tracking=none")
    assert record["dataset"]["test_rows"] == 9 and record["dataset"]["max_length"] == 8
    assert 0 < record["dataset"]["truncated_rows"] <= 9
    assert "texts are longer than 8 tokens" in capsys.readouterr().out.replace("\n", " ")


def test_the_table_puts_the_runs_value_beside_the_new_one_on_the_same_rows(trained, own, outputs, capsys):
    words = ["latency.enabled=false", "tracking=none", f"output_dir={outputs}", "name=again"]
    assert main(["evaluate", str(trained), *words]) == 0
    printed = capsys.readouterr().out
    assert "then" in printed and "now" in printed and " before  " not in printed
    assert str(trained / "model") in printed


def test_a_label_the_model_does_not_know_leaves_no_folder(trained, outputs, tmp_path, capsys):
    path = new_file(tmp_path / "new.csv", trained, lambda label: label.replace("oppose", "against"))
    before = set(outputs.glob("tram/*"))
    assert main(["evaluate", str(trained), f"output_dir={outputs}", f"dataset.test={path}"]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1 and "label against, which the model does not know" in error
    assert "of the model: oppose, neutral, support" in error and set(outputs.glob("tram/*")) == before


def test_what_is_no_trained_run_is_refused_with_the_way_out(trained, own, outputs, capsys):
    assert main(["evaluate", str(own)]) == 2
    assert f"give the run it looked at: {trained.resolve()}" in capsys.readouterr().err
    assert main(["evaluate", str(outputs / "tram")]) == 2
    assert "holds no result.json" in capsys.readouterr().err


def test_looking_before_running(trained, outputs, capsys):
    assert main(["evaluate", str(trained), "dry_run=true", "dataset.limit.test=3"]) == 0
    assert capsys.readouterr().out == f"ok: run={trained} dataset.limit.test=3\n"
    assert main(["evaluate", str(trained), "--cfg", "job"]) == 0
    assert "bundled: policy_stance" in capsys.readouterr().out


@pytest.mark.slow
def test_own_metric_is_measured_when_named_again_and_a_wrong_one_leaves_nothing(evaluate, trained, outputs, capsys):
    own = ["metrics.kappa._target_=torchmetrics.classification.MulticlassCohenKappa", "latency.enabled=false"]
    _, record = evaluate(*own, "metrics.kappa.num_classes=3", "tracking=none")
    assert -1 <= record["quality"]["test"]["kappa"] <= 1
    before = set(outputs.glob("tram/*"))
    assert main(["evaluate", str(trained), f"output_dir={outputs}", *own, "metrics.kappa.num_classes=7"]) == 2
    assert "metrics.kappa" in capsys.readouterr().err and set(outputs.glob("tram/*")) == before
