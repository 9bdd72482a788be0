"""Ours, grouped by length, against one rival: what the padding workloads share."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import runner
from benchmarks.sides import hugging, ours, quiet, sst2
from benchmarks.turns import Player, one_arena
from ftlab.allocator import keep_freed_memory

BATCH = 32
_TRAINING = (f"dataset.batch_size={BATCH}", "tracking.enabled=false")


@dataclass(frozen=True, slots=True)
class Rival:
    """How the other side pads: ``fixed`` is ours at 128 tokens, else the Trainer's ``train_sampling_strategy``."""

    name: str
    strategy: str
    wanted: str
    steps: int  # batches of a block


def ready() -> None:
    """Prepare the process."""
    quiet()
    one_arena()
    keep_freed_memory()


def compared(workload: str, words: tuple[str, ...], rival: Rival, pairs: int) -> runner.Line:
    """Return examples per second, ours over the rival's; each side with the memory settings of its own process."""
    typed = sst2(*_TRAINING, *words)
    us = Player(ours([*typed, "dataset.batching=length_grouped"]), keeps=True)
    if rival.strategy == "fixed":
        them = Player(ours([*typed, "dataset.batching=fixed"]), keeps=True)
    else:
        them = Player(hugging(typed, rival.strategy), keeps=False)

    def equal() -> None:
        if us.rows() != them.rows():
            raise runner.Unequal(f"{us.rows()} examples against {them.rows()}")

    timed = _measure(us, them, pairs, rival.steps, equal)
    share = [1 - p.real_tokens() / p.computed_tokens() for p in (us, them)]
    note = (
        f"blocks of {rival.steps} batches, each a random sample of the epoch's; "
        f"padding {share[0]:.0%} of what is computed against {share[1]:.0%}."
    )
    return runner.compared(
        workload,
        f"examples/s, ours grouped by length over {rival.name}",
        runner.rates(timed, BATCH * rival.steps),
        ours="ftlab, grouped",
        other=rival.name,
        unit="examples/s",
        wanted=rival.wanted,
        note=note,
    )


def same_batches(workload: str, words: tuple[str, ...], pairs: int, steps: int) -> runner.Line:
    """Return the ratio where both sides get the same batches, and freed memory is kept on both."""
    typed = sst2(*_TRAINING, "model.dropout=0.0", *words)
    us, them = Player(ours(typed)), Player(hugging(typed, same_batches=True))

    def equal() -> None:
        for step, (a, b) in enumerate(zip(us.losses, them.losses, strict=True), start=1):
            if abs(float(a) - float(b)) > 1e-5:
                raise runner.Unequal(f"the losses of step {step} are {float(a)} and {float(b)}")
        if us.real_tokens() != them.real_tokens():
            raise runner.Unequal("the batches differ")

    timed = _measure(us, them, pairs, steps, equal)
    apart = max(abs(float(a) - float(b)) for a, b in zip(us.losses, them.losses, strict=True))
    return runner.compared(
        workload,
        "examples/s on the same batches, freed memory kept on both sides, ours over the Trainer",
        runner.rates(timed, BATCH * steps),
        ours="ftlab",
        other="Trainer",
        unit="examples/s",
        wanted=">= 1",
        note=f"dropout 0; {len(us.losses)} losses differ by {apart:.1e} at most.",
    )


def _measure(us: Player, them: Player, pairs: int, steps: int, check: object) -> list[tuple[float, float]]:
    us.go(1)  # what comes before training is not measured
    them.go(1)
    timed = []
    workload = runner.Workload(lambda: _block(us, steps), lambda: _block(them, steps), check)  # type: ignore[arg-type]
    timed = workload.measure(pairs, warmup=0)
    us.finish()
    them.finish()
    return timed


def _block(player: Player, steps: int) -> float:
    """Return the seconds of a block, after one step that warms the caches up."""
    player.go(1)
    return player.go(steps)
