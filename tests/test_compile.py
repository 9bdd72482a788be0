"""``trainer.compile=true`` in whole runs: the same curve as without, and the record of what it took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftlab.launch import main
from small import SMALL

RUN = [*SMALL, "tracking=none", "trainer.max_epochs=6", "trainer.log_every_n_steps=1"]
RUN += ["callbacks.early_stopping.patience=99"]


def run(folder: Path, *more: str) -> tuple[dict[str, Any], list[float]]:
    """Return the record, and the training loss of each step."""
    assert main([*RUN, f"output_dir={folder}", *more]) == 0
    (path,) = folder.glob("*/*/result.json")
    history = pd.read_parquet(path.parent / "history.parquet")
    return json.loads(path.read_text()), history[history["name"] == "train/loss"]["value"].tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of torch's own compiler; what a user would see is in `said`
@pytest.mark.parametrize(
    "options",
    [
        ["adapter=full"],
        ["adapter=lora", "trainer.accumulate_grad_batches=2"],
        ["adapter=freeze", "model.gradient_checkpointing=true"],
    ],
    ids=["full", "lora, accumulated", "freeze, gradient checkpointing"],
)
def test_a_compiled_training_has_the_curve_of_an_eager_one(options: list[str], tmp_path: Path, capfd: Any) -> None:
    """Dropout is on: compiled layers draw the masks that eager ones would."""
    eager, expected = run(tmp_path / "eager", *options)
    capfd.readouterr()
    compiled, losses = run(tmp_path / "compiled", *options, "trainer.compile=true")
    said = capfd.readouterr()
    assert losses == pytest.approx(expected, rel=1e-3)
    assert eager["training"]["compile_seconds"] is None
    assert compiled["training"]["compile_seconds"] > 0.1
    steps = compiled["training"]["examples_per_second"], compiled["training"]["step_p50_ms"]
    assert all(steps) and compiled["training"]["seconds"] > compiled["training"]["compile_seconds"]
    assert [row["backend"] for row in compiled["latency"]] == [row["backend"] for row in eager["latency"]]
    assert "compiled in" in " ".join(said.out.split()) and "arning" not in said.err
