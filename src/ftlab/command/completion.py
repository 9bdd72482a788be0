"""Shell completion for the ``ftlab`` script: Hydra's, with the verbs in and the shared ``_base`` files out.

Install it in bash with: ``eval "$(ftlab -sc install=bash)"``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys

from hydra.errors import HydraException
from omegaconf import DictConfig

from ftlab.check.plan_rules import HERE, device_names
from ftlab.command.arguments import DEFAULT, Arguments, root_keys, verbs
from ftlab.command.every import PLAN
from ftlab.command.hydra_main import call_hydra
from ftlab.errors import ConfigError

_SHELLS = ("bash", "fish", "zsh")
_ACTIONS = ("install", "uninstall", "query")


def complete(arguments: Arguments) -> int:
    """Print what the shell asks for: the script to evaluate, or the words that may follow ``COMP_LINE``.

    Raises:
        ConfigError: neither is asked for.
    """
    asked = [word.split("=") for word in arguments.overrides]
    if len(asked) != 1 or len(asked[0]) != 2 or asked[0][0] not in _ACTIONS or asked[0][1] not in _SHELLS:
        raise ConfigError('completion is installed with: eval "$(ftlab -sc install=bash)"; shells: bash, fish, zsh')
    if asked[0][0] == "query":
        print(" ".join(candidates(os.environ.get("COMP_LINE", ""), asked[0][1])))
    else:
        before, sys.argv = sys.argv, ["ftlab"]  # whose words are completed
        try:
            call_hydra(arguments.verb, ["-sc", *arguments.overrides], _run_nothing)
        finally:
            sys.argv = before
    return 0


def candidates(line: str, shell: str = "bash") -> list[str]:
    """Return the words that may stand at the end of ``line``, the command's name in front."""
    words = line.split()[1:]
    current = "" if not words or line[-1:].isspace() else words.pop()
    verb = next((word for word in words if word in verbs()), None)
    if verb == PLAN and current.startswith("device="):  # the one key whose values are files, and no group
        names = [*HERE, *device_names()]
        return [f"device={name}" for name in names if f"device={name}".startswith(current)]
    kept = [word for word in words if "=" in word or word in ("-m", "--multirun")]
    before = os.environ.get("COMP_LINE")
    os.environ["COMP_LINE"] = " ".join(["ftlab", *kept, current])
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            call_hydra(verb or DEFAULT, ["-sc", f"query={shell}"], _run_nothing)
    except HydraException:  # the line holds what Hydra cannot read: nothing to offer
        return []
    finally:
        if before is None:
            del os.environ["COMP_LINE"]
        else:
            os.environ["COMP_LINE"] = before
    roots = {*root_keys(verb or DEFAULT), "hydra", *(["experiment"] if verb in (None, DEFAULT, PLAN) else [])}
    found = [word for word in out.getvalue().split() if _is_offered(word, current, roots)]
    return [*(name for name in verbs() if verb is None and not words and name.startswith(current)), *found]


def _is_offered(word: str, current: str, roots: set[str]) -> bool:
    key, _, value = word.lstrip("+~").partition("=")
    root = re.split("[./]", key)[0]
    shared = value.startswith("_") or key.rpartition(".")[2].startswith("_")
    return root in roots and not shared and (root != "hydra" or current.startswith("hydra"))


def _run_nothing(cfg: DictConfig) -> None:
    raise AssertionError("completion runs no job")
