"""Two processes on the CPU: what one would have measured, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from ftlab.launch import main
from small import SMALL

pytestmark = pytest.mark.slow
START = [word for word in SMALL if not word.startswith("trainer=")]
# The last batch of an epoch has 11 rows, and the learning rate moves the weights far in few steps.
EXACT = [
    *("model.dropout=0", "model.learning_rate=3e-3", "model.class_weights=balanced", "model.label_smoothing=0.1"),
    *("dataset.limit.train=59", "dataset.limit.val=25", "dataset.limit.test=31", "trainer.log_every_n_steps=1"),
]


def the_run(outputs: Path) -> tuple[dict[str, Any], Path]:
    (path,) = outputs.glob("*/*/result.json")
    return json.loads(path.read_text()), path.parent


def assert_equal(one: Path, two: Path) -> None:
    """Compare the folders of two runs: curves, metrics, predictions."""
    curves = [pd.read_parquet(folder / "history.parquet") for folder in (one, two)]
    assert curves[0][["step", "epoch", "name"]].equals(curves[1][["step", "epoch", "name"]])
    smooth = curves[0].name.isin(["train/loss", "val/loss", "val/brier", "val/mean_confidence"])
    assert np.abs(curves[0].value - curves[1].value)[smooth].max() < 1e-5
    tables = [pd.read_parquet(folder / "predictions.parquet") for folder in (one, two)]
    numbers = tables[0].select_dtypes("number").columns
    assert tables[0].drop(columns=numbers).equals(tables[1].drop(columns=numbers))
    assert np.abs(tables[0][numbers] - tables[1][numbers]).to_numpy().max() < 1e-5
    quality = [json.loads((folder / "result.json").read_text())["quality"] for folder in (one, two)]
    for part in ("untrained", "val", "test"):
        for name in ("loss", "accuracy", "f1_macro", "brier"):
            assert quality[0][part][name] == pytest.approx(quality[1][part][name], abs=1e-5), (part, name)


def others() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "ftlab.verbs.rank" in " ".join(p.cmdline())]


def test_two_processes_equal_one_and_leave_nothing_behind(tmp_path: Path) -> None:
    environ = dict(os.environ)
    for name, how in (("one", "trainer=cpu"), ("two", "trainer=ddp_cpu")):
        more = ["trainer.accumulate_grad_batches=2", """dataset.samples=["it's a \\"test\\", {a: b}"]"""]
        assert main([*START, how, *EXACT, *more, "trainer.max_epochs=2", f"output_dir={tmp_path / name}"]) == 0
    (one, first), (two, second) = the_run(tmp_path / "one"), the_run(tmp_path / "two")
    assert_equal(first, second)
    assert (one["training"]["processes"], two["training"]["processes"]) == (1, 2)
    assert [r["training"]["steps"] for r in (one, two)] == [4, 4]
    assert two["training"]["examples_per_second"] > 0 and two["latency"] and two["artefact"]["verified"]
    assert one["training"]["peak_memory_mb"] < two["training"]["peak_memory_mb"]
    assert not others() and not list(tmp_path.rglob(".lock"))
    left = {key for key in dict(os.environ) if environ.get(key) != os.environ[key]}
    assert not left & {"LOCAL_RANK", "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"}
    import torch.distributed as dist

    assert not dist.is_initialized()


def test_a_sweep_gives_each_job_its_own_processes_and_more_of_them_than_rows(tmp_path: Path) -> None:
    # Of the last batch, of one row, two of the three processes have none.
    rows = ["dataset.batch_size=6", "dataset.limit.train=7", "dataset.limit.val=6", "dataset.limit.test=6"]
    options = [*START, *EXACT[:4], *rows, "adapter=full,lora", "trainer.max_epochs=1"]
    more = ["trainer=ddp_cpu", "trainer.devices=3", "dataset.num_workers=1"]
    assert main(["-m", *options, *more, f"output_dir={tmp_path / 'three'}"]) == 0
    results = [json.loads(p.read_text()) for p in sorted((tmp_path / "three").glob("default/*/*/result.json"))]
    assert [r["training"]["processes"] for r in results] == [3, 3] and [r["run"]["status"] for r in results] == [
        "finished"
    ] * 2
    assert not others()


def test_a_run_that_goes_on_is_the_run_that_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [*START, "trainer=ddp_cpu", "model.dropout=0.1", "trainer.max_epochs=2", "trainer.log_every_n_steps=1"]
    assert main([*options, f"output_dir={tmp_path / 'whole'}"]) == 0

    import ftlab.callbacks.curves as curves

    point = curves.Curves.on_train_batch_end

    def strike(self: Any, trainer: Any, *rest: Any) -> None:
        point(self, trainer, *rest)
        if trainer.global_step == 3:
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(curves.Curves, "on_train_batch_end", strike)
        assert main([*options, f"output_dir={tmp_path / 'parts'}"]) == 143
    assert not others()
    record, folder = the_run(tmp_path / "parts")
    assert record["run"]["status"] == "killed" and (folder / "checkpoints" / "state-3.ckpt").exists()
    assert main([*options, f"output_dir={tmp_path / 'parts'}", "resume=latest"]) == 0
    (_, whole), (_, parts) = the_run(tmp_path / "whole"), the_run(tmp_path / "parts")
    first, second = (pd.read_parquet(f / "history.parquet")[["step", "name", "value"]] for f in (whole, parts))
    assert first.equals(second), "to the bit, dropout of both processes included"
    first, second = (pd.read_parquet(f / "predictions.parquet") for f in (whole, parts))
    assert first.equals(second)


@pytest.mark.parametrize(
    ("who", "number", "code", "status"),
    [
        ("first", signal.SIGINT, 130, "killed"),
        ("other", signal.SIGKILL, 1, "failed"),
        ("first", signal.SIGKILL, -9, None),
    ],
)
def test_however_it_ends_no_process_is_left(
    tmp_path: Path, who: str, number: int, code: int, status: str | None
) -> None:
    words = [*START, "trainer=ddp_cpu", "trainer.max_epochs=-1", "trainer.max_steps=1000000", f"output_dir={tmp_path}"]
    words += ["callbacks.checkpoint.every_n_steps=1000", "callbacks.early_stopping.patience=1000000"]
    with subprocess.Popen([sys.executable, "-m", "ftlab", *words], stdout=subprocess.DEVNULL) as process:
        first = psutil.Process(process.pid)
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("*/*/checkpoints/state-*.ckpt")) and time.monotonic() < deadline:
            assert process.poll() is None, "it trains"
            time.sleep(0.2)
        family = [p for p in first.children(recursive=True) if "ftlab.verbs.rank" in " ".join(p.cmdline())]
        assert len(family) == 1, "it trains"
        (first if who == "first" else family[0]).send_signal(number)
        assert process.wait(timeout=60) == code
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
    if status is not None:
        record, _ = the_run(tmp_path)
        assert record["run"]["status"] == status
        assert status == "killed" or "signal 9" in record["run"]["error"]
