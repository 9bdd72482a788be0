"""Which jobs of a sweep are left out before the first one starts: those that break the budget or do not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig

from ftlab.errors import ConfigError, DataError
from ftlab.paths import run_status
from ftlab.report import wording
from ftlab.report.plan import unfit
from ftlab.results import load_result
from ftlab.schema import TrainConfig
from ftlab.verbs.planned import Planned, plan_all


def left_out_of_sweep(cfgs: Sequence[DictConfig], folder: Path | None) -> dict[int, str]:
    """Return number of a job -> why it is left out.

    Args:
        cfgs: of all jobs, in the order of their numbers.
        folder: of a sweep that goes on: what finished there has been paid for, and stays.

    Raises:
        ConfigError: there is a budget, and no price or no time to hold against it.
    """
    return choose(plan_all(cfgs), {} if folder is None else _paid(folder))


def refuse_single(cfg: DictConfig) -> None:
    """Refuse a single run that breaks its budget or does not fit.

    Raises:
        ConfigError: it does.
    """
    (planned,) = plan_all([cfg])
    if planned.error is not None:
        raise planned.error
    reason = choose([planned], {}).get(0)
    if reason is not None:
        raise ConfigError(f"this run {reason}")


def choose(jobs: Sequence[Planned], paid: Mapping[int, float | None]) -> dict[int, str]:
    """Return number -> reason for each job to be left out.

    The budget is for all jobs together: they are taken in their order, each at the upper end of its estimate, and one
    that would break the budget is left out, so that a cheaper one after it may still be taken.

    Args:
        jobs: estimated; one that cannot be is left to fail by itself.
        paid: jobs that finished before -> what they cost; None: their record does not say, so the estimate counts.

    Raises:
        ConfigError: there is a budget, and the price or the time of a job is not known.
    """
    reasons: dict[int, str] = {}
    spent = sum(_cost(jobs[number]) if usd is None else usd for number, usd in paid.items() if _budget(jobs[number]))
    for number, job in enumerate(jobs):
        if number in paid or job.estimate is None:
            continue
        if job.settings.skip_unfit and job.estimate.fits is False:
            reasons[number] = unfit(job.estimate, job.device.name, job.device.memory_gb)
            continue
        budget = _budget(job)
        if budget is None:
            continue
        cost = _cost(job)
        if spent + cost > budget:
            reasons[number] = _too_dear(cost, spent, budget)
        else:
            spent += cost
    return reasons


def _budget(job: Planned) -> float | None:
    return job.settings.budget_usd


def _cost(job: Planned) -> float:
    """Return the most that a job would cost, in US dollars.

    Raises:
        ConfigError: price or time is not known.
    """
    made = job.estimate
    if made is None:
        return 0.0
    if made.seconds is None:
        raise ConfigError(_no_time(job.settings))
    if made.usd is None:
        raise ConfigError(
            f"budget_usd={job.settings.budget_usd:g} needs a price, and none is known for {job.device.name}; "
            "add cost.usd_per_hour=<number>"
        )
    return made.usd[1]


def _no_time(settings: TrainConfig) -> str:
    return (
        f"budget_usd={settings.budget_usd:g} needs the time that training takes, and it is not known for "
        f"{settings.name} on dataset={settings.dataset.name}; give the number of rows with dataset.limit.train=<rows> "
        "and an end with trainer.max_epochs=<number>"
    )


def _too_dear(cost: float, spent: float, budget: float) -> str:
    left = f"{wording.usd(max(0.0, budget - spent))} of budget_usd={budget:g} is left"
    said = f"would cost up to {wording.usd(cost)}, and {left if spent else f'budget_usd={budget:g} is less'}"
    enough = float(f"{1.05 * (spent + cost):.2g}")  # a little above, so that the next estimate stays below
    return f"{said}; write budget_usd={max(enough, 1e-6):g}"


def _paid(folder: Path) -> dict[int, float | None]:
    """Return number -> dollars of training of the jobs that finished in the folder of a sweep."""
    found: dict[int, float | None] = {}
    for path in folder.glob("*/result.json"):
        number = path.parent.name.partition("_")[0]
        if not number.isdecimal() or run_status(path.parent) != "finished":
            continue
        try:
            cost = load_result(path.parent).cost
        except DataError:
            cost = None  # `ftlab list` shows it; its estimate counts
        found[int(number)] = None if cost is None else cost.training_usd
    return found
