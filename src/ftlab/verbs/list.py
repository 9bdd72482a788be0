"""``ftlab list [folder]``: the runs and sweeps below the outputs, as tables or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ftlab.inventory.entries import Inventory, take_inventory
from ftlab.inventory.selection import FILTERS, Selection, select_runs
from ftlab.records import to_plain
from ftlab.report.listing import listing
from ftlab.report.terminal import Report, show
from ftlab.schema import ListConfig

_MOST_SHOWN = 20  # runs on a terminal, where no limit is given


def list(cfg: DictConfig) -> None:  # a verb's function bears its name, and nothing in this file needs the builtin
    """Print the runs that pass the filters; where there are none, what to type next."""
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, ListConfig)
    inventory = take_inventory(Path(settings.output_dir))
    filters = {key: getattr(settings, key) for key in FILTERS}
    limit = settings.limit if settings.json or settings.limit is not None else _MOST_SHOWN
    selection = select_runs(inventory.entries, filters, settings.sort, limit)
    notes = [*selection.notes]
    if not inventory.entries:
        notes.append(f"no run lies below {settings.output_dir}; make one with: python -m ftlab")
    if selection.cut and not settings.json:
        shown = len(selection.entries)
        notes.append(f"{shown} of {shown + selection.cut} runs are shown; limit={shown + selection.cut} shows all")
    try:
        _print(inventory, selection, settings, notes)
    except BrokenPipeError:  # `| head` has seen enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(inventory: Inventory, selection: Selection, settings: ListConfig, notes: Sequence[str]) -> None:
    if settings.json:
        print(json.dumps([to_plain(entry) for entry in selection.entries], indent=2))
        show(Report([], notes), sys.stderr)  # standard output holds the array and nothing else
        return
    filtered = len(selection.entries) < len(inventory.entries)
    for report in listing(inventory, selection.entries, filtered=filtered, width=Console().width):
        show(report)
        print()
    show(Report([], notes))
    sys.stdout.flush()
