"""Which folder goes on; the whole is held by tests/test_resume.py."""

import dataclasses
import json

import pytest

from ftlab.command import resume
from ftlab.command.composer import plain
from ftlab.errors import ConfigError, DataError
from ftlab.state import RunState, compared, digest


@pytest.fixture
def began(cfg, tmp_path):
    """Leave what a run leaves that was killed, with the options given."""

    def begin(name, *words, started="2026-01-01T00:00:00", **fields):
        values = plain(cfg(*words), resolve=True)
        state = RunState(
            **{"id": name, "name": name, "verb": "train", "pid": 1, "host": "h", "started": started, "sweep": None}
            | {"config_digest": digest(values), "seed": values["seed"], "dataset_digest": None, "mlflow": {}}
            | {"overrides": list(words), "config": compared(values)}
            | fields
        )
        folder = tmp_path / "outputs" / "default" / name
        folder.mkdir(parents=True)
        state.save(folder)
        return folder

    return begin


def found(cfg, *words):
    return resume.find_run(cfg(*words), "train")


def test_without_resume_a_new_run_starts(cfg):
    assert found(cfg) is None


def test_latest_is_the_newest_of_those_with_the_same_options_and_seed(cfg, began):
    began("old", "seed=1")
    newest = began("new", "seed=1", started="2026-02-01T00:00:00")
    began("other", "seed=2", started="2026-03-01T00:00:00")
    began("lora", "seed=1", "adapter=lora", started="2026-04-01T00:00:00")
    assert found(cfg, "seed=1", "resume=latest") == newest
    assert found(cfg, "seed=1", "resume=latest", "name=n", "tracking=none", "resume_policy=strict") == newest


def test_where_none_fits_the_newest_and_how_it_differs_are_named(cfg, began):
    with pytest.raises(ConfigError, match=r"below .*outputs; leave it out to start one"):
        found(cfg, "resume=latest")
    folder = began("run", "optimizer.lr=1e-3", 'dataset.samples=["it\'s so"]')
    with pytest.raises(ConfigError) as raised:
        found(cfg, "optimizer.lr=1e-4", "resume=latest")
    (said,) = raised.value.sentences
    assert f"python -m ftlab optimizer.lr=1e-3 'dataset.samples=[\"it'\"'\"'s so\"]' resume={folder}" in said
    assert "optimizer.lr is 0.001 there, 0.0001 here" in said and "dataset.samples is [" in said


def test_of_many_differences_the_first_are_named_and_the_rest_counted(cfg, began):
    folder = began("run", "model=distilbert")
    with pytest.raises(ConfigError, match=r"model\.name is distilbert there, minilm here; .*; and \d+ more\. Type: "):
        found(cfg, f"resume={folder}")


def test_an_option_that_came_or_went_is_not_set(cfg, began):
    folder = began("run", "adapter=lora")
    with pytest.raises(ConfigError, match=r"adapter\.alpha is 16 there, not set here"):
        found(cfg, f"resume={folder}")


def test_equal_options_with_another_digest_go_on_by_folder(cfg, began):
    folder = began("run", config_digest="0" * 64)  # an older version had a key more, say
    assert found(cfg, f"resume={folder}") == folder
    with pytest.raises(ConfigError, match="the same options, from another version or YAML file"):
        found(cfg, "resume=latest")


def test_changed_options_go_on_if_asked_for_but_never_those_the_weights_hang_on(cfg, began):
    folder = began("run")
    words = (f"resume={folder}", "resume_policy=changed")
    assert found(cfg, *words, "optimizer.lr=0.1", "model.dropout=0.3", "trainer.max_epochs=9") == folder
    for fixed in ("model.checkpoint=a/b", "adapter=lora", "dataset.labels=[a,b]"):
        with pytest.raises(ConfigError, match="which no resume_policy allows"):
            found(cfg, *words, fixed)


def test_what_is_no_run_to_go_on_with_is_refused(cfg, began, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"holds no state\.json, so nothing began there; resume=latest"):
        found(cfg, f"resume={tmp_path / 'empty'}")
    (tmp_path / "empty" / "state.json").write_text("{")
    with pytest.raises(DataError, match="is not a state that ftlab wrote"):
        found(cfg, f"resume={tmp_path / 'empty'}")
    evaluated = began("evaluated", verb="evaluate")
    with pytest.raises(ConfigError, match="is a run of evaluate, which is not gone on with"):
        found(cfg, f"resume={evaluated}")
    done = began("done")
    (done / "result.json").write_text(json.dumps({"run": {"status": "finished", "verb": "train"}}))
    with pytest.raises(ConfigError, match=r"is finished.* ftlab predict .*done text="):
        found(cfg, f"resume={done}")


def test_nothing_of_a_foreign_state_reaches_the_terminal_or_the_shell_as_it_is(cfg, began):
    folder = began("run", "seed=3")
    state = dataclasses.replace(resume.read_state(folder), overrides=["seed=\x1b[2J", "a=$(rm -r x)"])
    said = resume.command(state, folder)
    assert "\x1b" not in said and "'a=$(rm -r x)'" in said
