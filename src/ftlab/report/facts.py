"""What the terminal and the model card say of a run, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftlab.report import wording
from ftlab.results import ModelInfo, RunResult, TrainingStats


def facts(result: RunResult) -> dict[str, str]:
    """Return what the terminal and the model card say about money, time, energy, size and data."""
    cost, training, energy, model, data = result.cost, result.training, result.energy, result.model, result.dataset
    evaluates = result.run.verb == "evaluate"
    told = {"$ per 1k requests": wording.UNKNOWN, "$ of training": wording.UNKNOWN}
    if cost:
        price = f"batch {cost.batch_size}, {cost.utilisation:.0%} busy, {wording.usd(cost.usd_per_hour)} an hour"
        source = ", ".join(part for part in (cost.price_source, cost.price_date) if part)
        told["$ per 1k requests"] = wording.usd(cost.usd_per_1k_requests)
        if cost.usd_per_hour is not None:
            told["$ per 1k requests"] += f"  ({price}{f': {source}' if source else ''})"
        if cost.usd_per_1m_tokens is not None:
            told["$ per 1M tokens"] = f"{wording.usd(cost.usd_per_1m_tokens)}  (generated, batch {cost.batch_size})"
        told["$ of training"] = wording.usd(cost.training_usd)
    steps = f", {wording.count(training.steps, 'step')}" if training.steps is not None else ""
    told["training time"] = f"{wording.duration(training.seconds)}{steps}"
    told["Wh"] = f"{wording.number(energy.training_wh)} of training"
    if energy.wh_per_1k_requests is not None:
        told["Wh"] += f", {wording.number(energy.wh_per_1k_requests)} per 1k requests"
    if evaluates:  # nothing was trained
        told["Wh"] = f"{wording.number(energy.wh_per_1k_requests)} per 1k requests"
    if energy.method != "none":
        told["Wh"] += f"  ({energy.method}{f': {energy.scope}' if energy.scope else ''})"
    told["peak memory"] = wording.number(training.peak_memory_mb, "MB")
    if saved := _memory(training):
        told["peak memory"] += f"  ({saved})"
    for name in ("$ of training", "training time", "peak memory") if evaluates else ():
        del told[name]
    told["parameters"] = wording.UNKNOWN
    if model:
        share = f"{model.trainable_parameters:,} of {model.parameters:,} trained ({model.trainable_percent:.4f}%)"
        told["parameters"] = f"{share}, {wording.number(model.size_mb, 'MB')}"
        if begun := weights_said(model):
            told["weights"] = begun
    if said := _prompt(result.prompt):
        told["prompt"] = said
    told["data"] = wording.UNKNOWN
    if data:
        rows = f"{data.train_rows:,} / {data.val_rows:,} / {data.test_rows:,} rows train / val / test"
        repeated = wording.count(data.duplicate_rows, "duplicate")
        leaked = "" if data.leaked_rows is None else f", {data.leaked_rows:,} leaked"
        told["data"] = f"{rows}; {data.truncated_rows:,} truncated, {repeated}{leaked}"
        if evaluates:
            told["data"] = f"{wording.count(data.test_rows, 'test row')}; {data.truncated_rows:,} truncated{leaked}"
    return told


def weights_said(model: ModelInfo) -> str | None:
    """Return what a reader must know of where the weights came from; None: they are the hub's, or a folder's."""
    said = []
    if model.init == "random":
        said.append(
            "random before training: quality says nothing of what a trained checkpoint reaches; time, memory, size and "
            "price of requests do"
        )
    elif model.weights == "package_4bit":
        said.append("the same model in 4 bits, from its package: the hub's weights may be somewhat better")
    if model.stands_for:
        said.append(f"{model.name} stands in for {model.stands_for}, which the study names")
    return "; ".join(said) or None


def _memory(training: TrainingStats) -> str:
    """Return what was done to need less memory, and whether it ran out."""
    said = []
    if training.micro_batch_size is not None and training.accumulation > 1:
        rows = wording.count(training.micro_batch_size, "row")
        said.append(f"{rows} at a time, {training.accumulation} times a step")
    said += [
        f"out of memory in step {halving['step']}: {halving['from']} rows at a time became {halving['to']}"
        for halving in training.out_of_memory
    ]
    switches = {
        "optimizer_in_backward": training.optimizer_in_backward,
        "activation_offload": training.activation_offload,
    }
    return "; ".join([*said, *(name.replace("_", " ") for name, on in switches.items() if on)])


def _prompt(prompt: Mapping[str, Any]) -> str | None:
    """Return what stands around each text, and what it adds to a request; None: nothing does."""
    if prompt.get("name") in (None, "none") or prompt.get("tokens_per_request") is None:
        return None
    examples = wording.count(int(prompt.get("shots") or 0), "example")
    around = f", {prompt['prompt_tokens']:,} of them the prompt's" if "prompt_tokens" in prompt else ""
    return f"{prompt['name']}, {examples}; {prompt['tokens_per_request']:,.0f} tokens a request{around}"
