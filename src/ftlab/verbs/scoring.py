"""Scores and times a predictor on rows, without a trainer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torchmetrics import MetricCollection

from ftlab.callbacks.latency import Latency
from ftlab.datasets.test_rows import ScoredRows
from ftlab.measure.cost import device_class, request_costs
from ftlab.measure.device import device_name
from ftlab.metrics.bootstrap import bootstrap_ci95
from ftlab.metrics.classification import per_class
from ftlab.modules.scores import Scores
from ftlab.predictor import TorchPredictor
from ftlab.results import Cost, Energy, Quality
from ftlab.schema import CostConfig, LatencyConfig


def score(predictor: TorchPredictor, data: ScoredRows, batch_size: int) -> Scores:
    """Return logits and losses of every row, in the order of the rows."""
    logits = predictor.score(data.texts("test"), batch_size)  # (N, C)
    labels = np.asarray(data.test.labels, dtype=np.int64)  # (N,)
    losses = F.cross_entropy(torch.from_numpy(logits).float(), torch.from_numpy(labels), reduction="none")
    return Scores(np.arange(len(labels)), labels, logits, losses.numpy().astype(np.float64))


def measure_quality(scores: Scores, names: list[str], main: Mapping[str, str], metrics: MetricCollection) -> Quality:
    """Return every metric on the rows, with intervals, over the model's labels.

    Args:
        scores: of the rows.
        names: of the labels, C of them.
        main: which metric counts, as the training run has it.
        metrics: fed with probabilities and labels.
    """
    metrics.update(torch.from_numpy(scores.logits).float().softmax(dim=-1), torch.from_numpy(scores.labels))
    values = {name: float(value) for name, value in metrics.compute().items()}
    report = per_class(scores.probabilities, scores.labels, names)
    return Quality(
        main=dict(main),
        untrained={},
        val={},
        test={"loss": float(scores.losses.mean()), **values, "per_class": report},
        test_ci95=bootstrap_ci95(scores.labels, scores.probabilities, scores.losses),
    )


def measure_latency(predictor: TorchPredictor, data: ScoredRows, config: LatencyConfig) -> Latency:
    """Return the meter of a training run, after its timing; with nothing in it where timing is off."""
    meter = Latency(data, config)
    if config.enabled:
        meter.measure(predictor)
    return meter


def request_cost(
    price: CostConfig,
    latency: Latency,
    device: torch.device,
    prompt_tokens: float,
    answer_tokens: float | None = None,
    share: float = 0.0,
) -> tuple[Cost, list[str]]:
    """Return what answering costs at the speed of ``price.batch_size``, and what to say where no price is known.

    Args:
        price: of the machine.
        latency: what was timed.
        device: that answers.
        prompt_tokens: mean tokens of a request.
        answer_tokens: mean tokens of an answer; None: labels are given, or nothing was written.
        share: of what is computed for a label, that of the prompt around the text.
    """
    found = device_class(device_name(device))
    cost = Cost(
        device=found,
        usd_per_hour=price.usd_per_hour,
        price_source=price.price_source,
        price_date=price.price_date,
        utilisation=price.utilisation,
        batch_size=price.batch_size,
        **request_costs(
            price,
            latency.row(price.batch_size),
            prompt_tokens=prompt_tokens,
            completion_tokens=answer_tokens,
            share=share,
        ),
    )
    if price.usd_per_hour is not None:
        return cost, []
    return cost, [
        f"no price is known for device class {found}, so the cost stays empty; "
        "give yours with cost.usd_per_hour=<number>"
    ]


def request_energy(latency: Latency, batch_size: int) -> Energy:
    """Return the energy of answering, metered while ``batch_size`` texts at a time were timed."""
    reading = latency.energy.get(batch_size)
    if reading is None or reading.wh is None:
        return Energy()
    return Energy(None, reading.wh, reading.method, reading.scope)
