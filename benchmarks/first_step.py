"""A callback that writes when training took its first step; the workload ``start_up`` puts it into a sweep."""

from __future__ import annotations

import time
from pathlib import Path

import lightning as L


class FirstStep(L.Callback):
    """Writes the time of the first update of the weights into ``first_step.txt`` of the run's folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._path = Path(folder) / "first_step.txt"

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Write once."""
        if trainer.global_step >= 1 and not self._path.exists():
            self._path.write_text(repr(time.time()), encoding="utf-8")
