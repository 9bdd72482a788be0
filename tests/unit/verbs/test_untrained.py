"""What was measured before training is measured once."""

import json
import math
import types
from collections import OrderedDict

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from ftlab.decoding.writing import Generated
from ftlab.errors import DataError
from ftlab.launch import main
from ftlab.verbs import tested as passes
from ftlab.verbs import untrained
from ftlab.verbs.tasks.written import Written
from ftlab.verbs.tested import Answer
from ftlab.verbs.untrained import measure_untrained
from small import SMALL

PER_CLASS = {"oppose": {"precision": 0.1, "recall": 1 / 3, "f1": 0.2, "support": 3}}
SAMPLE = Answer("a", 0.75)


@pytest.fixture
def measured(monkeypatch):
    calls = []

    def test(trainer, module, data):
        calls.append("tested")
        return passes.Tested({"accuracy": 0.1 + 0.2, "auroc": math.nan}, None)

    monkeypatch.setattr(untrained.stages, "test_untrained", test)
    return calls


def task(*samples):
    """Return a task that writes an answer to one test row, and says ``samples``."""
    answer = Generated([1, 2], "caf\u00e9 \ud800", 3, 2, "eos")

    def beyond(module, data, tested):
        written = Written(np.array([0]), [answer], {"bleu": 0.5}, [{}])
        return passes.Tested({**tested.metrics, **written.metrics}, None, written)

    return types.SimpleNamespace(
        answers=lambda module, data: list(samples), beyond=beyond, per_class=lambda data, tested: dict(PER_CLASS)
    )


def recording(folder, *, goes_on):
    return types.SimpleNamespace(folder=folder, before=object() if goes_on else None)


def test_it_is_written_once_and_read_back_to_the_last_bit(tmp_path, measured):
    first = measure_untrained(
        task(SAMPLE), None, None, None, recording(tmp_path, goes_on=True)
    )  # killed before it came
    again = measure_untrained(task(SAMPLE), None, None, None, recording(tmp_path, goes_on=True))
    assert measured == ["tested"]
    assert again.samples == first.samples == [SAMPLE]
    assert again.per_class == first.per_class == PER_CLASS
    assert again.written == first.written == ["caf\u00e9 \ud800"]
    assert again.metrics["accuracy"] == first.metrics["accuracy"] == 0.1 + 0.2 and math.isnan(again.metrics["auroc"])


def test_a_new_run_measures_whatever_lies_there(tmp_path, measured):
    (tmp_path / "untrained.json").write_text("{")
    measure_untrained(task(), None, None, None, recording(tmp_path, goes_on=False))
    assert measured == ["tested"]


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"metrics": 1, "samples": []}', '{"metrics": {}, "samples": [{}]}']
)
def test_a_broken_file_says_how_to_go_on(tmp_path, measured, text):
    (tmp_path / "untrained.json").write_text(text)
    with pytest.raises(DataError, match=r"untrained\.json cannot be read .*remove the file"):
        measure_untrained(task(), None, None, None, recording(tmp_path, goes_on=True))


class Log:
    def __init__(self):
        self.points = []

    def log_metrics(self, metrics, step):
        self.points.append((metrics, step))


def measure(folder, known_as, *, world_size=1, says=SAMPLE):
    folder.mkdir(exist_ok=True)
    trainer = types.SimpleNamespace(world_size=world_size, loggers=[Log()])
    found = measure_untrained(task(says), trainer, None, None, recording(folder, goes_on=False), known_as)
    return found, trainer.loggers[0].points


@pytest.fixture
def nothing_known(monkeypatch):
    monkeypatch.setattr(untrained, "_measured", OrderedDict())


def test_a_later_job_with_the_same_fingerprint_takes_and_logs_what_was_found(tmp_path, measured, nothing_known):
    first, _ = measure(tmp_path / "0", "same")
    second, points = measure(tmp_path / "1", "same")
    assert measured == ["tested"]
    assert second is first
    ((logged, step),) = points
    assert step == 0 and logged["untrained/accuracy"] == 0.1 + 0.2 and math.isnan(logged.pop("untrained/auroc"))
    assert set(logged) == {"untrained/accuracy", "untrained/bleu", "epoch"}
    assert (tmp_path / "1" / "untrained.json").read_text() == (tmp_path / "0" / "untrained.json").read_text()


def test_nothing_is_taken_for_another_fingerprint_none_or_several_processes(tmp_path, measured, nothing_known):
    measure(tmp_path / "0", "same")
    measure(tmp_path / "1", "other")
    measure(tmp_path / "2", None)
    measure(tmp_path / "3", "same", world_size=2)
    assert measured == ["tested"] * 4


def test_samples_that_come_out_otherwise_void_what_is_known(tmp_path, measured, nothing_known):
    measure(tmp_path / "0", "same")
    other = Answer("b", 0.6)
    assert measure(tmp_path / "1", "same", says=other)[0].samples == [other]
    assert measured == ["tested"] * 2


def test_only_so_many_measurements_are_kept(tmp_path, measured, nothing_known):
    for number in range(40):
        measure(tmp_path / "0", str(number))
    assert list(untrained._measured) == [str(number) for number in range(8, 40)]


@pytest.mark.slow
def test_jobs_of_a_sweep_that_begin_alike_are_scored_once_and_train_as_alone(tmp_path, monkeypatch):
    own = [*SMALL, "trainer.max_epochs=1", "latency.enabled=false", "dataset.samples=[a plain text]"]
    monkeypatch.setattr(untrained, "_measured", OrderedDict())
    scored, really = [], untrained.stages.test_untrained
    monkeypatch.setattr(untrained.stages, "test_untrained", lambda *given: scored.append(1) or really(*given))
    assert main(["-m", *own, f"output_dir={tmp_path / 'sweep'}", "adapter=full,lora"]) == 0
    assert scored == [1]
    assert main([*own, f"output_dir={tmp_path / 'alone'}", "adapter=lora"]) == 0
    jobs = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("sweep/*/*/*/result.json"))]
    (alone,) = (json.loads(path.read_text()) for path in tmp_path.glob("alone/*/*/result.json"))
    assert jobs[0]["quality"]["untrained"] == jobs[1]["quality"]["untrained"] == alone["quality"]["untrained"]
    assert jobs[1]["quality"]["test"] == alone["quality"]["test"]
    client = MlflowClient(f"sqlite:///{tmp_path / 'sweep' / 'mlflow.db'}")
    runs = [client.get_run(job["run"]["mlflow"]["run_id"]).data.metrics for job in jobs]
    before = [{k: v for k, v in run.items() if k.startswith("untrained/") or k == "epoch"} for run in runs]
    assert before[0] == before[1] and "untrained/accuracy" in before[0]


@pytest.mark.parametrize(("before", "rows", "wanted"), [(["a", "b"], 2, ["a", "b"]), (["a"], 2, []), (["a"], None, [])])
def test_answers_from_before_stand_beside_as_many_of_now_or_not_at_all(before, rows, wanted):
    now = None if rows is None else Written(rows=np.arange(rows))
    found = untrained.Untrained({}, [], before).beside(passes.Tested({}, None, now))
    assert found == wanted
