"""Run folders by what MLflow calls their runs: experiments (name or id) and run ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ftlab.errors import DataError, did_you_mean
from ftlab.mlflow_store import FAULTS
from ftlab.redact import redact_text
from ftlab.tracking import tracking_uri
from ftlab.verbs.sweep_report import NAME, is_missing

FOLDER = "ftlab.folder"  # the tag that says where a run lies
_PAGE = 1000


def folders_of(words: Sequence[str], uri: str | None, output_dir: Path) -> tuple[list[Path], list[str]]:
    """Return the run folders of experiments and runs, and a sentence on those whose folder is gone.

    A sweep's parent run, given by its id, stands for all its jobs.

    Args:
        words: names or ids of experiments, ids of runs.
        uri: ``tracking.uri``.
        output_dir: below which the store lies where nothing else is said.

    Raises:
        DataError: the store cannot be read; a word names nothing in it, or no run whose folder is on this machine.
    """
    store = tracking_uri(uri, output_dir)
    shown = redact_text(store)
    if is_missing(store):
        raise DataError(f"no MLflow store lies at {shown}; give its address: tracking.uri=<address>")
    found: dict[Path, None] = {}
    gone = 0
    try:
        client = MlflowClient(store)
        for word in words:
            places = [Path(place) for run in _runs(client, word, shown) if (place := run.data.tags.get(FOLDER))]
            here = [place for place in places if place.is_dir()]
            if not here:
                where = f" ({places[0]})" if places else ""
                raise DataError(
                    f"mlflow={word} names no run whose folder is on this machine{where}; compare where the folders lie"
                )
            gone += len(places) - len(here)
            jobs = [place for place in here if not (place / NAME).is_file()]
            found.update(dict.fromkeys(jobs or here))
    except FAULTS as error:
        why = redact_text(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise DataError(f"MLflow at {shown} cannot be read ({why}); give its address: tracking.uri=<address>") from None
    notes = [f"the folders of {gone} runs that MLflow names are not on this machine"] if gone else []
    return list(found), notes


def _runs(client: MlflowClient, word: str, shown: str) -> list[Run]:
    experiment = client.get_experiment_by_name(word)
    ids = [experiment.experiment_id] if experiment is not None else [word] if _is_experiment(client, word) else []
    if ids:
        found: list[Run] = []
        token = None
        while True:
            page = client.search_runs(ids, max_results=_PAGE, page_token=token)
            found += page
            token = page.token
            if not token:
                return found
    try:
        return [client.get_run(word)]
    except MlflowException as error:
        names = [one.name for one in client.search_experiments()]
        hint = did_you_mean(word, names) or ";"
        raise DataError(
            f"mlflow={word} is neither an experiment nor a run id in {shown}{hint} experiments: {', '.join(names)}"
        ) from error


def _is_experiment(client: MlflowClient, word: str) -> bool:
    if not word.isdecimal():
        return False
    return any(one.experiment_id == word for one in client.search_experiments())
