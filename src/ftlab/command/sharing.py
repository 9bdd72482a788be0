"""How many processes of one command line compute at the same time on this machine, and share its cores."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from omegaconf import DictConfig

from ftlab import threads
from ftlab.command.composer import plain
from ftlab.command.order import Order
from ftlab.cores import usable_cores, usable_cpus
from ftlab.processes.devices import named_devices


@contextmanager
def shared_cores(order: Order, *, multirun: bool) -> Iterator[None]:
    """Hold this process, and the jobs it starts, to their share of the cores while the order runs."""
    cfg = order.cells[0].cfg
    if "threads" not in cfg:  # a verb that computes nothing
        yield
        return
    together = jobs_at_once(order.launcher, order.jobs) if multirun else 1
    if together is None:  # each job decides on its own machine
        yield
        return
    crowded = _say([cell.cfg for cell in order.cells] if multirun else [cfg], together)
    # Each job of a sweep has its own number, which it takes when it begins.
    with threads.limited(threads.decide(threads.AUTO if multirun else cfg.threads, together), crowded=crowded):
        yield


def job_threads(cfg: DictConfig) -> AbstractContextManager[None]:
    """Return the context in which one job of a sweep computes; where it trains in processes, they share that."""
    return threads.limited(threads.decide(cfg.threads))


def _say(cfgs: list[DictConfig], together: int) -> bool:
    """Say what is wrong with the user's numbers; return whether several processes take the same cores."""
    crowded = False
    asked = {(cfg.threads, ranks(plain(cfg.trainer, resolve=True)) if "trainer" in cfg else 1): None for cfg in cfgs}
    for wanted, partners in asked:
        processes = together * partners
        share = threads.decide(wanted, processes)
        crowded = crowded or (processes > 1 and share.count > 1 and share.count * processes > usable_cores())
        for sentence in threads.notes(share, processes):
            print(f"note: {sentence}", file=sys.stderr, flush=True)
    return crowded


def jobs_at_once(launcher: Mapping[str, Any], jobs: int) -> int | None:
    """Return how many jobs of a sweep run at the same time; None where the launcher starts them on other machines.

    Args:
        launcher: Hydra's node of it.
        jobs: of the sweep.
    """
    kind = str(launcher.get("_target_", "")).rpartition(".")[2]
    if kind == "BasicLauncher":  # one after the other, in this process
        return 1
    if kind == "JoblibLauncher":
        wanted = launcher.get("n_jobs")
        number = wanted if isinstance(wanted, int) and wanted else -1
        most = number if number > 0 else max(1, usable_cpus() + 1 + number)  # -1: all processors, -2: all but one
        return min(most, jobs)
    return jobs if kind == "LocalLauncher" else None  # submitit's local launcher starts all of them


def ranks(trainer: Mapping[str, Any]) -> int:
    """Return how many processes on this machine train one model together: one per device."""
    return named_devices(trainer.get("devices")) or 1
