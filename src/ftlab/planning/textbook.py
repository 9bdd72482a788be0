"""The table of textbooks on a model of 10 billion parameters: 160, 40 and 12 GB, and what they are made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.planning.memory import memory_of, network_of, static_bytes
from ftlab.planning.types import BuildAdapter, DeviceSheet, Node, PlanRequest
from ftlab.schema import DatasetConfig, ModelConfig

_GB = 1e9
# The shape of a LLaMA, of 9.98 billion parameters.
ARCHITECTURE = {
    "model_type": "llama", "hidden_size": 4608, "num_hidden_layers": 38, "num_attention_heads": 36,
    "num_key_value_heads": 36, "intermediate_size": 12288, "vocab_size": 32000, "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}  # fmt: skip
QUOTED = {"full": 160.0, "lora": 40.0, "qlora": 12.0}  # GB, as usually quoted
_FULL_BYTES = 16  # fp16 weights and gradients, 2 each; fp32 weights and two moments, 4 each
LENGTHS = (512, 1024, 2048)
_ADAMW: Node = {"_target_": "torch.optim.AdamW"}


@dataclass(frozen=True, slots=True)
class Filled:
    """A batch whose activations bring a training to the quoted memory."""

    length: int  # tokens of a row
    rows: float  # of the batch; below 1: not even one row fits


@dataclass(frozen=True, slots=True)
class TextbookRow:
    """One line: what is there whatever the batch, and the batches that fill up what is quoted."""

    adapter: str
    static_gb: float
    quoted_gb: float
    filled: tuple[Filled, ...]  # without gradient checkpointing
    filled_recomputed: tuple[Filled, ...]  # with it


def textbook_rows(
    build: BuildAdapter, adapters: dict[str, Node], lengths: Sequence[int] = LENGTHS
) -> list[TextbookRow]:
    """Return the lines of the table.

    Args:
        build: puts an adapter on.
        adapters: nodes of ``full``, ``lora`` and ``qlora``.
        lengths: tokens of a row.
    """
    rows = []
    for name, quoted in QUOTED.items():
        request = _request(adapters[name], build)
        static = static_bytes(request) / _GB
        if name == "full":
            static = network_of(request).parameters * _FULL_BYTES / _GB
            rows.append(TextbookRow(name, static, quoted, (), ()))
            continue
        plain, recomputed = (
            tuple(Filled(length, _rows(request, length, quoted, again)) for length in lengths)
            for again in (False, True)
        )
        rows.append(TextbookRow(name, static, quoted, plain, recomputed))
    return rows


def textbook_table(build: BuildAdapter, adapters: dict[str, Node]) -> str:
    """Return the table as text."""
    lines = ["10 billion parameters, weights in half precision", ""]
    for row in textbook_rows(build, adapters):
        lines.append(f"{row.adapter}: {row.static_gb:.1f} GB whatever the batch")
        for how, filled in (("", row.filled), (" with gradient checkpointing", row.filled_recomputed)):
            said = ", ".join(f"{each.rows:.1f} rows of {each.length:,} tokens" for each in filled)
            lines += [f"  {row.quoted_gb:.0f} GB{how}: {said}"] if filled else []
    return "\n".join(lines)


def _rows(request: PlanRequest, length: int, quoted: float, recompute: bool) -> float:
    """Return how many rows fill up ``quoted`` GB: memory grows with rows along a line."""
    model = dataclasses.replace(request.model, gradient_checkpointing=recompute)
    dataset = dataclasses.replace(request.dataset, max_length=length, batch_size=2)
    request = dataclasses.replace(request, model=model, dataset=dataset)
    one, four = (
        memory_of(dataclasses.replace(request, dataset=dataclasses.replace(dataset, batch_size=rows)), rows).peak / _GB
        for rows in (1, 4)
    )
    return 1 + (quoted - one) / ((four - one) / 3)


def _request(adapter: Node, build: BuildAdapter) -> PlanRequest:
    sheet = DeviceSheet("textbook", "cuda", 1000, 0, {"bf16": 1.0}, None, "", "")
    model = ModelConfig(name="textbook", init="random", architecture=dict(ARCHITECTURE))
    dataset = DatasetConfig(name="textbook", max_length=LENGTHS[0], batch_size=1)
    trainer: Node = {"precision": "bf16-true", "max_epochs": 1}
    return PlanRequest(model, adapter, _ADAMW, trainer, dataset, "generation", 0, None, sheet, None, build)
