import math
import threading
import time

import pytest
from mlflow.tracking import MlflowClient

from ftlab import tracking
from ftlab.tracking import MlflowRun, tracking_uri

TOKEN = "hf_" + "b" * 30


@pytest.fixture
def uri(tmp_path):
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def test_uri_is_the_setting_then_the_environment_then_an_absolute_sqlite_file(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    from pathlib import Path

    assert tracking_uri(None, Path("outputs")) == f"sqlite:///{tmp_path / 'outputs' / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert tracking_uri(None, Path("outputs")) == "http://tracking:5000"
    assert tracking_uri("sqlite:///x.db", Path("outputs")) == "sqlite:///x.db"


def test_parent_and_child_hold_every_finite_point_once(tmp_path, uri):
    parent = MlflowRun(uri, "study", "sweep", tmp_path)
    child = MlflowRun(uri, "study", "job", tmp_path, {"ftlab.folder": "f", "gone": None}, parent.names.run_id)
    child.log_hyperparams({"optimizer.lr": 0.1, "api_key": "k", "note": TOKEN, **{f"p{i}": i for i in range(150)}})
    for step in range(1500):
        child.log_metrics({"train/loss": step, "nan": math.nan, "inf": math.inf}, step)
    (tmp_path / "a.txt").write_text("hello")
    child.log_artifact(tmp_path / "a.txt", "small")
    child.finish("FINISHED")
    parent.finish("FINISHED")

    client = MlflowClient(uri)
    run = client.get_run(child.names.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == parent.names.run_id
    assert "gone" not in run.data.tags
    assert run.data.params["p149"] == "149"
    assert run.data.params["api_key"] == run.data.params["note"] == "<hidden>"
    assert set(run.data.metrics) == {"train/loss"}
    points = client.get_metric_history(child.names.run_id, "train/loss")
    assert [p.value for p in points] == list(range(1500))
    assert [f.path for f in client.list_artifacts(child.names.run_id, "small")] == ["small/a.txt"]
    assert len(client.search_experiments(filter_string="name = 'study'")) == 1


def test_points_wait_in_memory_until_the_flush(tmp_path, uri):
    run = MlflowRun(uri, "study", "job", tmp_path, flush_seconds=1e9)
    run.log_metrics({"a": 1.0}, 0)
    client = MlflowClient(uri)
    assert client.get_run(run.names.run_id).data.metrics == {}
    run.finalize("success")
    assert client.get_run(run.names.run_id).data.metrics == {"a": 1.0}
    assert client.get_run(run.names.run_id).info.status == "RUNNING"


def test_a_fault_of_the_server_is_said_once_and_the_run_goes_on(tmp_path, caplog):
    (tmp_path / "file").write_text("no database")
    run = MlflowRun(f"sqlite:///{tmp_path / 'file'}", "study", "job", tmp_path)
    run.log_metrics({"a": 1.0}, 0)
    run.finish("FINISHED")
    assert not run.active
    assert run.version is None
    assert [
        record.message.count("the run goes on") for record in caplog.records if record.name == "ftlab.tracking"
    ] == [1]


def test_names_hide_a_login(tmp_path):
    run = MlflowRun(f"sqlite:///{tmp_path / 'a.db'}", "study", "job", tmp_path)
    from ftlab.tracking import RunNames

    assert RunNames("http://me:pw@host").to_dict()["uri"] == "http://<hidden>@host"
    assert run.names.to_dict()["run_id"] == run.version
    assert run.name == "job"


def test_a_run_opened_again_gets_no_param_and_no_point_twice(tmp_path, uri):
    first = MlflowRun(uri, "study", "job", tmp_path)
    first.log_hyperparams({"optimizer.lr": 0.1})
    for step in (2, 4, 6):
        first.log_metrics({"train/loss": step / 10}, step)
    first.log_metrics({"cost/usd": 1.0})
    first.finish("KILLED")
    again = MlflowRun(uri, "study", "job", tmp_path, {"new": "tag"}, run_id=first.version)
    client = MlflowClient(uri)
    assert again.names == first.names and client.get_run(first.version).info.status == "RUNNING"
    again.log_hyperparams({"optimizer.lr": 0.2, "extra": 1})
    for step in (4, 6, 8):
        again.log_metrics({"train/loss": step / 10, "val/loss": 1.0}, step)
    again.log_metrics({"cost/usd": 2.0})  # the last word of the run
    again.finish("FINISHED")
    run = client.get_run(first.version)
    assert run.info.status == "FINISHED" and run.data.tags["new"] == "tag"
    assert run.data.params == {"optimizer.lr": "0.1", "extra": "1"} and run.data.metrics["cost/usd"] == 2.0
    points = {name: client.get_metric_history(first.version, name) for name in ("train/loss", "val/loss")}
    assert [p.step for p in points["train/loss"]] == [2, 4, 6, 8] and [p.step for p in points["val/loss"]] == [4, 6, 8]

    client.delete_run(first.version)
    other = MlflowRun(uri, "study", "job", tmp_path, run_id=first.version)
    assert other.active and other.version not in (None, first.version)


def test_a_server_that_is_down_when_a_run_goes_on_leaves_it_its_id(tmp_path, caplog):
    (tmp_path / "file").write_text("no database")
    run = MlflowRun(f"sqlite:///{tmp_path / 'file'}", "study", "job", tmp_path, run_id="abc")
    assert not run.active and run.names.to_dict()["run_id"] == "abc"


def test_only_the_run_of_a_dead_folder_is_marked_killed(tmp_path, uri):
    ours = MlflowRun(uri, "study", "new", tmp_path)
    dead = MlflowRun(uri, "study", "dead", tmp_path, {"ftlab.folder": "/outputs/dead"})
    ours.close_dead(dead.version, tmp_path / "another")
    ours.close_dead("0" * 32, tmp_path)  # not in this store
    client = MlflowClient(uri)
    assert client.get_run(dead.version).info.status == "RUNNING" and ours.active
    from pathlib import Path

    ours.close_dead(dead.version, Path("/outputs/dead"))
    assert client.get_run(dead.version).info.status == "KILLED"


def test_whatever_a_client_raises_the_run_goes_on(tmp_path, uri, monkeypatch, caplog):
    run = MlflowRun(uri, "study", "job", tmp_path)

    def broken(*rest, **more):
        raise ValueError

    monkeypatch.setattr(MlflowClient, "log_batch", broken)
    run.log_metrics({"a": 1.0})
    run.finish("FAILED")
    assert not run.active and "ValueError" in caplog.text


class Silent(MlflowClient):
    """A store that takes a connection and never answers, once it is told to."""

    def __init__(self, uri):
        super().__init__(uri)
        self.silent = threading.Event()
        self.answers = threading.Event()

    def log_batch(self, *rest, **more):
        if self.silent.is_set():
            self.answers.wait(30)
        return super().log_batch(*rest, **more)


@pytest.fixture
def silent(tmp_path, uri, monkeypatch):
    run = MlflowRun(uri, "study", "job", tmp_path, flush_seconds=0.0)
    run._client = client = Silent(uri)
    client.silent.set()
    run._patience = 0.1  # as over HTTP, where it is seconds
    yield run
    client.answers.set()


def test_a_store_that_never_answers_delays_no_step_and_the_end_for_a_while(silent, caplog):
    took = []
    for step in range(200):
        began = time.perf_counter()
        silent.log_metrics({"train/loss": 1.0}, step)
        took.append(time.perf_counter() - began)
    assert sorted(took)[190] < 0.005
    began = time.perf_counter()
    silent.finalize("success")  # waits, and gives up
    silent.set_tags({"a": "b"})
    silent.finish("FINISHED")  # has nothing to wait for any more
    assert time.perf_counter() - began < 5
    assert not silent.active
    assert caplog.text.count("the run goes on") == 1 and "no answer for 0.1 seconds" in caplog.text


def test_a_store_that_answers_late_gets_every_point(silent, uri):
    for step in range(50):
        silent.log_metrics({"train/loss": float(step)}, step)
    silent._client.silent.clear()
    silent._client.answers.set()
    silent.finish("FINISHED")
    points = MlflowClient(uri).get_metric_history(silent.version, "train/loss")
    assert [point.step for point in points] == list(range(50))


def test_a_store_that_never_answers_does_not_fill_the_memory(silent, monkeypatch, caplog):
    monkeypatch.setattr(tracking, "_WAITING", 100)
    for step in range(200):
        silent.log_metrics({"train/loss": 1.0}, step)
    assert not silent.active
    assert len(silent._points) <= 101
    assert "numbers wait for it" in caplog.text


def test_a_server_that_does_not_answer_at_the_start_is_given_up_for_good(tmp_path, uri, monkeypatch, caplog):
    came = threading.Event()

    def late(address):
        came.wait(30)
        return MlflowClient(uri)

    monkeypatch.setattr(tracking, "MlflowClient", late)
    monkeypatch.setattr(tracking, "_START_SECONDS", 0.1)
    run = MlflowRun("http://127.0.0.1:9", "study", "job", tmp_path)
    assert not run.active and run.version is None
    came.set()
    assert run._background.wait(None)
    assert not run.active and run.version is None  # too late: state.json names no run
    run.log_metrics({"a": 1.0}, 0)
    run.finish("FINISHED")
    assert caplog.text.count("the run goes on") == 1


def test_points_leave_in_the_order_they_came_and_before_what_came_after(tmp_path, uri, monkeypatch):
    run = MlflowRun(uri, "study", "job", tmp_path, flush_seconds=1e9)
    calls = []
    monkeypatch.setattr(MlflowClient, "log_batch", lambda self, at, **more: calls.extend(sorted(more)))
    monkeypatch.setattr(MlflowClient, "set_terminated", lambda self, at, status: calls.append(status))
    run.log_metrics({"a": 1.0}, 0)
    run.save()
    run.set_tags({"b": "c"})
    run.log_metrics({"a": 2.0}, 1)
    run.finish("FINISHED")
    assert calls[0] == "metrics" and calls[-1] == "FINISHED" and "tags" in calls
