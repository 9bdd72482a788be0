"""Several seeds of one configuration become one row: mean, standard deviation, and the run that stands for them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftlab.compare.reading import read_settings
from ftlab.compare.types import Run
from ftlab.results import RunResult


def settings_key(result: RunResult, settings: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return what runs share that differ in their seed only: ``config_digest`` is without it.

    Args:
        result: of a run.
        settings: of an evaluation, whose digest has the folder that it looked at: its own and those of that run by
            dotted key. With ``run`` among them they are its own only, and say nothing.
    """
    run = result.run
    model = result.model.name if result.model else ""
    parts = (result.adapter, result.prompt, result.compression)
    digest = run.config_digest
    if settings and "run" not in settings:
        digest = json.dumps(settings, sort_keys=True, default=str)
    return (run.verb, digest, model, *(str((part or {}).get("name")) for part in parts))


def fold_seeds(
    runs: Iterable[Run], settings: Callable[[Path], Mapping[str, Any]] = read_settings
) -> tuple[list[tuple[Run, ...]], list[Run]]:
    """Return the runs of each configuration, by seed, and those that were left out.

    A configuration and seed that ran twice counts once, by the run that ended last: the same numbers again would
    make the seeds look more alike than they are.

    Args:
        runs: that finished.
        settings: gives the configuration of a run folder by dotted key; only those of evaluations are asked for.
    """
    groups: dict[tuple[str, ...], dict[int, Run]] = {}
    repeated = []
    for run in sorted(runs, key=_age):
        held = settings(run.folder) if run.result.run.verb == "evaluate" else None
        seeds = groups.setdefault(settings_key(run.result, held), {})
        seed = run.result.run.seed
        if seed in seeds:
            repeated.append(seeds[seed])
        seeds[seed] = run
    return [tuple(seeds[seed] for seed in sorted(seeds)) for seeds in groups.values()], repeated


def _age(run: Run) -> tuple[str, str, str]:
    info = run.result.run
    return info.finished or "", info.started or "", str(run.folder)


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are known; None: none is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return known[0] if len(known) == 1 else statistics.fmean(known)


def deviation(values: Sequence[float | None]) -> float | None:
    """Return the standard deviation of the values that are known (n - 1); None: fewer than two are."""
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) > 1 else None


def median_run(runs: Sequence[Run], values: Sequence[float | None], direction: str) -> Run:
    """Return the run with the median value: of an even number the worse of the two in the middle.

    Args:
        runs: one per seed, by seed.
        values: of the main metric, one per run; a run without one is chosen only where all are without.
        direction: max or min: where the better values lie.
    """
    known = [(value, number) for number, value in enumerate(values) if value is not None]
    if not known:
        return runs[0]
    worst_first = sorted(known, key=lambda one: (one[0] if direction == "max" else -one[0], one[1]))
    return runs[worst_first[(len(worst_first) - 1) // 2][1]]
