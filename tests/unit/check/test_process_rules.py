"""What can be said of several processes before torch is imported."""

import pytest

from ftlab.errors import ConfigError


def fault(cfg, *overrides):
    with pytest.raises(ConfigError) as raised:
        cfg(*overrides)
    (sentence,) = raised.value.sentences
    return sentence


@pytest.mark.parametrize("devices", ["1", "2", "-1", "auto", "[0,1]", "'0,1'"])
def test_devices_that_lightning_knows_pass(cfg, devices):
    assert cfg("trainer=ddp", f"trainer.devices={devices}").trainer.strategy == "ddp"


@pytest.mark.parametrize("devices", ["0", "true", "[]", "[0,0]", "two", "-2", "[0,-1]"])
def test_other_devices_are_refused(cfg, devices):
    assert fault(cfg, "trainer=ddp", f"trainer.devices={devices}").endswith("write trainer.devices=1")


def test_rows_are_those_of_all_processes_and_must_be_shared_out_evenly(cfg):
    assert cfg("trainer=ddp_cpu", "dataset.batch_size=14").trainer.devices == 2
    assert fault(cfg, "trainer=ddp_cpu", "dataset.batch_size=15") == (
        "dataset.batch_size=15 is the rows of all 2 processes together, and 2 does not divide it; "
        "write dataset.batch_size=16"
    )
    assert "write dataset.batch_size=3" in fault(cfg, "trainer=ddp_cpu", "trainer.devices=3", "dataset.batch_size=1")


def test_one_machine_and_a_strategy_that_ftlab_starts(cfg):
    assert fault(cfg, "trainer=ddp", "trainer.num_nodes=2").endswith("write trainer.num_nodes=1")
    assert fault(cfg, "trainer=ddp", "trainer.strategy=ddp_spawn").endswith("write trainer.strategy=ddp")
    assert fault(cfg, "trainer=mps", "trainer.devices=2").endswith("write trainer.devices=1")


def test_fsdp_names_what_it_cannot_do(cfg):
    assert cfg("trainer=fsdp").trainer.strategy == "fsdp"
    assert fault(cfg, "trainer=fsdp", "trainer.accelerator=cpu").endswith("write trainer=ddp_cpu")
    assert "gradient_clip_algorithm=norm" in fault(cfg, "trainer=fsdp", "trainer.gradient_clip_algorithm=value")
    assert fault(cfg, "trainer=fsdp", "trainer.precision=64-true").endswith("write trainer.precision=32-true")
    assert fault(cfg, "trainer=fsdp", "trainer.compile=true").endswith("write trainer.compile=false")
