"""The largest number of rows that fit into a memory."""

from __future__ import annotations

from ftlab.planning.memory import memory_of, rows_in_all, static_bytes
from ftlab.planning.types import PlanRequest

MB = 1e6


def largest_batch(request: PlanRequest, available_mb: float) -> int:
    """Return the largest number of rows, of those of a step, whose training fits into ``available_mb``; 0: none.

    With fewer than all of them, gradients of earlier parts stay while the next one is computed, and count.

    Args:
        request: the cell; its device says how operations take memory, not how much there is.
        available_mb: for weights, gradients, optimizer state and activations together.

    Raises:
        ModelError: model and adapter do not go together.
    """
    available = available_mb * MB
    if static_bytes(request) > available:
        return 0
    most = rows_in_all(request)
    if memory_of(request, most).peak <= available:
        return most
    one = memory_of(request, 1).peak
    if one > available:
        return 0
    low, high = 1, most  # fits, does not
    at_low, at_high = one, memory_of(request, most).peak
    while high - low > 1:
        # Memory grows with rows along a line, or nearly so.
        guess = low + int((available - at_low) / max(at_high - at_low, 1.0) * (high - low))
        guess = min(max(guess, low + 1), high - 1)
        found = memory_of(request, guess).peak
        if found <= available:
            low, at_low = guess, found
        else:
            high, at_high = guess, found
    return low
