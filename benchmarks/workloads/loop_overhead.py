"""What our training loop costs per step, against a loop anyone would write."""

from __future__ import annotations

import statistics

import torch

from benchmarks import runner
from benchmarks.sides import bare, ours, plain, quiet, sst2
from benchmarks.turns import Player, one_arena
from ftlab.allocator import keep_freed_memory

NAME = "loop_overhead"
WHAT = (
    "Time per training step with every default callback, a run folder and MLflow, against a plain PyTorch loop: "
    "same network, batches, optimizer (fused AdamW), schedule and clipping. Both keep freed memory; losses are equal "
    "to the bit."
)
_MINILM = ("dataset.batch_size=8",)
_TINY = ("model=tiny_bert", "dataset.batch_size=8")


def measure(quick: bool) -> list[runner.Line]:
    """Return the ratio on MiniLM, and microseconds by part on a network too small to hide anything."""
    quiet()
    one_arena()
    keep_freed_memory()
    # Of tiny_bert no more steps than an epoch has: its validation would lie in a block.
    return [*_minilm(4 if quick else 40, 2), *_tiny(4 if quick else 35, 20)]


def _minilm(pairs: int, steps: int) -> list[runner.Line]:
    words = sst2(*_MINILM)
    us, them = Player(ours(words)), Player(plain(words))
    timed = _turns(us, them, pairs, steps)
    return [
        runner.compared(
            NAME,
            "ms per step of MiniLM (full, batches of 8), ours over the plain loop",
            [(1e3 * a / steps, 1e3 * b / steps) for a, b in timed],
            ours="ftlab train",
            other="plain loop",
            unit="ms",
            wanted="<= 1.05",
            note=f"{pairs} pairs of blocks of {steps} steps, MLflow in sqlite.",
        )
    ]


def _tiny(pairs: int, steps: int) -> list[runner.Line]:
    words, clocks = [w for w in sst2(*_TINY) if w != "model=minilm"], {}
    lines, unit = [], "us per step"
    us, them = Player(ours(words)), Player(plain(words))
    timed = _turns(us, them, pairs, steps)
    extra = [1e6 * (a - b) / steps for a, b in timed]
    raw = statistics.median(1e6 * b / steps for _, b in timed)
    note = f"a step of the plain loop takes {raw:,.0f} us"
    lines.append(_count("tiny_bert: what all of ours adds to a step of the plain loop", extra, unit, note))
    loop, again = Player(bare(words)), Player(plain(words))
    timed = _turns(loop, again, pairs, steps)
    extra = [1e6 * (a - b) / steps for a, b in timed]
    note = "no callback, no logger; our module's hooks and loader are in it"
    lines.append(_count("tiny_bert: of that, Lightning's own loop", extra, unit, note))
    wrapped = Player(ours(words, clocks))
    for _ in range(2):
        wrapped.go(pairs * steps // 2)
    wrapped.finish()
    for name, spent in sorted(_by_callback(clocks).items(), key=lambda item: -statistics.fmean(item[1])):
        lines.append(_count(f"tiny_bert: {name}", [1e6 * s for s in spent], unit, f"mean {_mean(spent):.1f} us"))
    return lines


def _mean(spent: list[float]) -> float:
    return 1e6 * statistics.fmean(spent)


def _by_callback(clocks: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return callback -> seconds of each step, over its hooks."""
    found: dict[str, list[float]] = {}
    for name, spent in clocks.items():
        callback = name.split(".")[0]
        before = found.get(callback)
        found[callback] = spent[1:] if before is None else [a + b for a, b in zip(before, spent[1:], strict=False)]
    return found


def _count(question: str, values: list[float], unit: str, note: str) -> runner.Line:
    return runner.counted(NAME, question, values, ours="ftlab train", unit=unit, note=note)


def _turns(us: Player, them: Player, pairs: int, steps: int) -> list[tuple[float, float]]:
    def equal() -> None:
        found, wanted = (torch.stack(p.losses).tolist() for p in (us, them))
        if found != wanted:
            step = next(i for i, pair in enumerate(zip(found, wanted, strict=True)) if pair[0] != pair[1])
            raise runner.Unequal(f"the losses of step {step + 1} are {found[step]!r} and {wanted[step]!r}")
        if us.real_tokens() != them.real_tokens():
            raise runner.Unequal("the batches differ")

    us.go(1)  # what comes before training is not measured
    them.go(1)
    timed = runner.Workload(lambda: us.go(steps), lambda: them.go(steps), equal).measure(pairs)
    us.finish()
    them.finish()
    return timed
