"""Puts the pieces of a run's record together."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from torch import nn

from ftlab.models.attention import attention_used
from ftlab.models.embedded import is_published
from ftlab.models.positions import max_positions
from ftlab.models.pretrained import LoadedNet
from ftlab.models.quantization import count_parameters, stored_bytes
from ftlab.models.tokenizer import LoadedTokenizer
from ftlab.redact import redact, redact_text
from ftlab.results import Energy, ModelInfo, RunInfo, RunResult, TrainingStats
from ftlab.state import digest, leaves
from ftlab.verbs.tasks.task import Task


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def config_digest(cfg: DictConfig) -> str:
    """Return the sha256 of the resolved configuration without its seed, its name and where it writes."""
    return digest(resolved(cfg))


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """Return the configuration as plain containers."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict), "a configuration has keys at its root"
    return {str(key): value for key, value in plain.items()}


@cache
def git_commit() -> str | None:
    """Return the commit of the working directory; None outside a repository."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout.strip() or None if done.returncode == 0 else None


def write_config(cfg: DictConfig, folder: Path) -> None:
    """Write ``config.yaml``: unresolved, so that no interpolation spills what it reads, and redacted."""
    plain = redact(OmegaConf.to_container(cfg, resolve=False))
    plain = {key: value for key, value in plain.items() if not key.startswith("resume")}  # of the command, not the run
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(plain)), encoding="utf-8")


def mlflow_params(cfg: DictConfig) -> dict[str, Any]:
    """Return the resolved leaf values of the configuration, redacted, for MLflow."""
    plain: Any = OmegaConf.to_container(cfg, resolve=True)
    if "adapter" in plain:  # not for every verb
        plain["adapter"] = used(plain["adapter"])
    params: dict[str, Any] = redact(leaves(plain))
    left_out = ("dataset.samples", "resume")
    return {k: v for k, v in params.items() if not k.endswith("_target_") and not k.startswith(left_out)}


def run_tags(folder: Path, extra: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the tags of a job's MLflow run."""
    return {"ftlab.folder": str(folder), "mlflow.source.git.commit": git_commit(), **extra}


def run_info(
    cfg: DictConfig,
    folder: Path,
    *,
    status: str,
    started: str,
    sweep: Mapping[str, str | None],
    mlflow: dict[str, str | None],
    error: BaseException | None = None,
    verb: str = "train",
    parent: str | None = None,
    overrides: Sequence[str] | None = None,
) -> RunInfo:
    """Return who ran what, when, and how it ended; ``parent`` is the id of the run that an evaluation looks at.

    ``overrides`` are those that the user typed, where this is no job of Hydra, which knows them.
    """
    return RunInfo(
        id=run_id(folder, sweep),
        name=str(cfg.name),
        verb=verb,
        status=status,
        error=None if error is None else _message(error),
        log="run.log" if (folder / "run.log").is_file() else None,
        started=started,
        finished=now(),
        seed=int(cfg.seed),
        sweep=sweep.get("id"),
        parent=parent,
        overrides=[redact_text(o) for o in (task_overrides() if overrides is None else overrides)],
        config_digest=config_digest(cfg),
        git_commit=git_commit(),
        mlflow=mlflow,
    )


def run_id(folder: Path, sweep: Mapping[str, Any]) -> str:
    """Return the id of the run of ``folder``: the end of its name, or its number in its sweep."""
    sweep_id = sweep.get("id")
    return f"{sweep_id}-{folder.name.split('_')[0]}" if sweep_id else folder.name.rsplit("_", 1)[-1]


def _message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__context__, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SystemExit):  # Lightning and our own handler leave a run with it
        return "terminated"
    return redact_text(str(error) or type(error).__name__)


def task_overrides() -> list[str]:
    """Return the overrides of this job as they can be typed again; none outside a Hydra job."""
    from hydra.core.hydra_config import HydraConfig

    told = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    plain = [override.lstrip("+") for override in told]  # Hydra wants open groups with ++, our command line does not
    return [override for override in plain if not override.startswith(("resume=", "resume_policy="))]


def model_info(task: Task, net: nn.Module, loaded: LoadedNet, tokenizer: LoadedTokenizer, precision: str) -> ModelInfo:
    """Count the network as it is trained: base, head and adapter."""
    cfg = task.settings.model
    total = count_parameters(net)
    trainable = sum(p.numel() for p in net.parameters() if p.requires_grad)
    return ModelInfo(
        name=cfg.name,
        checkpoint=cfg.checkpoint or "random",
        revision=loaded.revision,
        init=cfg.init,
        weights_digest=loaded.weights_digest,
        tokenizer=tokenizer.name,
        task=task.task,
        head=task.head,
        max_positions=max_positions(loaded.net.config),
        parameters=total,
        trainable_parameters=trainable,
        trainable_percent=100 * trainable / total,
        size_mb=stored_bytes(net) / 1e6,
        precision=precision,
        attention=attention_used(loaded.net),
        gradient_checkpointing=cfg.gradient_checkpointing,
        weights=_weights(loaded, cfg.embedded),
        stands_for=_other(task.settings.published_model, cfg.name),
        quantization=loaded.load.name,
    )


def _weights(loaded: LoadedNet, package: str | None) -> str:
    if loaded.origin != "embedded":
        return loaded.origin
    return "package" if is_published(package) else "package_4bit"


def _other(published: str | None, name: str) -> str | None:
    return published if published != name else None


def component(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return a component's settings for the record: all but its class, and of several adapters those that are used."""
    settings: dict[str, Any] = redact({k: v for k, v in used(node).items() if k != "_target_"})
    return {k: component(v) if isinstance(v, Mapping) and "_target_" in v else v for k, v in settings.items()}


def used(adapter: Mapping[str, Any]) -> dict[str, Any]:
    """Return an adapter's options without those of members that are not in its stack."""
    chosen = adapter.get("stack") or ()
    return {k: v for k, v in adapter.items() if not (isinstance(v, Mapping) and "_target_" in v) or k in chosen}


def failed_result(
    cfg: DictConfig,
    folder: Path,
    error: BaseException,
    sweep: Mapping[str, str | None],
    mlflow: dict[str, str | None] | None = None,
    *,
    status: str = "failed",
    started: str | None = None,
    verb: str = "train",
    parent: str | None = None,
    overrides: Sequence[str] | None = None,
) -> RunResult:
    """Return the record of a run that ended early: every key there, nothing measured."""
    info = run_info(
        cfg,
        folder,
        status=status,
        started=started or now(),
        sweep=sweep,
        mlflow=mlflow or {},
        error=error,
        verb=verb,
        parent=parent,
        overrides=overrides,
    )
    return RunResult(
        run=info,
        model=None,
        adapter=component(OmegaConf.to_container(cfg.adapter, resolve=True) if "adapter" in cfg else {}),  # type: ignore[arg-type]
        prompt={"name": "none", "tokens_per_request": None},
        compression={"name": "none"},
        dataset=None,
        quality=None,
        training=TrainingStats(),
        latency=[],
        cost=None,
        energy=Energy(),
        artefact=None,
        environment={},
    )
