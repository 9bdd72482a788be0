"""How a verdict writes values with their units, and differences with what they mean."""

from __future__ import annotations

import math

from ftlab.compare.types import Axis

_LEAST_DECIMALS = 3


def amount(value: float, axis: Axis) -> str:
    """Return a value with its unit: ``f1_macro 0.874``, ``p95 4.10 ms``, ``$0.00210 per 1k requests``."""
    return _in_label(value, axis) or f"{axis.label} {digits(value, axis)}{unit(axis)}"


def quantity(value: float, axis: Axis) -> str:
    """Return how much of an axis: ``0.012 of f1_macro``, ``2.90 ms of p95``, ``$0.00150 per 1k requests``."""
    return _in_label(value, axis) or f"{digits(value, axis)}{unit(axis)} of {axis.label}"


def _in_label(value: float, axis: Axis) -> str | None:
    """Return a value within a label that names its own unit; None: the label does not."""
    shown = digits(value, axis)
    if axis.unit == "$":
        return axis.label.replace("$", f"${shown}", 1)
    return f"{shown} {axis.label}" if axis.unit and axis.label.startswith(axis.unit) else None


def bare(value: float, axis: Axis) -> str:
    """Return a value with its unit alone: ``0.874``, ``4.10 ms``, ``$0.00210``."""
    return f"${digits(value, axis)}" if axis.unit == "$" else f"{digits(value, axis)}{unit(axis)}"


def span(ends: tuple[float, float], axis: Axis) -> str:
    """Return an interval, its unit once: ``0.861 to 0.887``, ``2.70 to 2.92 ms``, ``$0.00190 to $0.00210``."""
    low, high = ends
    return f"{bare(low, axis) if axis.unit == '$' else digits(low, axis)} to {bare(high, axis)}"


def unit(axis: Axis) -> str:
    """Return what stands behind a number: `` ms``, ``%``, nothing behind a share or dollars."""
    return "" if axis.unit in ("", "$") else axis.unit if axis.unit == "%" else f" {axis.unit}"


def digits(value: float, axis: Axis) -> str:
    """Return a number without an exponent: three decimals of a metric, else three significant digits."""
    if value == 0:
        return "0"
    decimals = 2 - math.floor(math.log10(abs(value)))
    if axis.kind == "quality" and abs(value) < 10:
        decimals = max(_LEAST_DECIMALS, decimals - 2) if abs(value) < 10**-_LEAST_DECIMALS else _LEAST_DECIMALS
    return f"{value:,.{max(0, decimals)}f}"


def p_value(p: float) -> str:
    """Return ``p = 0.213``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def times(ratio: float) -> str:
    """Return a factor: ``3.1 times as much``."""
    return f"{ratio:,.1f} times as much" if ratio < 100 else f"{ratio:,.0f} times as much"


def limit(value: float, axis: Axis) -> str:
    """Return a bound as it was given, with its unit: ``20 ms``, ``$0.01``."""
    return f"${value:g}" if axis.unit == "$" else f"{value:g}{unit(axis)}"
