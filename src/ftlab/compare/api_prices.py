"""Reads a dated price file of models behind somebody else's API.

A file is plain YAML: ``models`` holds a row per model with ``name``, ``usd_per_1m_input_tokens``,
``usd_per_1m_output_tokens``, ``source`` and ``date`` (or one of each for all rows at the top), and if known
``provider``, ``input_tokens`` and ``output_tokens`` per request, ``quality`` and ``latency`` (each: axis: value,
``source``: where from).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ftlab.compare.axes import find_axis
from ftlab.errors import ConfigError, did_you_mean
from ftlab.yaml_file import read_yaml

FOLDER = Path(__file__).parent / "api_prices"
_PRICES = ("usd_per_1m_input_tokens", "usd_per_1m_output_tokens")
_TOKENS = ("input_tokens", "output_tokens")
_KEYS = ("name", "provider", *_PRICES, *_TOKENS, "source", "date", "quality", "latency")


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """One row of a price file."""

    name: str
    usd_per_1m_input: float
    usd_per_1m_output: float
    source: str
    date: str  # YYYY-MM-DD
    provider: str = ""
    input_tokens: float | None = None  # per request; None: those of the board's runs
    output_tokens: float | None = None
    given: Mapping[str, float] = field(default_factory=dict)  # axis: value, as the file says
    given_by: tuple[str, ...] = ()  # where these are from


def price_files() -> list[str]:
    """Return the names of the price files of the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_api_prices(word: str) -> tuple[ApiPrice, ...]:
    """Return the rows of a price file: the name of one of the package, or the path of yours.

    Raises:
        ConfigError: there is no such file, or it is broken: one sentence.
    """
    inside = FOLDER / f"{word}.yaml"
    path = inside if Path(word).name == word and inside.is_file() else Path(word)
    if not path.is_file():
        known = price_files()
        raise ConfigError(
            f"api_prices={word} is no price file{did_you_mean(word, known)}; type {' or '.join(known)}, or the path of "
            "a YAML file of yours"
        )
    raw = read_yaml(path)
    rows = raw.get("models") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or not isinstance(rows, list) or not rows:
        raise ConfigError(f"{path} holds no list of models; write it as {FOLDER / 'small_models.yaml'} does")
    _check_keys(f"{path}", raw, ("models", "source", "date"))
    above = {key: raw[key] for key in ("source", "date") if key in raw}
    found = [_row(path, place, above, row) for place, row in enumerate(rows, 1)]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path} has {name} twice; give each model a name of its own")
    return tuple(found)


def _row(path: Path, place: int, above: Mapping[str, Any], raw: Any) -> ApiPrice:  # noqa: ANN401 - YAML
    if not isinstance(raw, Mapping) or not isinstance(raw.get("name"), str) or not raw["name"].strip():
        raise ConfigError(f"{path}: row {place} of models has no name; write - name: <model>")
    raw = {**above, **raw}
    where = f"{path}: {raw['name']}"
    _check_keys(where, raw, _KEYS)
    read, written = (_number(where, raw, key) for key in _PRICES)
    tokens = [None if raw.get(key) is None else _number(where, raw, key) for key in _TOKENS]
    quality, quality_by = _given(where, raw, "quality")
    latency, latency_by = _given(where, raw, "latency")
    return ApiPrice(
        name=raw["name"].strip(),
        usd_per_1m_input=read,
        usd_per_1m_output=written,
        source=_text(where, raw, "source"),
        date=_date(where, raw.get("date")),
        provider=str(raw.get("provider") or ""),
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        given={**quality, **latency},
        given_by=tuple(dict.fromkeys((*quality_by, *latency_by))),
    )


def _given(where: str, raw: Mapping[str, Any], section: str) -> tuple[dict[str, float], tuple[str, ...]]:
    held = raw.get(section)
    if held is None:
        return {}, ()
    if not isinstance(held, Mapping):
        raise ConfigError(f"{where}: {section} is no mapping; write {section}: {{<axis>: <number>, source: <where>}}")
    source = _text(f"{where}: {section}", held, "source")
    values = {}
    for name in held:
        if name == "source":
            continue
        axis = find_axis(str(name), key=f"{where}: {section}")
        if axis.kind != section:
            raise ConfigError(f"{where}: {name} is no {section}; put what is known of it elsewhere, or leave it out")
        values[axis.name] = _number(f"{where}: {section}", held, name)
        if axis.share and values[axis.name] > 1:
            raise ConfigError(f"{where}: {name} is {held[name]}, and at most 1; write {name}: {held[name] / 100:g}")
    return values, (source,) if values else ()


def _number(where: str, raw: Mapping[str, Any], key: str) -> float:
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        found = "is missing" if value is None else f"is {value}"
        raise ConfigError(f"{where}: {key} {found}; write a number of 0 or more: {key}: 0.5")
    return float(value)


def _text(where: str, raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{where} has no {key}; say where its numbers are from: {key}: <page>")
    return " ".join(value.split())


def _date(where: str, value: object) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value)
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        found = "no date" if value is None else f"date {text}"
        raise ConfigError(f"{where} has {found}; prices change, so write the day: date: 2026-01-31") from None


def _check_keys(where: str, raw: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in raw:
        if key not in known:
            raise ConfigError(f"{where}: {key} is no key of a price file{did_you_mean(str(key), known)}; remove it")
