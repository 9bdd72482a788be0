"""transformers without its load report and progress bar: a new head is what a user of ftlab asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from transformers.utils import logging as untyped

logging: Any = untyped


@contextmanager
def quiet() -> Iterator[None]:
    """Within, transformers says errors only; afterwards its settings are as before."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    _switch(logging.disable_progress_bar)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            _switch(logging.enable_progress_bar)


def _switch(set_bars: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        # With HF_HUB_DISABLE_PROGRESS_BARS set, the hub's library keeps to it and warns that we asked.
        warnings.filterwarnings("ignore", message=".*progress bars.*")
        set_bars()
