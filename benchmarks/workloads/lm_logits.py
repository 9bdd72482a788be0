"""Memory and time of a language model's logits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks import runner
from benchmarks.sides import quiet
from ftlab.allocator import keep_freed_memory
from ftlab.modules.causal_lm import CausalLMModule

NAME = "lm_logits"
WHAT = (
    "Forward and backward of tiny_gpt with a vocabulary of 50,257 on 4 x 256 tokens: ours, with logits at supervised "
    "places only and 64 MiB of them at a time, over transformers' own loss of the full logits. Memory is the highest "
    "sum of live bytes that torch's allocator reports, gradients included, above what was there before the step."
)
ROWS, TOKENS, VOCABULARY = 4, 256, 50257
SHAPE = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 1024}  # of tiny_gpt
ALIKE = 1e-6  # of the largest gradient


def measure(quick: bool) -> list[runner.Line]:
    """Return peak memory and time of a step with 30% of the tokens supervised, and with all."""
    quiet()
    keep_freed_memory()
    net = _net()
    lines = []
    for share, wanted in ((0.3, "<= 0.45"), (1.0, None)):
        batch = _batch(share)
        ours, full = _sides(net, batch)
        _check(net, ours, full)
        lines += _compared(net, share, wanted, ours, full, 2 if quick else 15)
    return lines


def _compared(
    net: nn.Module,
    share: float,
    wanted: str | None,
    ours: Callable[[], Tensor],
    full: Callable[[], Tensor],
    pairs: int,
) -> list[runner.Line]:
    sides = {"ours": "ftlab's module", "other": "full logits"}
    memory = [(peak_bytes(net, ours) / 2**20, peak_bytes(net, full) / 2**20) for _ in range(3)]
    times = runner.Workload(lambda: _seconds(ours), lambda: _seconds(full)).measure(pairs)
    note = "Losses and gradients were checked to be equal within 1e-6."
    return [
        dataclasses.replace(
            runner.compared(
                NAME, f"peak MiB, {share:.0%} supervised, ours over full logits", memory, unit="MiB", **sides
            ),
            wanted=wanted,
            note=note,
        ),
        runner.compared(
            NAME, f"ms of a step, {share:.0%} supervised, ours over full logits", _ms(times), unit="ms", **sides
        ),
    ]


def _net() -> nn.Module:
    torch.manual_seed(0)
    options = {name: 0.0 for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop")}  # the same numbers on both sides
    shape: dict[str, Any] = {**SHAPE, **options}
    config = AutoConfig.for_model(shape.pop("model_type"), vocab_size=VOCABULARY, **shape)
    return AutoModelForCausalLM.from_config(config).train()


def _batch(share: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, VOCABULARY, (ROWS, TOKENS), generator=generator)
    chosen = torch.rand(ROWS, TOKENS, generator=generator) < share
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.where(chosen, ids, -100),
        "row_ids": torch.arange(ROWS),
    }


def _sides(net: nn.Module, batch: dict[str, Tensor]) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """Return a step of each side: the loss, with gradients left in the network."""
    module = CausalLMModule(net)
    given = {name: tensor for name, tensor in batch.items() if name != "row_ids"}

    def ours() -> Tensor:
        net.zero_grad()
        found: Any = module.training_step(batch, 0)
        found["loss"].backward()
        return found["loss"].detach()

    def full() -> Tensor:
        net.zero_grad()
        loss: Tensor = net(**given, use_cache=False).loss
        loss.backward()
        return loss.detach()

    return ours, full


def _check(net: nn.Module, ours: Callable[[], Tensor], full: Callable[[], Tensor]) -> None:
    """Raise Unequal unless losses and gradients are the same."""
    losses, gradients = [], []
    for side in (ours, full):
        losses.append(float(side()))
        gradients.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    if abs(losses[0] - losses[1]) > ALIKE * losses[1]:
        raise runner.Unequal(f"losses {losses[0]} and {losses[1]}")
    for name, wanted in gradients[1].items():
        apart = float((gradients[0][name] - wanted).abs().max())
        if apart > ALIKE * max(1.0, float(wanted.abs().max())):
            raise runner.Unequal(f"gradients of {name} are {apart} apart")


def peak_bytes(net: nn.Module, step: Callable[[], object]) -> int:
    """Return the highest sum of what torch's allocator hands out during ``step`` less what is given back."""
    step()  # what is made once is there
    net.zero_grad()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        step()
    events = found.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), place, e.nbytes()) for place, e in enumerate(events) if e.name() == "[memory]")
    live = peak = 0
    for _, _, size in changes:
        live += size
        peak = max(peak, live)
    return peak


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _ms(pairs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(a * 1e3, b * 1e3) for a, b in pairs]
