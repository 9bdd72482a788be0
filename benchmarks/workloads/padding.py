"""What grouping by length saves, against padding to one width and against Hugging Face's Trainer."""

from __future__ import annotations

from benchmarks import grouping, runner

NAME = "padding"
WHAT = (
    "Training examples per second on SST-2 (6,920 sentences, cut at 128), MiniLM, all weights trained, batches of 32; "
    "rows tokenised beforehand, nothing evaluated. Each side has its own loop, collator and logging, at its defaults."
)


def measure(quick: bool) -> list[runner.Line]:
    """Return ours over ours padded to 128, and over the Trainer's default."""
    grouping.ready()
    fixed = grouping.Rival("ours padded to 128", "fixed", wanted=">= 3", steps=1)
    shuffled = grouping.Rival("Hugging Face Trainer", "random", wanted=">= 1.5", steps=2 if quick else 6)
    pairs = 3 if quick else 7
    return [grouping.compared(NAME, (), rival, pairs) for rival in (fixed, shuffled)]
