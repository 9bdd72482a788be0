"""What was measured before training is measured once."""

import math
import types

import pytest

from ftlab.errors import DataError
from ftlab.predictor import Prediction
from ftlab.verbs import untrained
from ftlab.verbs.untrained import measure_untrained

SAMPLE = Prediction("a", 0.75, {"a": 0.75, "b": 0.25})


@pytest.fixture
def measured(monkeypatch):
    calls = []

    def test(trainer, module, data):
        calls.append("tested")
        return types.SimpleNamespace(metrics={"accuracy": 0.1 + 0.2, "auroc": math.nan})

    monkeypatch.setattr(untrained.stages, "test_untrained", test)
    monkeypatch.setattr(untrained.stages, "predict_samples", lambda module, samples: [SAMPLE for _ in samples])
    return calls


def recording(folder, *, goes_on):
    return types.SimpleNamespace(folder=folder, before=object() if goes_on else None)


def test_it_is_written_once_and_read_back_to_the_last_bit(tmp_path, measured):
    first = measure_untrained(None, None, None, ["text"], recording(tmp_path, goes_on=True))  # killed before it came
    again = measure_untrained(None, None, None, ["text"], recording(tmp_path, goes_on=True))
    assert measured == ["tested"]
    assert again.samples == first.samples == [SAMPLE]
    assert again.metrics["accuracy"] == first.metrics["accuracy"] == 0.1 + 0.2 and math.isnan(again.metrics["auroc"])


def test_a_new_run_measures_whatever_lies_there(tmp_path, measured):
    (tmp_path / "untrained.json").write_text("{")
    measure_untrained(None, None, None, [], recording(tmp_path, goes_on=False))
    assert measured == ["tested"]


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"metrics": 1, "samples": []}', '{"metrics": {}, "samples": [{}]}']
)
def test_a_broken_file_says_how_to_go_on(tmp_path, measured, text):
    (tmp_path / "untrained.json").write_text(text)
    with pytest.raises(DataError, match=r"untrained\.json cannot be read .*remove the file"):
        measure_untrained(None, None, None, [], recording(tmp_path, goes_on=True))
