"""What Hydra runs: one job, in its folder. Imported by reference in the workers of other launchers too."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ftlab.allocator import keep_freed_memory
from ftlab.command.composer import register_schema
from ftlab.command.order import RESOLVER
from ftlab.command.resume import wanted
from ftlab.command.sharing import job_threads
from ftlab.command.sweeps import reason_left_out
from ftlab.locks import take_lock, unlock
from ftlab.paths import run_status
from ftlab.redact import redact_text
from ftlab.threads import hold

# The workers of other launchers start here: Hydra must know the schema and the names it refers to.
register_schema("train")
assert OmegaConf.has_resolver(RESOLVER), "order registers it"


def verb_function(verb: str) -> Callable[..., Any]:
    """Return the function of a verb; this imports what is heavy, and makes the process ready to compute."""
    keep_freed_memory()
    function: Callable[..., Any] = getattr(importlib.import_module(f"ftlab.verbs.{verb}"), verb)
    hold()
    return function


def run_job(cfg: DictConfig) -> None:
    """Run one job of a single run: whatever it raises goes through."""
    _run(cfg, _folder())


def run_sweep_job(cfg: DictConfig) -> None:
    """Run one job of a sweep: an error becomes its record, and the rest goes on.

    Of a sweep that goes on, a job that finished is kept as it is. One that the sweep leaves out is recorded only.
    """
    with job_threads(cfg):  # in a worker of another launcher nothing heavy is imported yet
        _run_sweep_job(cfg)


def _run_sweep_job(cfg: DictConfig) -> None:
    sweep = importlib.import_module("ftlab.verbs.sweep")
    folder = _folder()  # made by Hydra
    before = run_status(folder)
    if wanted(cfg) is not None and before == "finished":
        (folder.parent / "multirun.yaml").unlink(missing_ok=True)
        print(f"\njob {folder.name}: finished before, and is kept", flush=True)
        return
    take_lock(folder)
    gc.freeze()  # what is there before the job need not be looked through after it, which can take seconds
    # Hydra's sweeper leaves its whole configuration here, environment variables it was told to copy included.
    (folder.parent / "multirun.yaml").unlink(missing_ok=True)
    print(f"\njob {folder.name}: {' '.join(HydraConfig.get().overrides.task)}", flush=True)
    reason = reason_left_out(folder)
    try:
        if reason is not None:
            _settle_name(cfg)
            sweep.record_skip(cfg, folder, reason)
            print(f"left out: {redact_text(reason)}", flush=True)
            return
        if before == "skipped":  # when the sweep began; now it may run
            (folder / "result.json").unlink()
        _run(cfg, folder)
    except Exception as error:
        sweep.record_failure(cfg, folder, error)
        print(f"{folder.name} failed: {redact_text(str(error)) or type(error).__name__}", file=sys.stderr, flush=True)
    finally:
        unlock(folder)
        gc.collect()  # a trainer and its network refer to each other: else they would lie beside those of the next job


def _settle_name(cfg: DictConfig) -> None:
    if OmegaConf.is_interpolation(cfg.model, "name"):
        cfg.model.name = str(cfg.model.name)  # the resolver is ours; the record must do without


def _run(cfg: DictConfig, folder: Path) -> None:
    _settle_name(cfg)
    verb = str(HydraConfig.get().job.config_name)
    verb_function(verb)(cfg, folder)


def _folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)
