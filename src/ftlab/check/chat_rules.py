"""Rules of ``chat``: a finished run of a model that writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftlab.check.composed import Composed, options
from ftlab.check.device_rules import device, threads
from ftlab.check.generation_rules import generation, writing_run
from ftlab.check.predict_rules import run

CHAT_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (run, writing_run, options, generation, device, threads)
