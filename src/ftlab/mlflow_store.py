"""What is asked of an MLflow store: experiments, and runs that are there already."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from ftlab.redact import redact_text

log = logging.getLogger(__name__)
# What a store that is down, full, locked or broken raises, over HTTP (requests' errors are OSErrors) or on a database.
FAULTS = (MlflowException, OSError, SQLAlchemyError)
_GONE = "RESOURCE_DOES_NOT_EXIST"


def artifact_location(uri: str, output_dir: Path) -> str | None:
    """Return where a new experiment keeps its files: beside a local database; None: where the server wants them."""
    return (output_dir.resolve() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None


def find_experiment(client: MlflowClient, name: str, location: str | None) -> str:
    """Return the id of an experiment, which is made when new.

    Raises:
        MlflowException: the store does not take it.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException:
        # Another process may have made it since we looked.
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)


def open_again(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> Run | None:
    """Set a run RUNNING again and return it; None, and a word of it, where the store does not have it.

    Raises:
        MlflowException: the store does not answer.
    """
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != _GONE:
            raise
        run = None
    if run is None or run.info.lifecycle_stage != "active":
        where = redact_text(client.tracking_uri)
        log.warning("MLflow at %s no longer has run %s; a new one takes its place", where, run_id)
        return None
    client.update_run(run_id, status="RUNNING")
    client.log_batch(run_id, tags=[RunTag(k, v) for k, v in tags.items()])
    return run


def close_dead(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Mark a run KILLED that still counts as running, if it is that of ``folder``."""
    try:
        run = client.get_run(run_id)
        if run.info.status == "RUNNING" and run.data.tags.get("ftlab.folder") == str(folder):
            client.set_terminated(run_id, "KILLED")
    except FAULTS as error:  # of another store, perhaps; ours goes on
        log.info("MLflow did not mark %s as killed: %s", run_id, redact_text(str(error)))
