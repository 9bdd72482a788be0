"""SIGINT while training: MLflow then holds every point that the training made."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest
import torch

from ftlab.checkpoints import newest_state
from small import SMALL

LONG = ["trainer.max_epochs=2000", "trainer.log_every_n_steps=1", "callbacks.early_stopping=null"]


def points(database):
    """Return the steps of train/loss that the database holds, and the status of the run."""
    with closing(sqlite3.connect(database)) as open_:
        steps = [step for (step,) in open_.execute("select step from metrics where key = 'train/loss' order by step")]
        (status,) = open_.execute("select status from runs").fetchone()
    return steps, status


@pytest.mark.slow
def test_no_point_is_lost_on_sigint(tmp_path):
    command = [sys.executable, "-m", "ftlab", *SMALL, *LONG, f"output_dir={tmp_path}"]
    with (tmp_path / "log").open("w") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    database, until = tmp_path / "mlflow.db", time.monotonic() + 180
    while True:
        assert time.monotonic() < until and child.poll() is None, (tmp_path / "log").read_text()
        time.sleep(0.2)
        try:
            if database.exists() and len(points(database)[0]) > 20:  # the first writing has come through
                break
        except (sqlite3.Error, TypeError):
            continue  # the tables are being made
    time.sleep(1.0)  # the next points wait in memory
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130, (tmp_path / "log").read_text()

    (folder,) = (path for path in (tmp_path / "default").iterdir() if path.is_dir())
    state, _ = newest_state(folder / "checkpoints")
    kept = torch.load(state, weights_only=True, map_location="cpu")
    (curves,) = (value for name, value in kept["callbacks"].items() if name.startswith("Curves"))
    made = []
    for table in (curves["history"], curves["pending"]):
        losses = table["name"] == (table["names"].index("train/loss") if "train/loss" in table["names"] else -1)
        made += table["step"][losses].tolist()
    steps, status = points(database)
    assert status == "KILLED"
    assert steps == list(range(1, len(steps) + 1))  # one for each update, each once
    assert set(made) <= set(steps) and len(steps) >= kept["global_step"]
