"""How fast this machine trains: one short timing of transformer layers of three widths."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ftlab.measure.device import synchronizer
from ftlab.modules.precision import pick_precision
from ftlab.planning.tracker import Tracker
from ftlab.planning.types import Calibration, DeviceSheet

_SHAPES = {128: (8, 64), 384: (4, 64), 1024: (1, 64)}  # hidden size -> rows, tokens; a GPU gets 16 times as many rows
_TIMES = 2
_HALF = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def calibrate(sheet: DeviceSheet) -> Calibration | None:
    """Time forward and backward passes of single layers; about half a second. None: the device is not this machine's.

    The faster of two counts: what other processes take is not the machine's.
    """
    if not sheet.is_here:
        return None
    device = torch.device(sheet.kind)
    half = _HALF.get(pick_precision("auto", device))
    with torch.random.fork_rng(devices=[]):
        slow, operations, _ = _timed(16, 1, 4, device, half)
        overhead = slow / operations
        reached = {}
        for hidden, (rows, length) in _SHAPES.items():
            seconds, operations, flops = _timed(hidden, rows * (1 if sheet.kind == "cpu" else 16), length, device, half)
            reached[hidden] = flops / max(seconds - operations * overhead, 0.2 * seconds)
    return Calibration(overhead, reached, torch.get_num_threads(), sheet.kind)


def _timed(
    hidden: int, rows: int, length: int, device: torch.device, half: torch.dtype | None
) -> tuple[float, int, float]:
    """Return seconds, operations and FLOPs of a layer's forward and backward pass."""
    heads = max(1, hidden // 64)
    layer = nn.TransformerEncoderLayer(hidden, heads, 4 * hidden, dropout=0.1, activation="gelu", batch_first=True)
    layer.to(device)
    given = torch.randn(rows, length, hidden, device=device, requires_grad=True)

    def step() -> None:
        with torch.autocast(device.type, dtype=half, enabled=half is not None):
            out: Tensor = layer(given)
            loss = out.float().mean()
        loss.backward()  # type: ignore[no-untyped-call]

    step()  # gradients are there from now on, as in a training
    tracker = Tracker(layer.parameters())
    with tracker:
        step()
    wait = synchronizer(device)
    seconds = min(_seconds(step, wait) for _ in range(_TIMES))
    return seconds, sum(tracker.ops.values()), sum(tracker.flops.values())


def _seconds(step: Callable[[], None], wait: Callable[[], None] | None) -> float:
    begin = time.perf_counter()
    step()
    if wait is not None:
        wait()
    return time.perf_counter() - begin
