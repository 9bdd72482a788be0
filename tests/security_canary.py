"""A witness of attacks: a payload that, when it runs, makes a file."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Call:
    """Pickles as a call of ``function``: whoever unpickles it makes that call."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


@dataclass(frozen=True)
class Canary:
    """A file that only an executed payload makes."""

    path: Path

    @property
    def command(self) -> str:
        return f"touch {shlex.quote(str(self.path))}"

    @property
    def expression(self) -> str:
        return f"open({str(self.path)!r}, 'w').close()"

    def system(self) -> Call:
        return Call(os.system, self.command)

    def fired(self) -> bool:
        """Say whether it fired since it was last asked."""
        fired = self.path.exists()
        self.path.unlink(missing_ok=True)
        return fired
