"""The same with LoRA, against PEFT in Hugging Face's Trainer."""

from __future__ import annotations

from benchmarks import grouping, runner

NAME = "padding_lora"
WHAT = (
    "As `padding`, with LoRA of rank 8 on query and value: ours against the same PEFT model in Hugging Face's Trainer."
)


def measure(quick: bool) -> list[runner.Line]:
    """Return ours over the Trainer's default, over its grouping, and on equal batches."""
    grouping.ready()
    words, steps, pairs = ("adapter=lora",), 2 if quick else 8, 3 if quick else 7
    rivals = [
        grouping.Rival("PEFT + Trainer", "random", wanted=">= 1.5", steps=steps),
        grouping.Rival("PEFT + Trainer grouping", "group_by_length", wanted=">= 1", steps=steps),
    ]
    lines = [grouping.compared(NAME, words, rival, pairs) for rival in rivals]
    return [*lines, grouping.same_batches(NAME, (*words, "adapter.dropout=0.0"), pairs, 1 if quick else 3)]
