"""Folders: unique, locked, inside the outputs, or refused in one sentence."""

import json
import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ftlab import paths
from ftlab.errors import ConfigError, DataError


def test_config_dir_holds_the_verbs():
    assert (paths.config_dir() / "train.yaml").is_file()


def test_config_dir_is_the_copy_inside_the_wheel_where_there_is_one(tmp_path, monkeypatch):
    (tmp_path / "ftlab" / "conf").mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "ftlab" / "paths.py"))
    assert paths.config_dir() == tmp_path / "ftlab" / "conf"


@given(st.text(max_size=300))
@example("a" * 79 + "/b")
def test_a_slug_is_a_safe_name_and_a_slug_of_a_slug_is_itself(name):
    made = paths.slug(name)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}", made)
    assert made not in (".", "..") and paths.slug(made) == made


@pytest.mark.parametrize(
    ("name", "slug"), [("minilm_lora", "minilm_lora"), ("../../x", "x"), ("a b/c", "a-b-c"), ("..", "run"), ("", "run")]
)
def test_slugs_of_names_people_give(name, slug):
    assert paths.slug(name) == slug


def test_twenty_starts_in_one_second_get_twenty_locked_folders(tmp_path):
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: paths.make_folder(tmp_path, "my exp", "a/b"), range(20)))
    assert len({folder.path for folder in made}) == len({folder.id for folder in made}) == 20
    for folder in made:
        assert folder.path.parent == tmp_path / "my-exp"
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d_a-b_{folder.id}", folder.path.name)
        assert json.loads((folder.path / ".lock").read_text())["pid"] == os.getpid()


def test_a_taken_name_is_tried_again_with_another_id(tmp_path, monkeypatch):
    ids = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    monkeypatch.setattr(paths.secrets, "token_hex", lambda n: next(ids))
    monkeypatch.setattr(paths, "datetime", type("Clock", (), {"now": lambda zone: paths_epoch()}))
    assert [paths.make_folder(tmp_path, "e", "n").id for _ in range(2)] == ["aaaaaaaa", "bbbbbbbb"]


def paths_epoch():
    from datetime import UTC, datetime

    return datetime(2026, 1, 1, tzinfo=UTC)


def test_outputs_below_a_file_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"output_dir=.*file.* cannot be written .*output_dir=<folder>"):
        paths.make_folder(tmp_path / "file", "e", "n")
    for below in ("file", "file/deeper"):
        with pytest.raises(ConfigError, match=r"cannot be written .*is a file.*choose another with output_dir="):
            paths.check_writable(tmp_path / below)


def test_a_folder_that_cannot_be_locked_is_removed_again(tmp_path, monkeypatch):
    def full(folder):
        (folder / ".lock").write_text("{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(paths, "lock", full)
    with pytest.raises(ConfigError, match="No space left on device"):
        paths.make_folder(tmp_path / "out", "e", "n")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_path_that_cannot_be_a_folder_is_refused(tmp_path):
    for bad in ("a\0b", "x" * 300):
        with pytest.raises(ConfigError, match=r"cannot be written"):
            paths.check_writable(tmp_path / bad)


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(paths.os, "access", lambda path, mode: False)  # the tests may run as root
    with pytest.raises(ConfigError, match="permission denied"):
        paths.check_writable(tmp_path / "new")

    def forbidden(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", forbidden)
    with pytest.raises(ConfigError, match="Permission denied"):
        paths.check_writable(tmp_path)


def test_a_tilde_that_no_shell_expands_is_refused():
    with pytest.raises(ConfigError, match=r"a folder named ~; write output_dir=\$HOME/runs$"):
        paths.check_writable(Path("~/runs"))


def test_folders_that_can_be_made_pass(tmp_path):
    paths.check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_lock_has_one_owner_until_it_is_given_free(tmp_path):
    paths.lock(tmp_path)
    with pytest.raises(FileExistsError):
        paths.lock(tmp_path)
    paths.unlock(tmp_path)
    paths.unlock(tmp_path)
    paths.lock(tmp_path)


def test_removing_a_run_takes_the_empty_experiment_and_nothing_else(tmp_path):
    first, second = (paths.make_folder(tmp_path, "e", name).path for name in ("a", "b"))
    (first / "deep").mkdir()
    paths.remove_folder(first)
    assert second.exists() and not first.exists()
    paths.remove_folder(second)
    assert tmp_path.exists() and list(tmp_path.iterdir()) == []


def record(folder, **run):
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"run": {"status": "finished", "verb": "train", **run}}))
    return folder


def test_latest_is_the_newest_finished_training_run(tmp_path):
    record(tmp_path / "e" / "old", finished="2026-01-01T00:00:00")
    newest = record(tmp_path / "f" / "sweep" / "1_x", finished="2026-02-01T00:00:00")
    record(tmp_path / "e" / "failed", finished="2026-03-01T00:00:00", status="failed")
    record(tmp_path / "e" / "evaluated", finished="2026-04-01T00:00:00", verb="evaluate")
    for name, text in {"broken": "{", "list": "[]", "other": '{"run": {}}', "bytes": "\xff"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_bytes(text.encode("latin-1"))
    assert paths.latest_run(tmp_path) == newest


def began(folder, started="2026-01-01T00:00:00", **fields):
    folder.mkdir(parents=True, exist_ok=True)
    state = {"id": "i", "name": "n", "verb": "train", "pid": 1, "host": "h", "started": started, "config_digest": "d"}
    state |= {"seed": 1, "dataset_digest": None, "overrides": [], "mlflow": {}, "sweep": None, "schema": 1, **fields}
    (folder / "state.json").write_text(json.dumps(state))
    return folder


def dead_lock(folder):
    (folder / ".lock").write_text(
        json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "process_started": 1.0})
    )
    return folder


@pytest.mark.parametrize(
    ("recorded", "owner", "status"),
    [
        (None, "alive", "running"),
        (None, "dead", "killed"),
        (None, None, "killed"),
        ("failed", None, "failed"),
        ("killed", None, "killed"),
        ("failed", "alive", "running"),  # goes on
        ("failed", "dead", "killed"),  # went on, and was killed hard
        ("finished", "dead", "finished"),  # killed after its record was written
        ("finished", None, "finished"),
    ],
)
def test_the_status_of_a_run_is_told_by_its_record_and_its_owner(tmp_path, recorded, owner, status):
    folder = began(tmp_path / "run")
    if recorded:
        (folder / "result.json").write_text(json.dumps({"run": {"status": recorded}}))
    if owner == "alive":
        paths.take_lock(folder)
    if owner == "dead":
        dead_lock(folder)
    assert paths.run_status(folder) == status


def test_unfinished_runs_are_listed_newest_first_without_jobs_of_sweeps_and_broken_ones(tmp_path):
    old = began(tmp_path / "e" / "old", "2026-01-01T00:00:00")
    new = began(tmp_path / "f" / "new", "2026-02-01T00:00:00")
    failed = record(tmp_path / "e" / "failed", status="failed")
    began(failed, "2026-01-15T00:00:00")
    began(record(tmp_path / "e" / "done"), "2026-03-01T00:00:00")
    began(tmp_path / "e" / "evaluated", verb="evaluate")
    began(tmp_path / "e" / "sweep" / "0_job")
    paths.take_lock(began(tmp_path / "e" / "running", "2026-04-01T00:00:00"))
    (tmp_path / "e" / "broken").mkdir()
    (tmp_path / "e" / "broken" / "state.json").write_text("{")
    assert [folder for folder, _ in paths.unfinished(tmp_path)] == [new, failed, old]
    assert paths.begun(tmp_path, "train")[0][2] == "running"


def test_no_run_at_all_says_how_to_make_one(tmp_path):
    with pytest.raises(DataError, match="train one with: python -m ftlab"):
        paths.latest_run(tmp_path)
