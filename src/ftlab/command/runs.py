"""Checks what the command line asks for, then shows it, or runs it: one job, a sweep, or a verb that makes no run."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from ftlab.command.arguments import Arguments
from ftlab.command.composer import Composer
from ftlab.command.hydra_main import call_hydra
from ftlab.command.jobs import run_job, run_sweep_job, verb_function
from ftlab.command.plan import Plan, broken_references, make_plan
from ftlab.command.quoting import quote
from ftlab.errors import ConfigError, UserError
from ftlab.paths import joined_folder, make_folder, remove_folder, unlock

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
        plan = make_plan(arguments, composer)
    plan.raise_faults(typing_only=bool(arguments.hydra_flags))
    cfg = plan.cells[0].cfg
    if arguments.hydra_flags:
        return _show(arguments, plan)
    if cfg.dry_run:
        print(*(f"ok: {cell.describe()}" for cell in plan.cells), sep="\n")
        if plan.jobs > len(plan.cells):
            print(f"ok: {plan.jobs} jobs in all; the others combine the values above")
        return 0
    if "experiment_name" not in cfg:  # a verb that makes no run
        verb_function(arguments.verb)(cfg)
        return 0
    return run_sweep(arguments.verb, plan) if arguments.multirun else run_single(arguments.verb, plan)


def _show(arguments: Arguments, plan: Plan) -> int:
    cfg, resolve = plan.cells[0].cfg, "--resolve" in arguments.hydra_flags
    if [flag for flag in arguments.hydra_flags if flag != "--resolve"] != ["--cfg", "job"]:
        call_hydra(arguments.verb, [*arguments.hydra_flags, *plan.overrides], run_job)
        return 0
    # What Hydra would print, without composing once more.
    faults = broken_references(cfg) if resolve else []
    if faults:
        raise ConfigError(*faults)
    print(OmegaConf.to_yaml(cfg, resolve=resolve), end="")
    return 0


def run_single(verb: str, plan: Plan) -> int:
    """Run one job in a new folder.

    Raises:
        UserError: the data or the model are not as they must be; the folder is removed again.
    """
    cfg = plan.cells[0].cfg
    joined = joined_folder()
    folder = joined or make_folder(Path(cfg.output_dir), cfg.experiment_name, cfg.name).path
    raised: list[Exception] = []

    def job(cfg: DictConfig) -> None:
        try:
            run_job(cfg)
        except Exception as error:  # given back below: Hydra would print a sentence of its own first
            raised.append(error)

    try:
        call_hydra(verb, [*plan.overrides, *_QUIET, "hydra.mode=RUN", f"hydra.run.dir={quote(str(folder))}"], job)
    except BaseException:
        if joined is None:
            _leave(folder)  # a signal, perhaps before anything was written
        raise
    if joined is None:
        unlock(folder)
    if not raised:
        return 0
    if isinstance(raised[0], UserError):
        if joined is None:
            remove_folder(folder)
        raise raised[0]
    traceback.print_exception(raised[0])
    print(f"the run failed; what it left lies in {folder}", file=sys.stderr)
    return 1


def _leave(folder: Path) -> None:
    unlock(folder)
    if not any(folder.iterdir()):
        remove_folder(folder)


def run_sweep(verb: str, plan: Plan) -> int:
    """Run all jobs of a grid, print their table, and return 1 if any failed.

    Raises:
        UserError: the sweep cannot start; its folder is removed again.
    """
    sweep = importlib.import_module("ftlab.verbs.sweep")  # late: it is heavy
    cfg, experiment = plan.cells[0].cfg, plan.cells[0].choices.get("experiment", "sweep")
    folder = make_folder(Path(cfg.output_dir), cfg.experiment_name, experiment).path
    try:
        sweep.start(cfg, folder)
    except UserError:
        remove_folder(folder)
        raise
    places = [f"hydra.sweep.dir={quote(str(folder))}", "hydra.sweep.subdir=${hydra.job.num}_${name}"]
    try:
        call_hydra(verb, ["-m", *plan.overrides, *_QUIET, "hydra.mode=MULTIRUN", *places], run_sweep_job)
    finally:
        try:
            failed = sweep.finish(cfg, folder)  # after an interruption too: the table of what there is
        finally:
            unlock(folder)
    return 1 if failed else 0
