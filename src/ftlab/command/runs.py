"""Checks what the command line asks for, then shows it, or runs it: one job, a sweep, or a verb that makes no run."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ftlab.command.arguments import Arguments
from ftlab.command.composer import Composer
from ftlab.command.every import PLAN, is_limited, look_at_every, needs_every
from ftlab.command.from_run import looks_at_run
from ftlab.command.hydra_main import call_hydra
from ftlab.command.jobs import run_job, run_sweep_job, verb_function
from ftlab.command.order import Order, broken_references, make_order
from ftlab.command.quoting import quote
from ftlab.command.resume import find_run
from ftlab.command.sharing import shared_cores
from ftlab.command.studies import as_study
from ftlab.command.sweeps import LEFT_OUT, find_sweep, grid_note
from ftlab.errors import ConfigError, RunError, UserError
from ftlab.locks import take_lock, unlock
from ftlab.paths import make_folder, remove_folder
from ftlab.redact import redact_text
from ftlab.results import load_result

# Folders, configurations and logs are ours: Hydra writes none of them.
_QUIET = [
    "hydra.output_subdir=null",
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
    "hydra.job.chdir=false",
    "hydra.job.name=ftlab",
]


def execute(arguments: Arguments) -> int:
    """Do what the arguments ask for and return the exit code.

    Raises:
        UserError: faults of the configuration, all of them; or of data or model.
    """
    with Composer(arguments.verb, arguments.folder) as composer:
        arguments = as_study(arguments, composer)
        order = make_order(arguments, composer)
        if needs_every(arguments, order):
            look_at_every(order, arguments, composer)
    order.raise_faults(typing_only=bool(arguments.hydra_flags))
    cfg = order.cells[0].cfg
    if arguments.hydra_flags:
        return _show(arguments, order)
    if "dry_run" in cfg and cfg.dry_run:
        print(*(f"ok: {cell.describe()}" for cell in order.cells), sep="\n")
        if order.jobs > len(order.cells):
            print(f"ok: {order.jobs} jobs in all; the others combine the values above")
        before = find_sweep(order) if arguments.multirun else find_run(cfg, arguments.verb)
        if before is not None:
            print(f"ok: goes on in {before}")
        return 0
    with shared_cores(order, multirun=arguments.multirun):  # before anything that starts threads is imported
        return _start(arguments, order)


def _start(arguments: Arguments, order: Order) -> int:
    cfg = order.cells[0].cfg
    if arguments.verb == PLAN:
        verb_function(PLAN)([cell.cfg for cell in order.every or order.cells], order.apart())
        return 0
    if "experiment_name" not in cfg:  # a verb that makes no run
        verb_function(arguments.verb)(cfg)
        return 0
    if looks_at_run(OmegaConf.get_type(cfg)):
        return run_apart(arguments, order)
    return run_sweep(arguments.verb, order) if arguments.multirun else run_single(arguments.verb, order)


def _show(arguments: Arguments, order: Order) -> int:
    cfg, resolve = order.cells[0].cfg, "--resolve" in arguments.hydra_flags
    if [flag for flag in arguments.hydra_flags if flag != "--resolve"] != ["--cfg", "job"]:
        call_hydra(arguments.verb, [*arguments.hydra_flags, *order.overrides], run_job)
        return 0
    # What Hydra would print, without composing once more.
    faults = broken_references(cfg) if resolve else []
    if faults:
        raise ConfigError(*faults)
    print(redact_text(OmegaConf.to_yaml(cfg, resolve=resolve)), end="")
    return 0


def run_single(verb: str, order: Order) -> int:
    """Run one job, in a new folder or, with ``resume=``, in the one where it began.

    Raises:
        UserError: the data or the model are not as they must be; a new folder is removed again.
    """
    cfg = order.cells[0].cfg
    before = find_run(cfg, verb)
    if is_limited(order):
        importlib.import_module("ftlab.verbs.left_out").refuse_single(cfg)
    if before is not None:
        take_lock(before)
    folder = before or make_folder(Path(cfg.output_dir), cfg.experiment_name, cfg.name).path
    raised: list[Exception] = []

    def job(cfg: DictConfig) -> None:
        try:
            run_job(cfg)
        except Exception as error:  # given back below: Hydra would print a sentence of its own first
            raised.append(error)

    try:
        call_hydra(verb, [*order.overrides, *_QUIET, "hydra.mode=RUN", f"hydra.run.dir={quote(str(folder))}"], job)
    except BaseException:
        _leave(folder)  # a signal, perhaps before anything was written
        raise
    return _end(folder, raised[0] if raised else None, new=before is None)


def run_apart(arguments: Arguments, order: Order) -> int:
    """Run a verb that looks at a finished run, in a new folder, without Hydra: its configuration is the order's.

    Raises:
        UserError: the data are not as they must be; the folder is removed again.
    """
    cfg = order.cells[0].cfg
    typed = [f"{key}={text}" for key, text in arguments.verbatim.items()]
    function = verb_function(arguments.verb)
    folder = make_folder(Path(cfg.output_dir), cfg.experiment_name, cfg.name).path
    raised: Exception | None = None
    try:
        function(cfg, folder, [*typed, *(given.text for given in order.cells[0].given)])
    except Exception as error:
        raised = error
    except BaseException:
        _leave(folder)
        raise
    return _end(folder, raised)


def _end(folder: Path, error: Exception | None, *, new: bool = True) -> int:
    """Give the folder free and return the exit code; a user's mistake removes it if it is new, and is raised."""
    unlock(folder)
    if error is None:
        return 0
    if isinstance(error, UserError):
        if new:
            remove_folder(folder)
        raise error
    said = f"{error}\n" if isinstance(error, RunError) else "".join(traceback.format_exception(error))
    print(redact_text(said), end="", file=sys.stderr)
    _show_trouble(folder)
    print(f"the run failed; what it left lies in {folder}", file=sys.stderr)
    return 1


def _show_trouble(folder: Path) -> None:
    """Print what the record of a run that failed says of the cause, if it says anything."""
    if not (folder / "result.json").is_file():
        return
    from ftlab.report.terminal import show
    from ftlab.report.troubles import trouble_lines

    if (lines := trouble_lines(load_result(folder).diagnosis)) is not None:
        show(lines, sys.stderr)


def _leave(folder: Path) -> None:
    unlock(folder)
    if not any(folder.iterdir()):
        remove_folder(folder)


def _left_out(order: Order, before: Path | None) -> dict[int, str]:
    """Return number of a job -> why it is not run, known before the first one starts."""
    if not is_limited(order):
        return {}
    left_out = importlib.import_module("ftlab.verbs.left_out")  # late: it is heavy
    found: dict[int, str] = left_out.left_out_of_sweep([cell.cfg for cell in order.every], before)
    return found


def run_sweep(verb: str, order: Order) -> int:
    """Run all jobs of a grid, print their table, and return 1 if any failed.

    With ``resume=`` it goes on in its folder: jobs that finished are kept, the others go on in theirs.

    Raises:
        UserError: the sweep cannot start; a new folder is removed again.
    """
    before = find_sweep(order)
    sweep = importlib.import_module("ftlab.verbs.sweep")  # late: it is heavy
    cfg, experiment = order.cells[0].cfg, order.cells[0].choices.get("experiment", "sweep")
    note = {**grid_note(order), LEFT_OUT: _left_out(order, before)}
    if before is not None:
        take_lock(before)
    folder = before or make_folder(Path(cfg.output_dir), cfg.experiment_name, experiment).path
    places = [f"hydra.sweep.dir={quote(str(folder))}", "hydra.sweep.subdir=${hydra.job.num}_${name}"]
    try:
        sweep.start(cfg, folder, note)
    except UserError:
        if before is None:
            remove_folder(folder)
        else:
            unlock(folder)
        raise
    whole = False
    try:
        call_hydra(verb, ["-m", *order.overrides, *_QUIET, "hydra.mode=MULTIRUN", *places], run_sweep_job)
        whole = True
    finally:
        try:
            failed = sweep.finish(cfg, folder, whole=whole)  # after an interruption too: the table of what there is
        finally:
            unlock(folder)
    return 1 if failed else 0
