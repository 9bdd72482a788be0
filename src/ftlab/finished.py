"""A finished run, opened by its folder: what the verbs that look at a run start from. Nothing heavy is imported."""

from __future__ import annotations

from pathlib import Path

from ftlab.errors import DataError
from ftlab.paths import latest_run
from ftlab.results import RunResult, load_result

_MOST_NAMED = 8  # runs listed in a sentence


def open_run(run: str, output_dir: Path | str) -> tuple[Path, RunResult]:
    """Return the folder and the record of a run that finished and holds a model.

    Args:
        run: a run folder, or ``latest``: the newest finished run below ``output_dir``.
        output_dir: of the runs.

    Raises:
        DataError: there is no such run, it did not finish, or it holds no model.
    """
    folder = latest_run(output_dir) if run == "latest" else Path(run)
    if (folder / "sweep.json").is_file():
        jobs = sorted(path.parent.name for path in folder.glob("*/result.json"))
        listed = ", ".join(jobs[:_MOST_NAMED]) + (", ..." if len(jobs) > _MOST_NAMED else "")
        raise DataError(f"{folder} is a sweep; give one of its runs, {folder}/<run>: {listed or 'none finished'}")
    record = load_result(folder)
    if record.run.status != "finished" or record.artefact is None or record.artefact.path is None:
        raise DataError(
            f"{folder} is {record.run.status}, so it holds no verified model; `ftlab list` shows other runs"
        )
    if record.run.verb == "evaluate":
        trained = (folder / record.artefact.path).resolve().parent
        raise DataError(f"{folder} is an evaluation and holds no model; give the run it looked at: {trained}")
    assert record.dataset is not None and record.model is not None, "a finished run has both"
    return folder, record
