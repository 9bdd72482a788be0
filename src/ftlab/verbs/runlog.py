"""run.log: what libraries and ftlab say during a run, redacted; the terminal stays for results."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftlab.redact import redact_text

_NOISY = ("lightning", "lightning.pytorch", "lightning.fabric", "alembic", "mlflow")


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact_text(super().format(record))


@contextmanager
def run_log(folder: Path) -> Iterator[None]:
    """Send log records and Python warnings of the block to ``folder/run.log``; ours at WARNING also to the terminal."""
    root = logging.getLogger()
    file = logging.FileHandler(folder / "run.log", encoding="utf-8")
    file.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    terminal = logging.StreamHandler()
    terminal.setLevel(logging.WARNING)
    terminal.addFilter(logging.Filter("ftlab"))
    terminal.setFormatter(_Redacted("%(message)s"))
    level = root.level
    kept = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).propagate) for name in _NOISY}
    for name in _NOISY:
        # Lightning and MLflow print through handlers of their own; here they speak into the log only.
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    root.addHandler(file)
    root.addHandler(terminal)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(level)
        root.removeHandler(terminal)
        root.removeHandler(file)
        file.close()
        for name, (handlers, propagate) in kept.items():
            logging.getLogger(name).handlers = handlers
            logging.getLogger(name).propagate = propagate
