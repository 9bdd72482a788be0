"""Numbers of an adapter, held to what they can be."""

from __future__ import annotations

from ftlab.errors import ModelError


def check_whole(option: str, value: object, example: int) -> None:
    """Raise ModelError unless ``value`` is a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(f"adapter.{option}={value} must be a whole number from 1; type adapter.{option}={example}")


def check_positive(option: str, value: float, why: str, example: float) -> None:
    """Raise ModelError unless ``value`` is above 0, or else ``why``."""
    if not value > 0:
        raise ModelError(f"adapter.{option}={value} must be above 0, {why}; type adapter.{option}={example:g}")


def check_share(option: str, value: float, example: float) -> None:
    """Raise ModelError unless ``value`` is at least 0 and below 1."""
    if not 0 <= value < 1:
        raise ModelError(f"adapter.{option}={value} must be at least 0 and below 1; type adapter.{option}={example:g}")


def check_choice(option: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise ModelError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ModelError(
            f"adapter.{option}={value} is none of {', '.join(choices)}; type adapter.{option}={choices[0]}"
        )
