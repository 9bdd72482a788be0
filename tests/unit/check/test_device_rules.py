import re

import pytest

from ftlab.errors import ConfigError


@pytest.mark.parametrize("value", ["0", "-1", "abc", "1.5", "true", "null", "[1]"])
def test_threads_are_auto_or_a_number_from_1(cfg, value):
    with pytest.raises(ConfigError, match=re.escape("must be auto, or a whole number from 1; write threads=auto")):
        cfg(f"threads={value}")


@pytest.mark.parametrize("value", ["auto", "1", "64"])
def test_threads_that_can_be_are_taken(cfg, value):
    assert str(cfg(f"threads={value}").threads) == value


@pytest.mark.parametrize("value", ["auto", "cpu", "cuda", "cuda:3", "mps"])
def test_devices_that_can_be_are_taken(cfg, value):
    assert cfg(f"device={value}").device == value


@pytest.mark.parametrize(("value", "near"), [("cuda:x", "cuda"), ("cuad", "cuda"), ("cuda:", "cuda"), ("gpu", "")])
def test_a_device_that_cannot_be_is_refused_with_the_nearest(cfg, value, near):
    with pytest.raises(ConfigError, match=f"device={value} is not one of .*; write device={near}"):
        cfg(f"device={value}")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["trainer=cpu", "trainer.precision=16-mixed"], "write trainer.precision=bf16-mixed"),
        (["trainer=cpu", "trainer.precision=16"], "write trainer.precision=bf16-mixed"),
        (["trainer=mps", "trainer.precision=64-true"], "write trainer.precision=32-true"),
    ],
)
def test_a_precision_the_named_device_lacks_is_refused(cfg, words, remedy):
    with pytest.raises(ConfigError, match=remedy):
        cfg(*words)


def test_where_the_device_is_auto_any_precision_passes_the_check(cfg):
    assert cfg("trainer.precision=16-mixed").trainer.precision == "16-mixed"
