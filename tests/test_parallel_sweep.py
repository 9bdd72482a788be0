"""Jobs of a sweep at the same time: each with its share of the cores, all below one parent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from ftlab.cores import usable_cores
from small import SMALL

pytestmark = pytest.mark.slow
pytest.importorskip("hydra_plugins.hydra_joblib_launcher")


def sweep(folder: Path, *words: str) -> tuple[subprocess.CompletedProcess[str], list[dict], Path]:
    """Run a sweep of two jobs at once as a user types it; return it, its records and its folder."""
    launcher = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    command = [sys.executable, "-m", "ftlab", "-m", *launcher, *SMALL, f"output_dir={folder}", *words]
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS") and not k.startswith("PYTEST")}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    (place,) = folder.glob("default/*")
    return done, [json.loads(path.read_text()) for path in sorted(place.glob("*/result.json"))], place


def test_jobs_at_the_same_time_have_a_share_of_the_cores_each_and_one_parent(tmp_path: Path) -> None:
    done, records, place = sweep(tmp_path, "adapter=full,lora")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 jobs finished" in done.stdout
    share = max(1, usable_cores() // 2)
    assert [record["run"]["status"] for record in records] == ["finished"] * 2
    assert [record["environment"]["threads"] for record in records] == [share] * 2
    assert [record["environment"]["thread_source"] for record in records] == ["auto"] * 2
    assert {row["threads"] for record in records for row in record["latency"]} == {share}
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    parent = json.loads((place / "sweep.json").read_text())["mlflow_parent_run_id"]
    assert client.get_run(parent).info.status == "FINISHED"
    for record in records:
        child = client.get_run(record["run"]["mlflow"]["run_id"])
        assert child.info.status == "FINISHED" and child.data.tags["mlflow.parentRunId"] == parent
    assert not (place / "multirun.yaml").exists()


def test_a_number_of_threads_reaches_jobs_at_the_same_time_and_a_failing_job_stops_nothing(tmp_path: Path) -> None:
    words = ["threads=3", "adapter=freeze", "adapter.last_layers=1,9", "latency.enabled=false", "tracking=none"]
    done, records, _ = sweep(tmp_path, *words)
    assert done.returncode == 1
    assert [record["run"]["status"] for record in records] == ["finished", "failed"]
    assert (records[0]["environment"]["threads"], records[0]["environment"]["thread_source"]) == (3, "threads=")
    if usable_cores() < 6:
        assert done.stderr.count("note: threads=3 in each of 2 processes is more than the") == 1
