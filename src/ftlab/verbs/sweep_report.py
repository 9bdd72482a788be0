"""The comparison of a sweep's jobs, written when the last has ended; it is never a reason for the sweep to fail."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from mlflow.tracking import MlflowClient
from rich.console import Console

from ftlab.compare.reading import read_runs
from ftlab.errors import UserError
from ftlab.inventory.entries import shown_path
from ftlab.mlflow_store import FAULTS
from ftlab.redact import redact_text
from ftlab.tracking import tracking_uri
from ftlab.verbs.comparison import Asked, compare_runs
from ftlab.verbs.report_files import write_report

NAME = "sweep.json"
ARTEFACTS = "report"  # their folder in the parent run


def report_sweep(folder: Path) -> tuple[list[Path], str]:
    """Compare the jobs of a sweep; return the files of the report, and the line that stands below the table.

    Whatever goes wrong is said in that line, with what to type.
    """
    place = shown_path(folder)
    again = f"ftlab compare {shlex.quote(place)}"
    try:
        whole = compare_runs(read_runs([folder], folder.parents[1]), Asked(), inputs=[place])
        files = write_report(whole, folder, pictures=False)
    except UserError as error:
        return [], f"no report: {redact_text(' '.join(error.sentences))}"
    except Exception as error:  # a sweep of hours does not fail by what is said of it
        why = redact_text(" ".join(str(error).split()))[:300]
        return [], f"no report ({type(error).__name__}: {why}); once that is put right, type: {again}"
    return files, f"{whole.verdict.sentences[0]}\nreport  {shown_path(files[0])}"


def log_report(uri: str | None, folder: Path, files: Sequence[Path]) -> None:
    """Copy the files of a report to the parent run of a sweep in MLflow; where that is not possible, say so.

    Args:
        uri: ``tracking.uri``.
        folder: of the sweep.
        files: of the report, pictures included.
    """
    try:
        parent_id = json.loads((folder / NAME).read_text(encoding="utf-8"))["mlflow_parent_run_id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        Console(stderr=True).print(f"{folder / NAME} cannot be read ({error}); MLflow does not have the report")
        return
    store = tracking_uri(uri, folder.parents[1])
    if parent_id is None or is_missing(store):
        return  # the sweep was not tracked
    try:
        client = MlflowClient(store)
        for path in files:
            below = path.parent.relative_to(files[0].parent).as_posix()
            client.log_artifact(parent_id, str(path), ARTEFACTS if below == "." else f"{ARTEFACTS}/{below}")
    except FAULTS as error:
        why = redact_text(str(error).splitlines()[0] if str(error) else type(error).__name__)
        Console(stderr=True).print(f"MLflow does not take the report ({why}); it lies in {files[0].parent}")


def is_missing(store: str) -> bool:
    """Return whether a store is an sqlite file that is not there: asked for anything, MLflow would make it."""
    return store.startswith("sqlite:///") and not Path(store.removeprefix("sqlite:///")).is_file()
