"""The price files: complete, dated, named after themselves."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ftlab.measure.cost import device_class, resolve_price
from ftlab.paths import config_dir
from ftlab.schema import CostConfig

FILES = sorted(path for path in (config_dir() / "cost").glob("*.yaml") if path.stem != "auto")


def read(path: Path) -> CostConfig:
    price = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(CostConfig), OmegaConf.load(path)))
    assert isinstance(price, CostConfig)
    return price


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_price_is_complete_and_dated(path: Path) -> None:
    price = read(path)
    assert price.name == path.stem
    assert price.device_class
    assert price.usd_per_hour is not None
    assert 0 < price.usd_per_hour < 50
    assert price.price_source
    assert datetime.date.fromisoformat(str(price.price_date)) >= datetime.date(2025, 6, 1)  # AWS's last cut for GPUs
    assert "override with yours" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", "cpu_m5_large"),
        ("Tesla T4", "t4"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA L4", "l4"),
        ("NVIDIA A100-SXM4-40GB", "a100"),
        ("NVIDIA H100 80GB HBM3", "h100"),
    ],
)
def test_auto_finds_the_price_of_each_device(device: str, expected: str) -> None:
    auto = read(config_dir() / "cost" / "auto.yaml")
    assert resolve_price(auto, [read(path) for path in FILES], device_class(device)).name == expected


def test_no_two_prices_claim_one_device_class() -> None:
    classes = [read(path).device_class for path in FILES]
    assert len(set(classes)) == len(classes)
