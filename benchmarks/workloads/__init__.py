"""One file per workload: NAME, WHAT, and ``measure(quick) -> list[Line]``."""
