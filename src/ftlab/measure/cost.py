"""Time into money, from a dated price of one device class."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from ftlab.errors import ConfigError
from ftlab.results import LatencyRow
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


def usd_per_1m_tokens(usd_per_hour: float | None, tokens_per_second: float | None, utilisation: float) -> float | None:
    """Return the price of a million generated tokens in US dollars, the reading of their prompts included.

    None where price or speed is unknown. ``tokens_per_second`` is that of all prompts of a batch together.
    """
    if usd_per_hour is None or not tokens_per_second:
        return None
    return usd_per_hour / (tokens_per_second * 3600 * utilisation) * 1e6


def answer_seconds(
    ttft_ms: float | None, inter_token_ms: float | None, completion_tokens: float | None
) -> float | None:
    """Return how long an answer takes: the time to its first token, and that between two for each of the others.

    Args:
        ttft_ms: until the first token, tokenisation included.
        inter_token_ms: between a token and the next; None: only one was ever written.
        completion_tokens: mean tokens of an answer.
    """
    if ttft_ms is None or completion_tokens is None:
        return None
    others = max(completion_tokens - 1, 0.0)
    if others and inter_token_ms is None:
        return None
    return (ttft_ms + others * (inter_token_ms or 0.0)) / 1000


def prompt_share(ttft_ms: float | None, inter_token_ms: float | None, completion_tokens: float | None) -> float | None:
    """Return the share of an answer's time, and so of its price, that goes by until the first token, in [0, 1]."""
    seconds = answer_seconds(ttft_ms, inter_token_ms, completion_tokens)
    return None if ttft_ms is None or not seconds else ttft_ms / 1000 / seconds


def request_costs(
    price: Price,
    row: LatencyRow | None,
    *,
    prompt_tokens: float | None,
    completion_tokens: float | None = None,
    share: float = 0.0,
) -> dict[str, float | None]:
    """Return the fields of ``result.json`` that say what a request costs.

    Args:
        price: of the machine.
        row: the latency that the price rests on; None: not timed, or of another device.
        prompt_tokens: mean tokens that a request brings.
        completion_tokens: mean tokens of an answer; None: labels are given, or nothing was written.
        share: of what is computed for a label, that of the prompt around the text.
    """
    told = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    if row is not None and row.ttft_ms is not None:
        seconds = answer_seconds(row.ttft_ms, row.inter_token_ms, completion_tokens)
        rate = row.batch_size / seconds if seconds else None  # all prompts of a batch are answered in that time
        return {
            "usd_per_1k_requests": usd_per_1k_requests(price.usd_per_hour, rate, price.utilisation),
            "usd_per_1m_tokens": usd_per_1m_tokens(price.usd_per_hour, row.tokens_per_second, price.utilisation),
            **told,
            "usd_prompt_share": prompt_share(row.ttft_ms, row.inter_token_ms, completion_tokens),
        }
    if completion_tokens is not None:  # it writes, but was not timed
        return {"usd_per_1k_requests": None, "usd_per_1m_tokens": None, **told, "usd_prompt_share": None}
    rate = None if row is None else row.throughput_per_second
    return {
        "usd_per_1k_requests": usd_per_1k_requests(price.usd_per_hour, rate, price.utilisation),
        "usd_per_1m_tokens": None,  # generated tokens: who gives labels has none
        "prompt_tokens": prompt_tokens,
        "completion_tokens": 0.0,
        "usd_prompt_share": share,
    }
