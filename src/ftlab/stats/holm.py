"""Many tests at once: Holm's correction.

Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6:65-70. The
chance that any true tie is called a difference stays below the level, whatever the tests have to do with each other;
never less powerful than Bonferroni.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the corrected p of each test, in the order given.

    What is at most the level may be called a difference: the smallest p is multiplied by the number of tests, the next
    by one less, and none may come out smaller than the one before it.

    Args:
        p_values: each in [0, 1]; may be empty.
    """
    assert all(0 <= p <= 1 for p in p_values), "a p value lies in [0, 1]"
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, p_values[position] * (len(p_values) - rank)))
        corrected[position] = highest
    return tuple(corrected)
