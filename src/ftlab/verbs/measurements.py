"""Gathers what the callbacks measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lightning as L

from ftlab.callbacks.curves import Curves
from ftlab.callbacks.latency import Latency
from ftlab.callbacks.measuring import Measured, Measuring


@dataclass(slots=True)
class Measurements:
    """What the callbacks hand over, section by section of result.json, and their raw series."""

    sections: Measured = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def section(self, name: str) -> dict[str, Any]:
        """Return the fields measured for a section; empty where no callback measures it."""
        return self.sections.get(name, {})


def collect(callbacks: Sequence[L.Callback]) -> Measurements:
    """Merge what all measuring callbacks measured; their order does not matter."""
    found = Measurements()
    for callback in callbacks:
        if isinstance(callback, Measuring):
            for section, fields in callback.measured().items():
                found.sections.setdefault(section, {}).update(fields)
        if isinstance(callback, Curves):
            found.history = callback.history
        if isinstance(callback, Latency):
            found.samples = callback.samples
    # Last, because asking for a measurement may leave a note.
    for callback in callbacks:
        found.notes += getattr(callback, "notes", [])
    return found
