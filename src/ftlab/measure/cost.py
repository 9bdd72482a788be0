"""Time into money, from a dated price of one device class."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from ftlab.errors import ConfigError
from ftlab.schema import CostConfig

Price = CostConfig  # the price of one hour, and how the hour is used

_VENDOR = re.compile(r"\b(nvidia|tesla|geforce|quadro|amd|instinct|radeon|graphics)\b", re.IGNORECASE)
_SERIES = {"rtx", "gtx", "titan", "pro"}
_SUFFIXES = {"ti", "super", "ada"}


def device_class(name: str) -> str:
    """Return the class that price files name, from a device name: ``NVIDIA A10G`` -> ``a10g``, ``cpu`` -> ``cpu``.

    Memory size and socket do not count (``NVIDIA A100-SXM4-40GB`` -> ``a100``); a slice of a GPU is its own class
    (``a100-mig``), and a series name stays with its number (``NVIDIA GeForce RTX 4090`` -> ``rtx4090``).
    """
    words = _VENDOR.sub(" ", name).lower().split()
    if not words:
        return name.lower()
    found = words[0].split("-")[0]
    if found in _SERIES and len(words) > 1:
        found += words[1]
        found += "".join(w for w in words[2:] if w in _SUFFIXES)
    return f"{found}-mig" if "mig" in words else found


def resolve_price(cost: Price, prices: Iterable[Price], found: str) -> Price:
    """Return ``cost`` with the price that holds on a device of class ``found``.

    A price given by the user wins. ``auto`` takes the first file by name that fits; where none does, the price stays
    None. Utilisation and batch size are always those of ``cost``.

    Raises:
        ConfigError: the price is for another device class, or a number is out of range.
    """
    check_price(cost, found)
    if cost.usd_per_hour is not None or cost.name != "auto":
        return dataclasses.replace(cost, device_class=cost.device_class or found)
    for price in sorted(prices, key=lambda p: p.name):
        if price.usd_per_hour is not None and price.device_class == found:
            return dataclasses.replace(price, utilisation=cost.utilisation, batch_size=cost.batch_size)
    return dataclasses.replace(cost, device_class=found)


def check_price(cost: Price, found: str) -> None:
    """Raise ConfigError where ``cost`` is a price of another class than ``found``, or a number is out of range."""
    if cost.device_class not in (None, found):
        raise ConfigError(
            f"cost={cost.name} is the price of device class {cost.device_class}, but this run is on {found}; "
            f"take cost=auto, or give yours: cost=auto cost.usd_per_hour=<number>"
        )
    if not 0 < cost.utilisation <= 1:
        raise ConfigError(
            f"cost.utilisation={cost.utilisation:g} is not a share of an hour; "
            "give a number above 0 and up to 1: cost.utilisation=0.5"
        )
    if cost.usd_per_hour is not None and not 0 <= cost.usd_per_hour < float("inf"):
        raise ConfigError(f"cost.usd_per_hour={cost.usd_per_hour:g} is no price; give 0 or more: cost.usd_per_hour=1.2")


def training_usd(usd_per_hour: float | None, seconds: float | None) -> float | None:
    """Return the price of ``seconds`` of training in US dollars; None where either is unknown."""
    return None if usd_per_hour is None or seconds is None else usd_per_hour * seconds / 3600


def usd_per_1k_requests(
    usd_per_hour: float | None, throughput_per_second: float | None, utilisation: float
) -> float | None:
    """Return the price of 1,000 requests in US dollars; None where price or throughput is unknown.

    Args:
        usd_per_hour: price of the machine.
        throughput_per_second: texts answered per second by a machine that is never idle.
        utilisation: share of an hour in which it is busy, in (0, 1]; the idle rest is paid for as well.
    """
    if usd_per_hour is None or not throughput_per_second:
        return None
    return usd_per_hour / (throughput_per_second * 3600 * utilisation) * 1000
