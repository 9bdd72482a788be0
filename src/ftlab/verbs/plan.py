"""``ftlab plan``: what trainings would take, before one begins. No run is made, no weight loaded, nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from ftlab.planning.types import DeviceSheet
from ftlab.records import to_plain
from ftlab.report import wording
from ftlab.report.plan import PlanLine, plan_report
from ftlab.report.terminal import show
from ftlab.verbs.left_out import choose
from ftlab.verbs.planned import Planned, plan_all


def plan(cfgs: Sequence[DictConfig], words: Sequence[str]) -> None:
    """Print memory, time and money of each configuration.

    Args:
        cfgs: of all jobs, in the order of their numbers.
        words: per job, what sets it apart from the others beside model and adapter, as typed.

    Raises:
        UserError: the one configuration there is cannot be planned; a price that is for another device; a budget
            without a price.
    """
    planned = plan_all(cfgs)
    if len(planned) == 1 and planned[0].error is not None:
        raise planned[0].error
    reasons = choose(planned, {})
    if cfgs[0].json:
        entries = [_entry(number, job, words[number], reasons) for number, job in enumerate(planned)]
        print(json.dumps(entries, indent=2))
        return
    lines = [
        PlanLine(
            model=job.settings.model.name,
            adapter=str(job.settings.adapter.get("name")),
            words=words[number],
            device=job.device.name,
            memory_gb=job.device.memory_gb,
            estimate=job.estimate,
            error=None if job.error is None else str(job.error),
            left_out=reasons.get(number),
        )
        for number, job in enumerate(planned)
    ]
    show(plan_report(lines, _title(planned)))


def _title(planned: Sequence[Planned]) -> str:
    jobs = wording.count(len(planned), "job") + " " if len(planned) > 1 else ""
    devices = {job.device.name: job for job in planned}
    if len(devices) > 1:
        return f"Plan of {jobs}on {', '.join(devices)}"
    (job,) = devices.values()
    return f"Plan {f'of {jobs}' if jobs else ''}for {_named(job.device)}"


def _named(device: DeviceSheet) -> str:
    """Return the device with where its numbers come from."""
    origin = "this machine" if device.is_here else f"data sheet{f' read {device.date}' if device.date else ''}"
    return f"{device.name} ({wording.number(device.memory_gb, 'GB')}, {origin})"


def _entry(number: int, job: Planned, words: str, reasons: Mapping[int, str]) -> dict[str, Any]:
    """Return one element of the JSON array. Keys are a contract: add, never rename."""
    settings, made = job.settings, job.estimate
    return {
        "number": number,
        "name": settings.name,
        "model": settings.model.name,
        "adapter": settings.adapter.get("name"),
        "dataset": settings.dataset.name,
        "words": words,
        "seed": settings.seed,
        "device": job.device.name,
        "device_memory_gb": job.device.memory_gb,
        "error": None if job.error is None else str(job.error),
        "left_out": reasons.get(number),
        "estimate": None if made is None else to_plain(made),
    }
