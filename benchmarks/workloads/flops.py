"""How much of what matrix products can do a training step does."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import runner
from benchmarks.op_classes import by_class
from benchmarks.sides import Built, build, config, quiet, sst2
from ftlab.allocator import keep_freed_memory
from ftlab.models.first_token import skip_unread

NAME = "flops"
WHAT = (
    "Achieved FLOP/s of MiniLM, fully fine-tuned (32 x 32 tokens, forward, backward, clipping, AdamW, dropout) "
    "over sgemm at the model's own matrix shapes, measured beside it in turns; and what eats the rest."
)
ROWS, TOKENS = 32, 32


def measure(quick: bool) -> list[runner.Line]:
    """Return the share of sgemm's rate, and the milliseconds of a step by kind of operation."""
    quiet()
    keep_freed_memory()
    pairs = 4 if quick else 25
    with tempfile.TemporaryDirectory() as place:
        built = build(config(sst2("tracking.enabled=false")), Path(place), callbacks=False)
    step, shapes = _step(built), _shapes(built.net.config)
    counted = _count(built)
    skip_unread(built.net)
    skipping = _count(built)
    work = sum(2 * m * k * n for m, k, n in shapes)
    timed = runner.abba(step, lambda: _products(shapes), pairs, warmup=2)
    rates = [(skipping / a / 1e9, work / b / 1e9) for a, b in timed]
    line = runner.compared(
        NAME,
        "GFLOP/s, a whole training step over sgemm alone",
        rates,
        ours="ftlab's step",
        other="sgemm",
        unit="GFLOP/s",
        note=(
            f"{skipping / 1e9:.1f} GFLOP a step, counted by torch with eager attention (torch does not count the CPU's "
            f"fused attention); {counted / 1e9:.1f} where the last layer's unread tokens are computed too."
        ),
    )
    return [line, *_profile(step, statistics.median(a for a, _ in timed), 2 if quick else 8)]


def _batch() -> dict[str, torch.Tensor]:
    ids = torch.randint(1000, 30000, (ROWS, TOKENS), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[::2, -2:] = 0  # as a batch of like lengths has
    return {"input_ids": ids, "attention_mask": mask}


def _step(built: Built) -> Any:
    net, optimizer, batch = built.net.train(), built.optimizer(), _batch()
    labels, parameters = torch.arange(ROWS) % 2, list(net.parameters())

    def step() -> None:
        loss = functional.cross_entropy(net(**batch).logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


def _count(built: Built) -> int:
    net: Any = built.net
    net.set_attn_implementation("eager")
    with FlopCounterMode(display=False) as counter:
        functional.cross_entropy(net(**_batch()).logits, torch.arange(ROWS) % 2).backward()
    net.set_attn_implementation("sdpa")
    net.zero_grad()
    return int(counter.get_total_flops())


def _shapes(sizes: Any) -> list[tuple[int, int, int]]:
    """Return the products (M, K, N) of one layer, forward, and backward to inputs and weights."""
    rows, width, inner = ROWS * TOKENS, sizes.hidden_size, sizes.intermediate_size
    found = []
    for k, n, times in ((width, width, 4), (width, inner, 1), (inner, width, 1)):
        found += [(rows, k, n), (rows, n, k), (n, rows, k)] * times
    return found


def _products(shapes: list[tuple[int, int, int]]) -> float:
    given = [(torch.ones(m, k), torch.ones(k, n), torch.empty(m, n)) for m, k, n in shapes]
    began = time.perf_counter()
    for a, b, out in given:
        torch.mm(a, b, out=out)
    return time.perf_counter() - began


def _profile(step: Any, seconds: float, steps: int) -> list[runner.Line]:
    spent: list[dict[str, float]] = []
    for _ in range(steps):
        with profile(activities=[ProfilerActivity.CPU]) as found:
            step()
        spent.append(by_class((e.key, e.self_cpu_time_total / 1e3) for e in found.key_averages()))
    lines, total = [], statistics.median(sum(one.values()) for one in spent)
    for name in spent[0]:
        values = [one.get(name, 0.0) for one in spent]
        share = statistics.median(values) / total
        lines.append(
            runner.counted(
                NAME,
                f"ms of a step in {name}",
                values,
                ours="ftlab's step",
                unit="ms",
                note=f"{share:.0%} of a profiled step ({total:.0f} ms; {seconds * 1e3:.0f} ms without the profiler).",
            )
        )
    return lines
