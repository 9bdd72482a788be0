"""Hydra's own command line, called from ours."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence

import hydra

from ftlab.command.composer import register_schema
from ftlab.paths import config_dir


def call_hydra(verb: str, words: Sequence[str], job: Callable[..., None]) -> None:
    """Let Hydra read ``words`` as its command line and run ``job``, or show what its flags ask for."""
    register_schema(verb)
    before = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    root = logging.getLogger()
    logging_before = root.level, list(root.handlers)
    sys.argv = [sys.argv[0], *words]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then re-raises instead of printing and leaving with 1
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name=verb)(job)()
    finally:
        sys.argv = before[0]
        root.setLevel(logging_before[0])
        root.handlers[:] = logging_before[1]  # --info leaves Hydra's behind
        if before[1] is None:
            os.environ.pop("HYDRA_FULL_ERROR", None)
        else:
            os.environ["HYDRA_FULL_ERROR"] = before[1]
