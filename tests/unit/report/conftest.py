"""One finished run and one that failed, made by hand."""

from __future__ import annotations

import dataclasses

import pytest
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ftlab.report import style
from ftlab.results import RunResult
from made_runs import NOTHING_MEASURED, run_result


@pytest.fixture(autouse=True)
def whole_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as users see it, which tests elsewhere are spared."""
    monkeypatch.setattr(style, "DPI", 150)
    monkeypatch.setattr(style, "ConstrainedLayoutEngine", ConstrainedLayoutEngine)


@pytest.fixture
def finished() -> RunResult:
    return run_result()


@pytest.fixture
def failed(finished: RunResult) -> RunResult:
    run = dataclasses.replace(
        finished.run,
        name="bert_large_prompt_tuning",
        status="failed",
        error="OutOfMemoryError: tried to take [2 GB]\nat step 3",
        mlflow={},
    )
    return dataclasses.replace(finished, run=run, **NOTHING_MEASURED)
