"""Where a training runs, and in how many processes."""

import pytest
import torch
from omegaconf import OmegaConf

from ftlab.datasets.shares import Part
from ftlab.errors import ConfigError
from ftlab.verbs.machine import pick_machine


def test_each_process_knows_its_number(cfg):
    machine = pick_machine(OmegaConf.to_object(cfg("trainer=ddp_cpu", "trainer.devices=4")), rank=3)
    assert machine.part == Part(3, 4) and machine.strategy == "ddp" and not machine.is_sharded
    assert machine.named() == "cpu (4 processes train)"
    alone = pick_machine(OmegaConf.to_object(cfg("trainer=ddp_cpu", "trainer.devices=1")))
    assert alone.part == Part() and alone.strategy == "auto" and alone.named() == "cpu"


@pytest.mark.parametrize("trainer", ["ddp", "fsdp"])
def test_without_gpus_the_trainer_that_works_is_named(cfg, trainer, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="write trainer=ddp_cpu"):
        pick_machine(OmegaConf.to_object(cfg(f"trainer={trainer}")))


def test_what_another_process_is_told_is_the_configuration_itself(cfg):
    import dataclasses
    import json

    from ftlab.records import from_plain
    from ftlab.schema import TrainConfig

    texts = """dataset.samples=["it's a \\"test\\", {a: b}"]"""
    settings = OmegaConf.to_object(cfg("adapter=lora", texts, "optimizer.lr=3e-5", "model.class_weights=[1,2,3]"))
    assert from_plain(TrainConfig, json.loads(json.dumps(dataclasses.asdict(settings)))) == settings
