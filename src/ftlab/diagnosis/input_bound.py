"""Input-bound steps: the processor that trains waits for its rows."""

from __future__ import annotations

from ftlab.diagnosis.evidence import Evidence
from ftlab.diagnosis.remedies import typed
from ftlab.diagnosis.wording import share
from ftlab.results import Trouble

NAME = "input-bound steps"
WAITING = 0.2  # of the time of all steps: a fifth of what training costs
SECONDS = 10.0  # waited in all: to start loader processes takes seconds too


def look(evidence: Evidence) -> Trouble | None:
    """Find steps that wait for their batch."""
    training, options = evidence.result.training, evidence.options
    waiting = training.loader_wait_fraction
    if not evidence.trained or waiting is None or waiting < WAITING or waiting * (training.seconds or 0.0) < SECONDS:
        return None
    workers = options.workers or 0
    said = f"{share(waiting)} of the time of a step is waiting for its batch, with dataset.num_workers={workers}"
    more = min(max(2, 2 * workers), (options.cores or 1) - 1)
    return Trouble(NAME, said, typed("dataset.num_workers", more) if more > workers else "")
