"""How long an answer takes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import lightning as L
import numpy as np
import torch

from ftlab.callbacks.measuring import Measured, Measuring
from ftlab.measure.device import device_name
from ftlab.measure.energy import EnergyMeter, EnergyReading
from ftlab.measure.generation_latency import GenerationSamples, summarize_generation, time_generation
from ftlab.measure.latency import LatencySamples, check_latency, summarize, time_calls
from ftlab.results import LatencyRow
from ftlab.schema import LatencyConfig
from ftlab.threads import hold

_ORDER_SEED = 0  # not the run's: every run times the same texts in the same order


class TextSource(Protocol):
    """Where the texts come from: the data module. One for models that write has ``prompts(split)`` in their place."""

    def texts(self, split: str) -> Sequence[Any]:
        """Return the texts of ``split``: strings, or pairs of strings."""


class Latency(Measuring):
    """Times the predictor on real test texts, tokenisation included, once the best weights have been tested.

    Each batch size gets a warm-up and then ``latency.min_samples`` calls and ``latency.min_seconds`` at least,
    ``latency.max_seconds`` at most, on the test texts in one fixed random order, over and over. Energy is metered over
    the same calls. Raw calls stay in ``samples``: batch_size, merged, call, total_ms, tokenization_ms.

    A predictor that has ``generate`` writes: each call is then ``latency.new_tokens`` tokens to each of the test
    prompts, timed token by token, and ``samples`` have ttft_ms and inter_token_ms (the mean of the call) as well.

    Price: up to ``max_seconds`` and a quarter more per batch size, after training; nothing while training.

    Args:
        data: gives the texts.
        latency: batch sizes and limits.
        clock: nanoseconds.

    Raises:
        ConfigError: a number of ``latency`` is out of range.
    """

    def __init__(
        self, data: TextSource, latency: LatencyConfig, clock: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        check_latency(latency)
        self._data, self._config, self._clock = data, latency, clock
        self.rows: list[LatencyRow] = []
        self.samples: list[dict[str, Any]] = []
        self.energy: dict[int, EnergyReading] = {}  # batch size -> Wh per 1,000 requests

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Time every batch size, unless the weights just tested are the untrained ones."""
        if not self._config.enabled or trainer.world_size > 1 or getattr(pl_module, "test_name", "test") != "test":
            return  # of several processes the first one times when the others are gone
        self.measure_if_wanted(pl_module.predictor())  # type: ignore[operator]

    def measure_if_wanted(self, predictor: Any) -> None:  # noqa: ANN401 - any backend's predictor
        """Time every batch size with ``predictor`` and nothing else, unless timing is off."""
        if self._config.enabled:
            self.rows, self.samples, self.energy = [], [], {}
            self.measure(predictor)

    def measure(self, predictor: Any, *, ships: bool = True) -> None:  # noqa: ANN401 - any backend's predictor
        """Time every batch size with ``predictor``, beside what was timed before: another form of the same model.

        The form that ships comes last, and energy is its own: ``ships=False`` puts the new rows in front.
        """
        before = self.rows, self.samples, self.energy
        self.rows, self.samples, self.energy = [], [], {}
        self._measure(predictor)
        if ships:
            self.rows, self.samples = before[0] + self.rows, before[1] + self.samples
            self.energy = {**before[2], **self.energy}
        else:
            self.rows, self.samples, self.energy = self.rows + before[0], self.samples + before[1], before[2]

    def _measure(self, predictor: Any) -> None:  # noqa: ANN401 - any backend's predictor
        hold()  # the number of threads that is recorded, whatever was imported or changed since
        texts = self._texts(predictor)
        random.Random(_ORDER_SEED).shuffle(texts)  # noqa: S311 - an order, not a secret
        with torch.inference_mode():
            for size in self._config.batch_sizes:
                self._time(predictor, texts, size)

    def _time(self, predictor: Any, texts: list[Any], size: int) -> None:  # noqa: ANN401 - any backend's predictor
        def encode(index: int) -> Any:  # noqa: ANN401
            return predictor.encode([texts[(index * size + i) % len(texts)] for i in range(size)])

        meter = EnergyMeter(predictor.device)
        meter.start()
        timed = self._calls(predictor, encode, size)
        used = meter.stop()
        calls = timed.calls if isinstance(timed, GenerationSamples) else timed
        requests = size * (calls.warmup_calls + len(calls.total_ms))
        self.energy[size] = used._replace(wh=None if used.wh is None else used.wh / requests * 1000)
        merged = bool(getattr(predictor, "merged", False))
        where: dict[str, Any] = {
            "backend": predictor.backend,
            "device": device_name(predictor.device),
            "dtype": predictor.dtype,
            "threads": torch.get_num_threads(),
            "merged": merged,
        }
        tokens: list[dict[str, Any]] = [{} for _ in calls.total_ms]
        if isinstance(timed, GenerationSamples):
            self.rows.append(summarize_generation(timed, **where))
            tokens = [
                {"ttft_ms": first, "inter_token_ms": float(np.mean(between)) if between else None}
                for first, between in zip(timed.ttft_ms, timed.steps_ms, strict=True)
            ]
        else:
            self.rows.append(summarize(timed, **where))
        self.samples += [
            {"batch_size": size, "merged": merged, "call": call, "total_ms": total, "tokenization_ms": prepare, **more}
            for call, (total, prepare, more) in enumerate(zip(calls.total_ms, calls.prepare_ms, tokens, strict=True))
        ]

    def _calls(
        self,
        predictor: Any,  # noqa: ANN401 - any backend's predictor
        encode: Callable[[int], Any],
        size: int,
    ) -> LatencySamples | GenerationSamples:
        limits: dict[str, Any] = {
            "batch_size": size,
            "min_samples": self._config.min_samples,
            "min_seconds": self._config.min_seconds,
            "max_seconds": self._config.max_seconds,
            "synchronize": predictor.synchronize,
            "clock": self._clock,
        }
        if not writes(predictor):
            return time_calls(encode, predictor.logits, **limits)
        return time_generation(encode, lambda ids: predictor.steps(ids, self._config.new_tokens), **limits)

    def _texts(self, predictor: Any) -> list[Any]:  # noqa: ANN401 - any backend's predictor
        if not writes(predictor):
            return list(self._data.texts("test"))
        data: Any = self._data
        return [predictor.as_text(prompt) for prompt in data.prompts("test")]

    def row(self, batch_size: int) -> LatencyRow | None:
        """Return the row of ``batch_size`` that was timed last, in the form that ships; None: not timed."""
        return next((row for row in reversed(self.rows) if row.batch_size == batch_size), None)

    def measured(self) -> Measured:
        """Return the rows under ``latency``: {"rows": [LatencyRow, ...]}."""
        return {"latency": {"rows": self.rows}}


def writes(predictor: Any) -> bool:  # noqa: ANN401 - any backend's predictor
    """Return whether ``predictor`` writes texts; else it gives labels."""
    return hasattr(predictor, "generate")
