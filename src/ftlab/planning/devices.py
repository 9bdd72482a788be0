"""Devices by name: data sheets of the package or of the user, and this machine as it is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import torch

from ftlab.errors import ConfigError, did_you_mean
from ftlab.measure.cost import device_class
from ftlab.measure.device import cpu_model
from ftlab.planning.types import DeviceSheet
from ftlab.yaml_file import read_yaml

FOLDER = Path(__file__).parent / "devices"
HERE = ("auto", "cpu")
_KINDS = ("cuda", "mps", "cpu")
_FORMATS = ("fp32", "tf32", "fp16", "bf16", "int8")
_LIBRARIES_GB = 1.5  # torch, transformers and Lightning in a process, and what the system needs beside it
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def device_names() -> list[str]:
    """Return the names of the sheets in the package, the one with the least memory first."""
    sheets = [_read(path) for path in FOLDER.glob("*.yaml")]
    return [sheet.name for sheet in sorted(sheets, key=lambda s: (s.memory_gb, s.name))]


def find_device(name: str) -> DeviceSheet:
    """Return the device called ``name``: ``auto`` or ``cpu`` of this machine, a sheet's name, or a sheet's path.

    Raises:
        ConfigError: there is no such device, or a sheet of the user's lacks a number.
    """
    if name in HERE:
        return this_machine(name)
    path = FOLDER / f"{name}.yaml"
    if Path(name).name == name and path.is_file():
        return _read(path)
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise ConfigError(f"device={name} is no file; give the path of a data sheet, or device=auto")
        return _read(Path(name))
    known = [*HERE, *device_names()]
    raise ConfigError(
        f"device={name} is not known{did_you_mean(name, known)}; type one of {', '.join(known)}, or the path of a data "
        "sheet of yours"
    )


def larger_devices(device: DeviceSheet) -> tuple[DeviceSheet, ...]:
    """Return the GPUs of the package that hold more than ``device``, the smallest first."""
    sheets = [find_device(name) for name in device_names()]
    return tuple(sheet for sheet in sheets if sheet.kind == "cuda" and sheet.available_mb > device.available_mb)


def this_machine(name: str = "auto") -> DeviceSheet:
    """Return this machine's device: for ``auto`` the one that would train, for ``cpu`` the processor."""
    if name == "auto" and torch.cuda.is_available():
        return _gpu()
    if name == "auto" and torch.backends.mps.is_available():
        total = psutil.virtual_memory().total / 1e9
        lent = torch.mps.recommended_max_memory() / 1e9
        return DeviceSheet("mps", "mps", total, total - lent, {}, None, "as found", "", is_here=True)
    return DeviceSheet("cpu", "cpu", _memory() / 1e9, _LIBRARIES_GB, {}, None, cpu_model(), "", is_here=True)


def _gpu() -> DeviceSheet:
    """Return the first GPU: its memory as found, its peaks from the sheet of its class if there is one."""
    found = torch.cuda.get_device_properties(0)
    kind = device_class(found.name)
    memory = found.total_memory / 1e9
    sheet = next((_read(path) for path in sorted(FOLDER.glob(f"{kind}_*.yaml"))), None)
    if sheet is None:
        return DeviceSheet(kind, "cuda", memory, 0.9, {}, None, f"{found.name}, as found", "", is_here=True)
    return dataclasses.replace(sheet, name=kind, memory_gb=memory, is_here=True)


def _memory() -> int:
    """Return the bytes of memory this process may take: the machine's, or the container's limit."""
    total = int(psutil.virtual_memory().total)
    for path in _LIMITS:
        if path.is_file() and (text := path.read_text(encoding="utf-8").strip()).isdigit():
            total = min(total, int(text))
    return total


def _read(path: Path) -> DeviceSheet:
    raw = read_yaml(path)
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{path} is no data sheet; write its keys as in {FOLDER / 't4_16gb.yaml'}")
    known = {field.name for field in dataclasses.fields(DeviceSheet)} - {"name", "is_here"}
    for key in raw:
        if key not in known:
            raise ConfigError(f"{path}: {key} is no key of a data sheet{did_you_mean(str(key), known)}; remove it")
    tflops = raw.get("tflops") or {}
    memory = _number(path, raw, "memory_gb", above=0.0)
    reserved = _number(path, {"reserved_gb": 1.0, **raw}, "reserved_gb")
    if reserved >= memory:
        raise ConfigError(f"{path}: reserved_gb={reserved:g} leaves nothing of memory_gb={memory:g}; lower it")
    if raw.get("kind") not in _KINDS:
        raise ConfigError(f"{path}: kind={raw.get('kind')} must be one of {', '.join(_KINDS)}; write kind: cuda")
    if not isinstance(tflops, Mapping) or not set(tflops) <= set(_FORMATS):
        raise ConfigError(f"{path}: tflops holds numbers by format ({', '.join(_FORMATS)}); write tflops: {{fp16: 65}}")
    bandwidth = None if raw.get("bandwidth_gb_s") is None else _number(path, raw, "bandwidth_gb_s", above=0.0)
    price = raw.get("price")
    return DeviceSheet(
        name=path.stem,
        kind=str(raw["kind"]),
        memory_gb=memory,
        reserved_gb=reserved,
        tflops={str(key): _number(path, tflops, key, above=0.0) for key in tflops},
        bandwidth_gb_s=bandwidth,
        source=str(raw.get("source", path)),
        date=str(raw.get("date", "")),
        price=None if price is None else str(price),
    )


def _number(path: Path, raw: Mapping[str, Any], key: str, above: float = -1.0) -> float:
    value = raw.get(key)
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and above < value < float("inf")
    if not good or value is None or value < 0:
        raise ConfigError(f"{path}: {key}={value} must be a number above 0; write it as in {FOLDER / 't4_16gb.yaml'}")
    return float(value)
