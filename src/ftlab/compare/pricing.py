"""What runs cost at another price: dollars are computed again from the recorded times, and no model is run."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ftlab.compare.axes import shipped
from ftlab.compare.comparable import part_unlike
from ftlab.compare.types import Run
from ftlab.errors import ConfigError
from ftlab.measure.cost import check_price, request_costs, training_usd
from ftlab.results import Cost, RunResult
from ftlab.schema import CostConfig


@dataclass(frozen=True, slots=True)
class NewPrice:
    """What changes at report time, by the names of ``cost``. None: as each run has recorded it."""

    name: str = "auto"
    device_class: str | None = None  # that the price is of; None: of whatever answered
    usd_per_hour: float | None = None
    price_source: str | None = None
    price_date: str | None = None
    utilisation: float | None = None
    batch_size: int | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is asked for."""
        return any(value is not None for value in (self.usd_per_hour, self.utilisation, self.batch_size))


def reprice(runs: Iterable[Run], new: NewPrice) -> tuple[Run, ...]:
    """Return ``runs`` with their dollars at another price, for ``make_board``; in their order.

    Training and requests cost what they would have cost in the run itself: ``measure.cost`` has the formulas. What was
    trained on another kind of device than answers keeps the price of its training, which is of another machine.

    Args:
        runs: as read; those that did not finish stay as they are, and so do those of another device class that no
            board would rank with the others.
        new: what changes.

    Raises:
        ConfigError: the price is of another device class than the runs of the board, a number is out of range, or no
            run has timed the batch size.
    """
    given = tuple(runs)
    if not new.changes:
        return given
    finished = [run for run in given if run.result.run.status == "finished"]
    ranked, _ = part_unlike(finished)
    for run in ranked:
        check_price(_price(run.result, new), _answers_on(run.result) or "unknown")
    _check_batch_size(new.batch_size, finished)
    fits = {id(run) for run in finished if new.device_class in (None, _answers_on(run.result))}
    return tuple(_repriced(run, new) if id(run) in fits else run for run in given)


def _repriced(run: Run, new: NewPrice) -> Run:
    result = run.result
    price = _price(result, new)
    old = result.cost or Cost(
        device=_answers_on(result) or "unknown",
        usd_per_hour=None,
        price_source=None,
        price_date=None,
        utilisation=price.utilisation,
        batch_size=price.batch_size,
        prompt_tokens=result.prompt.get("tokens_per_request"),
    )
    row = shipped(result, price.batch_size)
    writes = row is not None and row.ttft_ms is not None
    asked = request_costs(
        price,
        row,
        prompt_tokens=old.prompt_tokens,
        completion_tokens=old.completion_tokens if writes else old.completion_tokens or None,  # 0: gives labels
        share=old.usd_prompt_share or 0.0,
    )
    if new.usd_per_hour is None and _trained_elsewhere(result) and old.usd_per_1k_requests is None:
        asked |= {"usd_per_1k_requests": None, "usd_per_1m_tokens": None}  # the price is of the machine that trained
    cost = dataclasses.replace(
        old,
        usd_per_hour=price.usd_per_hour,
        price_source=price.price_source,
        price_date=price.price_date,
        utilisation=price.utilisation,
        batch_size=price.batch_size,
        training_usd=_training(result, price.usd_per_hour),
        usd_per_1k_requests=asked["usd_per_1k_requests"],
        usd_per_1m_tokens=asked["usd_per_1m_tokens"],
        usd_prompt_share=asked["usd_prompt_share"] if writes else old.usd_prompt_share,
    )
    return dataclasses.replace(run, result=dataclasses.replace(result, cost=cost))


def _price(result: RunResult, new: NewPrice) -> CostConfig:
    """Return the whole price of one run; where the hour has a new one, the old one's source and date are not its."""
    old = result.cost
    kept = (old.usd_per_hour, old.price_source, old.price_date) if old else (None, None, None)
    hour, source, date = kept if new.usd_per_hour is None else (new.usd_per_hour, new.price_source, new.price_date)
    plain = CostConfig()
    return CostConfig(
        name=new.name,
        device_class=new.device_class,
        usd_per_hour=hour,
        price_source=source,
        price_date=date,
        utilisation=_first(new.utilisation, old.utilisation if old else None, plain.utilisation),
        batch_size=int(_first(new.batch_size, old.batch_size if old else None, plain.batch_size)),
    )


def _training(result: RunResult, usd_per_hour: float | None) -> float | None:
    """Return the price of training at ``usd_per_hour``; unchanged where another kind of device trained."""
    old = result.cost
    recorded = old.training_usd if old else None
    if _trained_elsewhere(result):
        return recorded
    if old and recorded is not None and old.usd_per_hour:
        return training_usd(usd_per_hour, recorded / old.usd_per_hour * 3600)  # of all GPUs together
    seconds, gpus = result.training.seconds, result.training.processes
    return training_usd(usd_per_hour, None if seconds is None else seconds * (gpus if _on_gpus(result) else 1))


def _answers_on(result: RunResult) -> str | None:
    """Return the device class that answers."""
    found = result.cost.device if result.cost else result.environment.get("device_class")
    return None if found is None else str(found)


def _on_gpus(result: RunResult) -> bool:
    """Return whether GPUs trained, which are paid for one by one."""
    return result.environment.get("trained_on") == "cuda"


def _trained_elsewhere(result: RunResult) -> bool:
    trained, answers = result.environment.get("trained_on"), result.environment.get("device")
    if trained is None or answers is None:
        return False
    return bool(trained != (answers if answers in ("cpu", "mps") else "cuda"))


def _check_batch_size(batch_size: int | None, runs: Collection[Run]) -> None:
    if batch_size is None or any(shipped(run.result, batch_size) for run in runs):
        return
    timed = sorted({row.batch_size for run in runs for row in run.result.latency})
    known = f"timed: {', '.join(map(str, timed))}" if timed else "nothing was timed"
    remedy = f"write cost.batch_size={timed[0]}" if timed else "run again with latency.enabled=true"
    raise ConfigError(f"cost.batch_size={batch_size} was timed by no run ({known}); {remedy}")


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
