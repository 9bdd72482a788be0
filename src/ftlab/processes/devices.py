"""What can be said of processes and devices without torch: the check reads it."""

from __future__ import annotations

STRATEGIES = ("ddp", "ddp_find_unused_parameters_true", "fsdp")
SHARDED = "fsdp"
UNKNOWN = 0  # as many as there are GPUs


def named_devices(devices: object) -> int | None:
    """Return how many devices Lightning's option names; UNKNOWN for auto and -1; None: it names none.

    Args:
        devices: a number, a list of GPUs, or either as text.
    """
    if isinstance(devices, bool):
        return None
    if isinstance(devices, (list, tuple)):
        whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in devices)
        return len(devices) if devices and whole and len(set(devices)) == len(devices) else None
    text = str(devices).strip("[] ")
    if text in ("auto", "-1"):
        return UNKNOWN
    if "," in text:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return named_devices([int(part) if part.isdigit() else -1 for part in parts])
    return int(text) if text.isdigit() and int(text) else None


def not_processes(devices: object, count: int | None) -> str | None:
    """Return the sentence on devices that count or name GPUs, for a run on the CPU; None: they are processes."""
    typed = str(devices).replace(" ", "")
    if typed == "auto" or typed.isdigit():
        return None
    return (
        f"trainer.devices={typed} counts or names GPUs, and this run is on the CPU, where devices are processes; "
        f"write trainer.devices={count or 1}"
    )


def uneven(batch_size: int, count: int, key: str = "batch_size") -> str:
    """Return the sentence on rows, given as ``dataset.<key>``, that ``count`` processes cannot share out evenly."""
    fits = max(count, round(batch_size / count) * count)
    return (
        f"dataset.{key}={batch_size} is the rows of all {count} processes together, and {count} does not divide "
        f"it; write dataset.{key}={fits}"
    )
