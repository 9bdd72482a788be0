"""Rows from the hub, or from its cache on this machine, through the ``datasets`` library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ftlab.datasets.columns import Columns, check_columns, collect
from ftlab.errors import DataError

REACH_SECONDS = 4.0  # how long the hub may take to answer its first request


def read_hub(
    hub: str,
    subset: str | None,
    revision: str,
    splits: Mapping[str, str],
    wanted: Mapping[str, str] | Callable[[str, list[str]], Mapping[str, str]],
) -> dict[str, Columns]:
    """Read splits of a hub data set.

    The hub is asked first, with a deadline, because the library retries for minutes. Where it does not answer, a copy
    in the library's cache is taken.

    Args:
        hub: id of the data set.
        subset: its configuration, where it has several.
        revision: branch, tag or commit.
        splits: train, val or test to the hub's split name.
        wanted: role to column name; or what says so, given a place for sentences and the columns there are.

    Returns:
        the columns by train, val, test.

    Raises:
        DataError: hub not reached and nothing cached, no such data set, split or column, access refused.
    """
    import datasets  # late: two seconds

    unreachable = _why_unreachable(hub, revision)
    read: dict[str, Columns] = {}
    for split, name in splits.items():
        place = f"{hub} split {name}"
        try:
            with _offline(datasets, unreachable is not None):
                table = datasets.load_dataset(hub, subset, split=name, revision=revision)
        except (ValueError, RuntimeError, OSError, datasets.exceptions.DatasetsError) as error:
            if unreachable is not None and isinstance(error, OSError):
                raise DataError(_unreachable(hub, unreachable)) from None
            raise DataError(_not_loaded(f"dataset.{split}={name}", hub, error)) from None
        chosen = wanted(place, table.column_names) if callable(wanted) else wanted
        check_columns(place, chosen, table.column_names)
        kept = {role: collect(role, table[column]) for role, column in chosen.items()}
        names = getattr(table.features.get(chosen.get("label_column")), "names", None)
        notes = []
        if unreachable is not None and not read:
            notes.append(f"the hub was not reached ({unreachable}), so the cached copy of {hub} was read")
        read[split] = Columns(kept, range(1, len(table) + 1), names, notes)
    return read


def _why_unreachable(hub: str, revision: str) -> str | None:
    """Ask the hub for the data set; None where it answers, else the reason in a few words.

    Raises:
        DataError: it answers that there is no such data set or revision, or that access is refused.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    answer: list[Exception | None] = []

    def ask() -> None:
        try:
            HfApi().dataset_info(hub, revision=revision, timeout=REACH_SECONDS)
        except Exception as error:  # carried to the caller's thread, which raises what it does not know
            answer.append(error)
        else:
            answer.append(None)

    # A thread of its own: a name server that does not answer ignores every timeout of the HTTP client.
    thread = threading.Thread(target=ask, daemon=True, name="hub-probe")
    thread.start()
    thread.join(REACH_SECONDS)
    if not answer:
        return f"no answer in {REACH_SECONDS:.0f} s"
    error = answer[0]
    if error is None:
        return None
    if isinstance(error, HFValidationError):
        raise DataError(f"dataset.hub={hub} is no hub id; type dataset.hub=owner/name, or dataset.train=<file>")
    if isinstance(error, HfHubHTTPError):
        if refusal := _refused(hub, revision, type(error).__name__, error.response.status_code):
            raise DataError(refusal)
        return f"status {error.response.status_code}"  # overloaded, or a proxy that speaks in its place
    # The HTTP client's own errors have no common name across versions; the hub's error class derives from their base.
    if isinstance(error, (OSError, *HfHubHTTPError.__bases__)):
        offline = type(error).__name__ == "OfflineModeIsEnabled"
        return "HF_HUB_OFFLINE is set" if offline else type(error).__name__
    raise error


def _refused(hub: str, revision: str, kind: str, status: int) -> str | None:
    """Return the sentence for the hub's own refusal, by class of error; None for any other answer."""
    if kind == "RevisionNotFoundError":
        return f"{hub} has no revision {revision!r} on the hub; type dataset.revision=main"
    if kind == "GatedRepoError":
        return f"{hub} is gated on the hub; ask for access on its page, then set HF_TOKEN, or type dataset.train=<file>"
    if status == 401:
        return (
            f"{hub} is not on the hub or is private; correct dataset.hub, or set HF_TOKEN to a token that may read it"
        )
    if status == 403:
        return f"{hub} refuses this token; set HF_TOKEN to one that may read it, or type dataset.train=<file>"
    if kind == "RepositoryNotFoundError":
        return f"{hub} does not exist on the hub; correct dataset.hub, or type dataset.train=<file>"
    return None


def _unreachable(hub: str, why: str) -> str:
    return (
        f"{hub} cannot be had: the hub is not reached ({why}) and no copy is cached; type dataset.train=<file> "
        "dataset.test=<file> with your own csv, tsv, jsonl or parquet"
    )


def _not_loaded(option: str, hub: str, error: Exception) -> str:
    first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if "Config name is missing" in str(error):
        names = " ".join(str(error).split()).partition("available configs: ")[2].partition("]")[0].strip("[ ")
        return f"{hub} has several subsets ({names}); type dataset.subset=<one of them>"
    if "Unknown split" in first:
        names = first.partition("one of ")[2].strip("[]").replace("'", "")
        return f"{option} is no split of {hub}; it has: {names}; type one of those, or null, or a file"
    return f"{hub} cannot be loaded ({first}); type dataset.train=<file> with your own csv, tsv, jsonl or parquet"


@contextmanager
def _offline(datasets: Any, wanted: bool) -> Iterator[None]:  # noqa: ANN401 - the module, untyped
    """Keep the library from the network, so that it looks into its cache at once instead of retrying."""
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or wanted
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE = before
