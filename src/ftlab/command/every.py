"""Where every cell of a grid must be looked at before the first job starts: plans, and sweeps with a limit."""

from __future__ import annotations

from collections.abc import Iterator

from ftlab.check.hydra_node import BASIC_SWEEPER
from ftlab.command.arguments import Arguments
from ftlab.command.composer import Composer
from ftlab.command.grid import WHOLE
from ftlab.command.order import Order, make_order

PLAN = "plan"  # the verb that looks at trainings, and makes no run


def is_limited(order: Order) -> bool:
    """Tell whether jobs may be left out: by a budget, or since they do not fit."""
    return any(cell.cfg.get("budget_usd") is not None or cell.cfg.get("skip_unfit") for cell in order.cells)


def needs_every(arguments: Arguments, order: Order) -> bool:
    """Tell whether all cells are needed, and not some that stand for the others."""
    return arguments.multirun and (arguments.verb == PLAN or is_limited(order))


def look_at_every(order: Order, arguments: Arguments, composer: Composer) -> None:
    """Fill ``order.every``; what stands against it, and the faults of further cells, are added to the order's."""
    faults = list(_against(order))
    order.typing_faults += faults
    order.every = order.cells
    if order.jobs > len(order.cells) and not faults:
        whole = make_order(arguments, composer, most=order.jobs)
        order.every = whole.cells
        order.faults += whole.faults


def _against(order: Order) -> Iterator[str]:
    if order.jobs > WHOLE:
        yield (
            f"-m asks for {order.jobs:,} jobs, and {WHOLE:,} at most can be estimated before they start; sweep over "
            "fewer values"
        )
    if order.sweeper.get("_target_") != BASIC_SWEEPER:
        yield (
            "hydra/sweeper chooses its jobs while it runs, so they cannot be estimated before; leave it out, or leave "
            "out budget_usd and skip_unfit"
        )
    limits = {(cell.cfg.get("budget_usd"), cell.cfg.get("skip_unfit")) for cell in order.cells}
    if len(limits) > 1:
        yield "budget_usd and skip_unfit are for all jobs of -m together; give one value of each, such as budget_usd=5"
