"""Studies: experiment files that are a sweep by themselves, told by ``hydra.mode: MULTIRUN``."""

from __future__ import annotations

import dataclasses

from ftlab.command.arguments import Arguments
from ftlab.command.composer import Composer, plain
from ftlab.errors import ConfigError

_GROUP = "experiment"


def as_study(arguments: Arguments, composer: Composer) -> Arguments:
    """Return the arguments as if ``-m`` and what the chosen experiment sweeps over had been typed.

    A key that is typed wins over the file's. Arguments that choose no such experiment come back as they are; faults
    of the file are said where it is composed for the run.
    """
    chosen = [word for word in arguments.overrides if word.startswith(f"{_GROUP}=") and "," not in word]
    if len(chosen) != 1 or _GROUP not in composer.groups():
        return arguments
    try:
        hydra = plain(composer.load(chosen).hydra, resolve=False)
    except ConfigError:
        return arguments
    if getattr(hydra.get("mode"), "name", None) != "MULTIRUN":  # Hydra's RunMode
        return arguments
    typed = {word.lstrip("+~").partition("=")[0] for word in arguments.overrides}
    swept = (hydra.get("sweeper") or {}).get("params") or {}
    more = [f"{key}={value}" for key, value in swept.items() if key not in typed]
    return dataclasses.replace(arguments, multirun=True, overrides=[*arguments.overrides, *more])
