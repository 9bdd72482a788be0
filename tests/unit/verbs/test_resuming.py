"""What a run that goes on looks at and clears away."""

import types

import pytest

from ftlab.errors import DataError
from ftlab.verbs import resuming


def before(**fields):
    return types.SimpleNamespace(**{"dataset_digest": "a" * 64, "config": {}, "mlflow": {}} | fields)


def test_other_rows_are_refused_unless_they_were_never_read_or_it_was_asked_for(tmp_path):
    resuming.check_rows(before(), "a" * 64, tmp_path, "same")
    resuming.check_rows(before(dataset_digest=None), "b" * 64, tmp_path, "same")
    resuming.check_rows(before(), "b" * 64, tmp_path, "changed")
    for policy in ("same", "strict"):
        with pytest.raises(DataError, match=rf"resume={tmp_path} began with other rows .*resume_policy=changed"):
            resuming.check_rows(before(), "b" * 64, tmp_path, policy)


def test_what_an_interrupted_end_left_goes_and_what_tells_of_the_run_stays(tmp_path):
    kept = ["result.json", "state.json", "untrained.json", "config.yaml", "run.log", "checkpoints/state-4.ckpt"]
    gone = ["model/config.json", "plots/a.png", "predictions.parquet", "result.partial"]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("")
    (tmp_path / "history.parquet").symlink_to(tmp_path / "outside")
    resuming.clear(tmp_path, tmp_path / "checkpoints" / "state-4.ckpt")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*kept, "outside/file"}
    resuming.clear(tmp_path, None)  # from the beginning: damaged states would be in the way of new ones
    assert not (tmp_path / "checkpoints").exists() and (tmp_path / "untrained.json").exists()


def test_where_a_run_goes_on_is_said_with_what_was_passed_over(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resuming, "newest_state", lambda folder, *, strict: (folder / "state-12.ckpt", ["14 is torn"]))
    assert resuming.find_checkpoint(tmp_path, "same") == tmp_path / "state-12.ckpt"
    assert capsys.readouterr().out == f"14 is torn\ngoes on at step 12 of {tmp_path}\n"
    monkeypatch.setattr(resuming, "newest_state", lambda folder, *, strict: (None, []))
    assert resuming.find_checkpoint(tmp_path, "same") is None
    assert "starts from its beginning" in capsys.readouterr().out


def test_the_mlflow_run_is_known_from_the_state_or_the_record(tmp_path):
    assert resuming.known_run(tmp_path, before(mlflow={"run_id": "r"})) == "r"
    assert resuming.known_run(tmp_path, before()) is None
