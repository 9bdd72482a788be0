"""state.json: what is written is read back, redacted, and whole after a crash."""

import dataclasses
import json
import os

import pytest

from ftlab import state
from ftlab.errors import DataError
from ftlab.state import RunState, compared, digest, leaves, read_state, write_durably

TOKEN = "hf_" + "c" * 30
STATE = RunState(
    id="0a1b2c3d",
    name="tiny_full",
    verb="train",
    pid=7,
    host="here",
    started="2026-01-01T00:00:00",
    config_digest="d" * 64,
    seed=3,
    dataset_digest=None,
    overrides=["seed=3", "optimizer.lr=1e-3"],
    mlflow={"uri": "sqlite:///a.db", "run_id": "r"},
    sweep=None,
    config={"optimizer.lr": 0.001, "dataset.samples": ["a", "b"]},
)


def test_a_state_is_read_back_as_it_was_written(tmp_path):
    assert read_state(tmp_path) is None
    STATE.save(tmp_path)
    assert read_state(tmp_path) == STATE
    raw = json.loads((tmp_path / "state.json").read_text())
    assert next(iter(raw)) == "schema" and raw["schema"] == 1
    named = "id name verb pid host started config_digest seed dataset_digest overrides mlflow sweep"
    assert set(named.split()) <= set(raw)


def test_no_secret_is_written(tmp_path):
    secret = dataclasses.replace(
        STATE,
        overrides=[f"name={TOKEN}"],
        mlflow={"uri": "http://me:pw123@host"},
        config={"adapter.api_key": "s3cret-value", "model.pad_token": "[PAD]"},
    )
    secret.save(tmp_path)
    text = (tmp_path / "state.json").read_text()
    assert not any(word in text for word in (TOKEN, "pw123", "s3cret-value")) and "[PAD]" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"id": 1}',
        "[" * 100_000,
        '{"schema": 1, "id": "a", "name": null, "verb": "train"}',
    ],
)
def test_what_ftlab_did_not_write_is_refused_with_the_way_on(tmp_path, text):
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(DataError, match="is not a state that ftlab wrote; start the run again"):
        read_state(tmp_path)


@pytest.mark.parametrize("wrong", [{"overrides": [1]}, {"seed": "x"}, {"config": []}, {"mlflow": "m"}, {"schema": "1"}])
def test_a_field_of_another_kind_is_refused(tmp_path, wrong):
    STATE.save(tmp_path)
    path = tmp_path / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    with pytest.raises(DataError, match="is not a state that ftlab wrote"):
        read_state(tmp_path)


def test_a_huge_state_is_not_read_to_its_end_and_a_newer_one_is_for_a_newer_ftlab(tmp_path, monkeypatch):
    dataclasses.replace(STATE, schema=2).save(tmp_path)
    with pytest.raises(DataError, match="schema 2, this ftlab reads up to 1; update ftlab"):
        read_state(tmp_path)
    STATE.save(tmp_path)
    monkeypatch.setattr(state, "_MOST_BYTES", 10)
    with pytest.raises(DataError, match="is not a state that ftlab wrote"):
        read_state(tmp_path)


def test_a_state_that_cannot_be_opened_is_said(tmp_path):
    (tmp_path / "state.json").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_state(tmp_path)


def test_a_crash_while_writing_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_durably(path, "old")

    def crash(handle):
        raise OSError("power is gone")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(OSError, match="power"):
        write_durably(path, "new")
    assert path.read_text() == "old"


def test_the_digest_leaves_out_what_does_not_change_the_measurement():
    config = {"model": {"name": "m"}, "optimizer": {"lr": 0.1}}
    for key in ("seed", "name", "output_dir", "experiment_name", "dry_run", "tracking", "resume", "resume_policy"):
        assert digest({**config, key: "x"}) == digest(config), key
        assert key not in compared({**config, key: "x"})
    assert digest({**config, "optimizer": {"lr": 0.2}}) != digest(config)


def test_values_are_compared_one_level_deep_as_json_gives_them():
    assert leaves({"a": {"b": 1, "c": {}}, "d": [1, {"e": 2}]}) == {"a.b": 1, "d": [1, {"e": 2}]}
    assert compared({"a": {"b": (1, 2)}, "model": {"token": "s3cret"}, "seed": 1}) == {
        "a.b": [1, 2],
        "model.token": "<hidden>",
    }
