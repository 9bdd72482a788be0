"""A run that was stopped goes on in its folder, as if nothing had happened."""

import hashlib
import json
import os
import re
import shlex
import socket

import pytest
from mlflow.tracking import MlflowClient

from ftlab.launch import main
from ftlab.modules.classifier import ClassifierModule
from small import SMALL

SPEC = [*SMALL, "adapter=lora", "seed=3", "latency.enabled=false", "dataset.samples=[Build the tram.]"]


@pytest.fixture
def stop(monkeypatch):
    """Raise an error in the training step that follows ``step`` updates; None: never."""
    step_as_it_is = ClassifierModule.training_step

    def set_stop(step, error=None):
        def training_step(self, *rest):
            if self.trainer.global_step == step:
                raise error
            return step_as_it_is(self, *rest)

        monkeypatch.setattr(ClassifierModule, "training_step", step_as_it_is if step is None else training_step)

    return set_stop


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    """A run that nobody stopped."""
    outputs = tmp_path_factory.mktemp("twin")
    assert main([*SPEC, f"output_dir={outputs}"]) == 0
    return only_run(outputs)


def only_run(outputs):
    (state,) = outputs.glob("default/*/state.json")
    return state.parent


def read(folder, name="result.json"):
    return json.loads((folder / name).read_text())


def sha256(folder):
    return hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest()


def mlflow_runs(outputs):
    client = MlflowClient(f"sqlite:///{outputs / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'default'")
    return client, client.search_runs([experiment.experiment_id])


def kill_hard(folder):
    """Leave what a kill -9 leaves: no record, the lock of a dead process, MLflow RUNNING."""
    (folder / "result.json").unlink()
    (folder / ".lock").write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "process_started": 1}))
    known = read(folder, "state.json")["mlflow"]
    if known["run_id"]:
        MlflowClient(known["uri"]).update_run(known["run_id"], status="RUNNING")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "code", "status", "tracked", "hard"),
    [
        pytest.param(RuntimeError("oops"), 1, "failed", "FAILED", False, id="exception", marks=pytest.mark.slow),
        pytest.param(KeyboardInterrupt(), 130, "killed", "KILLED", False, id="SIGINT", marks=pytest.mark.slow),
        pytest.param(SystemExit(143), 143, "killed", "KILLED", False, id="SIGTERM", marks=pytest.mark.slow),
        pytest.param(SystemExit(143), 143, "killed", "KILLED", True, id="SIGKILL"),
    ],
)
def test_a_run_that_was_stopped_goes_on_and_ends_like_its_twin(
    tmp_path, capsys, stop, twin, error, code, status, tracked, hard
):
    words = [*SPEC, f"output_dir={tmp_path}"]
    stop(6, error)
    assert main(words) == code
    folder = only_run(tmp_path)
    began, ended = read(folder, "state.json"), read(folder)
    assert ended["run"]["status"] == status and not (folder / ".lock").exists()
    client, (before,) = mlflow_runs(tmp_path)
    assert before.info.status == tracked
    (folder / "model").mkdir()
    (folder / "model" / "half.safetensors").write_text("")  # of an end that was interrupted
    if hard:
        kill_hard(folder)

    stop(None)
    capsys.readouterr()
    assert main([*words, "resume=latest"]) == 0
    printed = capsys.readouterr().out
    assert f"goes on at step 4 of {folder}" in printed
    assert only_run(tmp_path) == folder and not (folder / ".lock").exists()
    result, whole = read(folder), read(twin)
    assert sha256(folder) == sha256(twin) and not (folder / "model" / "half.safetensors").exists()
    assert result["quality"] == whole["quality"] and result["training"]["steps"] == 8
    run = result["run"]
    assert (run["id"], run["started"], run["status"], run["error"]) == (began["id"], began["started"], "finished", None)
    assert run["overrides"] == began["overrides"] == words
    assert run["config_digest"] == began["config_digest"] == whole["run"]["config_digest"]

    client, (after,) = mlflow_runs(tmp_path)
    assert after.info.run_id == run["mlflow"]["run_id"] == before.info.run_id
    assert after.info.status == "FINISHED" and after.data.params == before.data.params
    twins_client, (twins,) = mlflow_runs(twin.parents[1])
    for name in ("train/loss", "val/f1_macro", "val/loss"):
        ours, theirs = (
            sorted((point.step, point.value) for point in c.get_metric_history(r.info.run_id, name))
            for c, r in ((client, after), (twins_client, twins))
        )
        assert ours == theirs, name
    log = (folder / "run.log").read_text()
    assert "goes on at step 4" in log


@pytest.mark.slow
def test_a_run_stopped_before_its_first_checkpoint_starts_from_its_beginning_in_place(tmp_path, capsys, stop, twin):
    words = [*SPEC, f"output_dir={tmp_path}", "tracking=none"]
    stop(2, SystemExit(143))
    assert main(words) == 143
    folder = only_run(tmp_path)
    untrained = read(folder, "untrained.json")
    stop(None)
    capsys.readouterr()
    assert main([*words, f"resume={folder}"]) == 0
    assert f"no checkpoint to go on from, so the run starts from its beginning in {folder}" in capsys.readouterr().out
    assert sha256(folder) == sha256(twin)
    before = read(folder)["quality"]["untrained"]
    assert before == read(twin)["quality"]["untrained"] == {**untrained["metrics"], "per_class": before["per_class"]}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The outputs of a run that failed after its first epoch, without MLflow; only looked at."""
    outputs = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        as_it_is = ClassifierModule.training_step

        def training_step(self, *rest):
            if self.trainer.global_step == 6:
                raise RuntimeError("oops")
            return as_it_is(self, *rest)

        patch.setattr(ClassifierModule, "training_step", training_step)
        assert main([*SPEC, f"output_dir={outputs}", "tracking=none"]) == 1
    return outputs


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["optimizer.lr=1e-4"], r"optimizer\.lr is 0\.001 there, 0\.0001 here"),
        (["seed=4"], r"seed is 3 there, 4 here"),
        (["adapter.rank=4"], r"adapter\.rank is 8 there, 4 here"),
        (
            ["model.dropout=0.2", "trainer.max_epochs=3"],
            r"model\.dropout is .* there, 0\.2 here; .*max_epochs is 2 there, 3",
        ),
        (
            ["resume_policy=changed", "adapter.rank=4"],
            r"adapter\.rank is 8 there, 4 here, which no resume_policy allows",
        ),
        (["resume_policy=changed", "model.architecture.hidden_size=64"], r"hidden_size is .* there, 64 here, which no"),
    ],
)
def test_other_options_are_refused_with_the_difference_and_what_to_type(stopped, capsys, more, sentence):
    folder = only_run(stopped)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    words = [*SPEC, f"output_dir={stopped}", "tracking=none", *more]
    assert main([*words, f"resume={folder}"]) == 2
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1 and re.search(sentence, said), said
    if "resume_policy=changed" not in more:
        assert re.search(
            rf"Type: python -m ftlab .*adapter=lora seed=3 .* resume={folder}, or .*resume_policy=changed", said
        )
        assert main([*words, "resume=latest"]) == 2
        said = capsys.readouterr().err.strip()
        assert re.search(rf"finds no unfinished run with these options below {stopped}.* resume={folder} \(", said)
        assert re.search(sentence, said)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_what_the_sentence_says_to_type_is_accepted(stopped, capsys):
    folder = only_run(stopped)
    assert main(["model=tiny_bert", f"output_dir={stopped}", f"resume={folder}"]) == 2
    typed = capsys.readouterr().err.partition("Type: python -m ftlab ")[2].partition(", or go on")[0]
    assert main([*shlex.split(typed), "dry_run=true"]) == 0
    assert f"ok: goes on in {folder}" in capsys.readouterr().out


def test_a_folder_in_use_or_elsewhere_is_refused(stopped, capsys):
    folder, words = only_run(stopped), [*SPEC, f"output_dir={stopped}", "tracking=none"]
    lock = folder / ".lock"
    try:
        lock.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        for what in ("latest", folder):
            assert main([*words, f"resume={what}"]) == 2
            assert f"in use by process {os.getpid()} on" in capsys.readouterr().err
        lock.write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
        assert main([*words, f"resume={folder}"]) == 2
        assert f"if it does not, remove {lock}" in capsys.readouterr().err
        assert main([*words, f"resume={folder}/checkpoints"]) == 2
        assert f"did you mean resume={folder}?" in capsys.readouterr().err
        assert main(["-m", *words, f"resume={folder}"]) == 2
        assert "is no sweep" in capsys.readouterr().err
    finally:
        lock.unlink()


@pytest.mark.slow
def test_other_rows_are_refused_before_a_weight_is_loaded_unless_asked_for(tmp_path, capsys, stop, monkeypatch):
    rows = ["text,label", *(f"word{n} thing{n % 5},{'ab'[n % 2]}" for n in range(120))]
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    spec = [word for word in SPEC if not word.startswith("dataset.samples")]
    words = [*spec, "dataset=files", f"dataset.train={tmp_path / 'rows.csv'}", f"output_dir={tmp_path / 'out'}"]
    words.append("tracking=none")
    stop(6, RuntimeError("oops"))
    assert main(words) == 1
    folder = only_run(tmp_path / "out")
    record = (folder / "result.json").read_text()
    (tmp_path / "rows.csv").write_text("\n".join(rows).replace("thing", "matter"))
    stop(None)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        loader = "ftlab.verbs.tasks.classification.load_classifier"
        patch.setattr(loader, lambda *rest: pytest.fail("a weight was loaded"))
        assert main([*words, "resume=latest"]) == 2
    assert "began with other rows" in (said := capsys.readouterr().err) and "resume_policy=changed" in said
    assert (folder / "result.json").read_text() == record and not (folder / ".lock").exists()
    # With the rows it had it goes on, and so it can with another learning rate, if that is what is asked for.
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    assert main([*words, f"resume={folder}", "resume_policy=changed", "trainer.max_epochs=3"]) == 0
    assert "trainer.max_epochs is 3 from here on, and was 2" in capsys.readouterr().out
    result, state = read(folder), read(folder, "state.json")
    assert result["training"]["steps"] > 8 and "trainer.max_epochs=3" in result["run"]["overrides"]
    assert (
        state["changed"] == {"trainer.max_epochs": [2, 3]} and "max_epochs: 3" in (folder / "config.yaml").read_text()
    )
    assert main([*words, f"resume={folder}"]) == 2
    assert "is finished, and nothing is left to do" in capsys.readouterr().err


@pytest.mark.slow
def test_a_mistake_found_while_it_goes_on_leaves_the_folder_to_be_gone_on_with(tmp_path, capsys, stop):
    words = [*SPEC, f"output_dir={tmp_path}", "tracking=none"]
    stop(6, RuntimeError("oops"))
    assert main(words) == 1
    folder = only_run(tmp_path)
    newest = max((folder / "checkpoints").glob("state-*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:100])
    stop(None)
    assert main([*words, "resume=latest", "resume_policy=strict"]) == 2
    assert "resume_policy=same" in capsys.readouterr().err
    assert folder.is_dir() and not (folder / ".lock").exists() and newest.exists()
    assert main([*words, "resume=latest"]) == 0
    assert f"{newest}" in capsys.readouterr().out  # passed over, aloud
    assert read(folder)["run"]["status"] == "finished"


@pytest.mark.slow
def test_the_first_error_is_reported_though_mlflow_fails_too(tmp_path, capsys, stop, monkeypatch):
    stop(2, ZeroDivisionError("the first"))

    def broken(self, *rest, **more):
        if rest[-1] != "success":  # the pass before training ends well
            raise RuntimeError("the second")

    monkeypatch.setattr("mlflow.tracking.MlflowClient.set_terminated", broken)
    monkeypatch.setattr("ftlab.tracking.MlflowRun.finalize", broken)
    assert main([*SPEC, f"output_dir={tmp_path}"]) == 1
    assert read(only_run(tmp_path))["run"]["error"] == "the first"
    assert "ZeroDivisionError: the first" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_whose_mlflow_run_is_gone_gets_a_new_one_and_says_so_once(tmp_path, capsys, stop):
    words = [*SPEC, f"output_dir={tmp_path}"]
    stop(6, RuntimeError("oops"))
    assert main(words) == 1
    client, (run,) = mlflow_runs(tmp_path)
    client.delete_run(run.info.run_id)
    stop(None)
    capsys.readouterr()
    assert main([*words, "resume=latest"]) == 0
    assert capsys.readouterr().err.count("no longer has run") == 1
    _, (run,) = mlflow_runs(tmp_path)
    assert run.info.run_id == read(only_run(tmp_path))["run"]["mlflow"]["run_id"] and run.info.status == "FINISHED"
    assert run.data.params["adapter.rank"] == "8"


@pytest.mark.slow
def test_a_sweep_goes_on_with_the_jobs_that_did_not_finish(tmp_path, capsys, stop, monkeypatch):
    words = ["-m", *SPEC, f"output_dir={tmp_path}", "optimizer.lr=1e-3,2e-3,3e-3"]
    as_it_is = ClassifierModule.training_step

    def training_step(self, *rest):
        if self.trainer.global_step == 6 and self.trainer.optimizers[0].defaults["lr"] == 2e-3:
            raise KeyboardInterrupt
        return as_it_is(self, *rest)

    monkeypatch.setattr(ClassifierModule, "training_step", training_step)
    assert main(words) == 130
    (sweep,) = tmp_path.glob("default/*")
    first, second = (read(sweep / f"{n}_tiny_bert_lora") for n in (0, 1))
    assert (first["run"]["status"], second["run"]["status"]) == ("finished", "killed")
    stop(None)
    capsys.readouterr()
    assert main([*words[:-1], "optimizer.lr=1e-3,2e-3", "resume=latest"]) == 2
    said = capsys.readouterr().err
    assert "optimizer.lr=1e-3,2e-3,3e-3 there, optimizer.lr=1e-3,2e-3 here" in said and f"resume={sweep}" in said
    assert main([*words[1:-1], f"resume={sweep}"]) == 2
    assert "is a sweep" in capsys.readouterr().err

    assert main([*words, "resume=latest"]) == 0
    printed = capsys.readouterr().out
    assert "job 0_tiny_bert_lora: finished before, and is kept" in printed and "3 of 3 jobs finished" in printed
    assert printed.count("goes on at step 4") == 1
    assert list(tmp_path.glob("default/*")) == [sweep] and not list(sweep.rglob(".lock"))
    results = [read(sweep / f"{n}_tiny_bert_lora") for n in range(3)]
    assert results[0] == first and results[1]["run"]["id"] == second["run"]["id"]
    assert results[1]["run"]["mlflow"] == second["run"]["mlflow"]
    _, runs = mlflow_runs(tmp_path)
    assert len(runs) == 4 and {run.info.status for run in runs} == {"FINISHED"}
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert {r["run"]["mlflow"]["parent_run_id"] for r in results} == {parent.info.run_id}
    assert main([*words, f"resume={sweep}"]) == 2
    assert "all 3 jobs finished" in capsys.readouterr().err


@pytest.mark.slow
def test_the_next_start_marks_a_run_that_was_killed_hard(tmp_path, stop):
    words = [*SPEC, f"output_dir={tmp_path}", "trainer.max_epochs=1"]
    stop(2, SystemExit(143))
    assert main(words) == 143
    folder = only_run(tmp_path)
    kill_hard(folder)
    run_id = read(folder, "state.json")["mlflow"]["run_id"]
    client, _ = mlflow_runs(tmp_path)
    assert client.get_run(run_id).info.status == "RUNNING"
    stop(None)
    assert main([*words, "seed=4"]) == 0
    assert client.get_run(run_id).info.status == "KILLED"
