"""One turn of a conversation: what data sets hold, templates render and the terminal chat collects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says."""

    role: Role
    content: str
