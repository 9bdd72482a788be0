"""Where the files of a model lie: a local folder, an embedded package, or the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ftlab.errors import ModelError
from ftlab.models import hub
from ftlab.models.embedded import embedded_folder, install_hint
from ftlab.models.folder import Reference, local_folder
from ftlab.models.hub import Kind
from ftlab.schema import ModelConfig

_GATED = ("meta-llama/",)  # owners whose models are given to those only who accept their terms
Origin = Literal["folder", "embedded", "hub", "random"]


@dataclass(frozen=True, slots=True)
class Source:
    """A folder with a model's files."""

    folder: Path
    origin: Origin
    revision: str | None  # commit of the hub repository; None: not from the hub


def checkpoint_reference(cfg: ModelConfig) -> Reference:
    """Return what ``model.checkpoint`` names.

    Raises:
        ModelError: it names nothing.
    """
    if not cfg.checkpoint:
        raise ModelError(
            f"model={cfg.name} names no checkpoint; type model.checkpoint=<hub id or local folder>, or "
            "model.init=random"
        )
    return Reference("model.checkpoint", cfg.checkpoint, cfg.revision)


def find_source(cfg: ModelConfig, kind: Kind) -> Source:
    """Return where the checkpoint's files of this kind lie, downloading them where they must come from the hub.

    Raises:
        ModelError: they cannot be had.
    """
    found = _without_hub(cfg)
    if found is not None:
        return found
    folder = hub.fetch(checkpoint_reference(cfg), kind, install_hint(cfg) or _gate_hint(cfg))
    return Source(folder, "hub", folder.name)


def find_here(cfg: ModelConfig, kind: Kind) -> Source | None:
    """Return the same where the files are on this machine, else None. No network."""
    if not cfg.checkpoint:
        return None
    found = _without_hub(cfg)
    if found is not None:
        return found
    folder = hub.find_cached(checkpoint_reference(cfg), kind)
    return None if folder is None else Source(folder, "hub", folder.name)


def _without_hub(cfg: ModelConfig) -> Source | None:
    folder = local_folder(checkpoint_reference(cfg))
    if folder is not None:
        return Source(folder, "folder", None)
    folder = embedded_folder(cfg)
    return None if folder is None else Source(folder, "embedded", None)


def _gate_hint(cfg: ModelConfig) -> str:
    gated = str(cfg.checkpoint).startswith(_GATED)
    return "it is gated, so accept its terms on the hub's page and set HF_TOKEN, " if gated else ""
