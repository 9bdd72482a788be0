"""What Hydra runs: one job, in its folder. Imported by reference in the workers of other launchers too."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ftlab.command.composer import register_schema
from ftlab.command.plan import RESOLVER
from ftlab.command.resume import wanted
from ftlab.locks import take_lock, unlock
from ftlab.paths import FOLDER_VARIABLE, run_status
from ftlab.redact import redact_text

# The workers of other launchers start here: Hydra must know the schema and the names it refers to.
register_schema("train")
assert OmegaConf.has_resolver(RESOLVER), "plan registers it"


def verb_function(verb: str) -> Callable[..., Any]:
    """Return the function of a verb; this imports what is heavy."""
    function: Callable[..., Any] = getattr(importlib.import_module(f"ftlab.verbs.{verb}"), verb)
    return function


def run_job(cfg: DictConfig) -> None:
    """Run one job of a single run: whatever it raises goes through."""
    _run(cfg, _folder())


def run_sweep_job(cfg: DictConfig) -> None:
    """Run one job of a sweep: an error becomes its record, and the rest goes on.

    Of a sweep that goes on, a job that finished is kept as it is.
    """
    sweep = importlib.import_module("ftlab.verbs.sweep")
    folder = _folder()  # made by Hydra
    if wanted(cfg) is not None and run_status(folder) == "finished":
        (folder.parent / "multirun.yaml").unlink(missing_ok=True)
        print(f"\njob {folder.name}: finished before, and is kept", flush=True)
        return
    take_lock(folder)
    # Hydra's sweeper leaves its whole configuration here, environment variables it was told to copy included.
    (folder.parent / "multirun.yaml").unlink(missing_ok=True)
    print(f"\njob {folder.name}: {' '.join(HydraConfig.get().overrides.task)}", flush=True)
    try:
        _run(cfg, folder)
    except Exception as error:
        sweep.record_failure(cfg, folder, error)
        print(f"{folder.name} failed: {redact_text(str(error)) or type(error).__name__}", file=sys.stderr, flush=True)
    finally:
        unlock(folder)


def _run(cfg: DictConfig, folder: Path) -> None:
    if OmegaConf.is_interpolation(cfg.model, "name"):
        cfg.model.name = str(cfg.model.name)  # the resolver is ours; the record must do without
    verb = str(HydraConfig.get().job.config_name)
    words = list(HydraConfig.get().overrides.task)
    for place in HydraConfig.get().searchpath:
        words += ["--config-dir", str(place).removeprefix("file://")]
    before = sys.argv, os.environ.get(FOLDER_VARIABLE)
    # Lightning starts the other ranks with this command line: this job's, without -m.
    sys.argv = [sys.argv[0], verb, *words]
    os.environ[FOLDER_VARIABLE] = str(folder)
    try:
        verb_function(verb)(cfg, folder)
    finally:
        sys.argv = before[0]
        if before[1] is None:
            del os.environ[FOLDER_VARIABLE]
        else:
            os.environ[FOLDER_VARIABLE] = before[1]


def _folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)
