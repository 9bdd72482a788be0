"""Several GPUs: one process each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ftlab.launch import main
from small import SMALL

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two GPUs"),
]
START = [word for word in SMALL if not word.startswith("trainer=")]


@pytest.mark.parametrize("trainer", ["ddp", "fsdp"])
@pytest.mark.parametrize("adapter", ["full", "lora"])
def test_two_gpus_equal_one(tmp_path: Path, trainer: str, adapter: str) -> None:
    exact = [f"adapter={adapter}", "model.dropout=0", "trainer.precision=32-true"]
    exact += ["adapter.dropout=0"] if adapter == "lora" else []
    records = []
    for name, how in (("one", ["trainer=gpu"]), ("two", [f"trainer={trainer}", "trainer.devices=2"])):
        assert main([*START, *how, *exact, f"output_dir={tmp_path / name}"]) == 0
        (path,) = (tmp_path / name).glob("*/*/result.json")
        records.append(json.loads(path.read_text()))
    one, two = records
    assert (one["training"]["processes"], two["training"]["processes"]) == (1, 2)
    assert two["quality"]["test"]["loss"] == pytest.approx(one["quality"]["test"]["loss"], abs=1e-4)
    assert two["artefact"]["verified"] and two["latency"]
