"""What can be wrong with the value of resume=, one sentence each (no folder is opened)."""

import pytest

from ftlab.errors import ConfigError


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "e" / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "state.json").write_text("{}")
    (run / "checkpoints" / "state-4.ckpt").write_text("")
    (tmp_path / "lone").write_text("")
    return run


def test_a_folder_and_the_word_latest_pass(place, cfg):
    assert cfg("resume=latest").resume == "latest"
    assert cfg("resume=outputs/e/run", "resume_policy=strict").resume == "outputs/e/run"
    assert cfg().resume is None


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("http://host/x.ckpt", r"resume=http://host/x\.ckpt is an address; .*write resume=latest"),
        ("s3://bucket/run", r"is an address"),
        ("outputs/e/rum", r"resume=outputs/e/rum does not exist; did you mean resume=outputs/e/run\?"),
        ("nowhere/at/all", r"does not exist, and neither does the folder nowhere/at"),
        ("outputs/e/run/checkpoints/state-4.ckpt", r"is a file; give the run's folder: resume=outputs/e/run$"),
        ("lone", r"resume=lone is a file; give the run's folder: resume=<folder>"),
        ("auto", r"resume=auto is no folder; write resume=latest"),
        ("true", r"resume=True is no folder; write resume=latest|resume=true is no folder; write resume=latest"),
        ("last", r"write resume=latest"),
        ("false", r"leave it out to start a new run"),
        ("never", r"leave it out to start a new run"),
    ],
)
def test_anything_else_is_one_sentence_with_what_to_type(place, cfg, value, sentence):
    with pytest.raises(ConfigError, match=sentence) as raised:
        cfg(f"resume={value}")
    assert len(raised.value.sentences) == 1


def test_a_policy_that_is_not_known_is_said_with_those_that_are(cfg):
    with pytest.raises(
        ConfigError, match=r"resume_policy=strickt is not one of same, strict, changed; write resume_policy=strict"
    ):
        cfg("resume_policy=strickt")
