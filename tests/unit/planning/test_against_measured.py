"""Estimates against what torch allocated in a real training step, through our own modules."""

import gc
from dataclasses import dataclass

import pytest
import torch
from omegaconf import OmegaConf
from torchmetrics import MetricCollection

from ftlab.build import build_adapter, build_optimizer
from ftlab.models.causal import load_causal_lm
from ftlab.models.pretrained import load_classifier
from ftlab.models.recompute import recompute_activations
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.classifier import ClassifierModule
from ftlab.planning.layers import bare_net
from ftlab.planning.memory import memory_of
from ftlab.planning.types import DeviceSheet, PlanRequest

SHEET = DeviceSheet("cpu", "cpu", 64, 0, {}, None, "", "", is_here=True)
LABELS = ["a", "b", "c"]
ADAPTERS = (
    "full", "head", "freeze", "bitfit", "layernorm", "lora", "rslora", "dora", "pissa", "olora", "adalora", "ia3",
    "qlora", "prompt_tuning", "prefix_tuning", "p_tuning", "stack",
)  # fmt: skip
CANNOT = {("tiny_gpt", "head"), ("tiny_gpt", "olora")}  # no head of its own; no Conv1D
NO_CHECKPOINTING = {"prefix_tuning"}
QUICK = [("tiny_bert", "lora", True), ("tiny_gpt", "full", False), ("tiny_gpt", "prompt_tuning", True)]


@dataclass
class Measured:
    """Bytes of one step."""

    held: int
    peak: int


def batch_of(task, rows, length, vocabulary):
    """Return a batch whose first row is full and whose others are a little shorter, as in a batch of like lengths."""
    torch.manual_seed(0)
    ids = torch.randint(5, min(vocabulary, 300), (rows, length))
    mask = torch.ones_like(ids)
    for row in range(1, rows):
        mask[row, length - row % 4 :] = 0
    batch = {"input_ids": ids, "attention_mask": mask, "row_ids": torch.arange(rows)}
    if task == "classification":
        return {**batch, "labels": torch.arange(rows) % len(LABELS)}
    return {**batch, "labels": ids.masked_fill(mask == 0, -100)}


def real_module(settings, task, length):
    model, load = settings.model, settings.adapter.get("load")
    if task == "classification":
        net = load_classifier(model, LABELS, load=load).net
    else:
        net = load_causal_lm(model, load=load).net
    net = build_adapter(settings.adapter, net, 10, tokenizer=None, max_length=length).net
    if model.gradient_checkpointing:
        recompute_activations(bare_net(net))
    net.train()
    module = ClassifierModule(net, MetricCollection({})) if task == "classification" else CausalLMModule(net)
    if task == "classification":
        module._skip_unread()  # as on_train_start does
    return module


def measure(settings, task, rows, length):
    """Return the bytes that torch holds before a step and at its peak, by the profiler's record of allocations."""
    module = real_module(settings, task, length)
    batch = batch_of(task, rows, length, int(bare_net(module.net).config.vocab_size))
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = build_optimizer(settings.optimizer, "cpu", "32-true")([{"params": trained}])

    def step():
        optimizer.zero_grad()
        found = module.training_step(batch, 0)
        loss = found["loss"] if isinstance(found, dict) else found
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    step()  # makes the optimizer's state
    optimizer.zero_grad()
    tensors = [*module.parameters(), *module.buffers()]
    tensors += [v for state in optimizer.state.values() for v in state.values() if isinstance(v, torch.Tensor)]
    held = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())
    gc.collect()  # what earlier tests left would be freed within the step, and lower the sum
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    now = peak = 0
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return Measured(held, held + peak)


def request_of(settings, task):
    return PlanRequest(
        model=settings.model,
        adapter=settings.adapter,
        optimizer=settings.optimizer,
        trainer={**settings.trainer, "precision": "32-true"},
        dataset=settings.dataset,
        task=task,
        labels=len(LABELS) if task == "classification" else 0,
        rows=None,
        device=SHEET,
        calibration=None,
        build=lambda node, net: build_adapter(node, net, None),
    )


def compared(cfg, model, adapter, recompute, rows, length):
    """Return estimate / measured."""
    data = "idea_posts" if model == "tiny_gpt" else "policy_stance"
    composed = cfg(
        f"model={model}", f"adapter={adapter}", f"dataset={data}", "model.init=random", "trainer=cpu",
        f"dataset.max_length={length}", f"dataset.batch_size={rows}", f"model.gradient_checkpointing={recompute}",
    )  # fmt: skip
    settings = OmegaConf.to_object(composed)
    task = "generation" if model == "tiny_gpt" else "classification"
    measured = measure(settings, task, rows, length)
    estimated = memory_of(request_of(settings, task), rows)
    held = estimated.weights + estimated.optimizer
    print(
        f"{model:10} {adapter:14} {'again' if recompute else '':5} {rows:3}x{length:<4} "
        f"held {held / 1e6:8.2f} / {measured.held / 1e6:8.2f}  peak {estimated.peak / 1e6:8.2f} / "
        f"{measured.peak / 1e6:8.2f} MB  {estimated.peak / measured.peak:.3f}"
    )
    return estimated.peak / measured.peak


@pytest.mark.parametrize(("model", "adapter", "recompute"), QUICK)
def test_a_step_takes_what_was_estimated(cfg, model, adapter, recompute):
    assert compared(cfg, model, adapter, recompute, 8, 64) == pytest.approx(1, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "length"), [(4, 64), (16, 128)])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("model", ["tiny_bert", "tiny_gpt", "minilm"])
def test_every_adapter_takes_what_was_estimated(cfg, model, adapter, recompute, rows, length):
    if (model, adapter) in CANNOT or (recompute and adapter in NO_CHECKPOINTING):
        pytest.skip("does not go together")
    assert compared(cfg, model, adapter, recompute, rows, length) == pytest.approx(1, abs=0.05)
