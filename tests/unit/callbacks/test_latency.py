"""Latency is timed once, on the right weights, over the real texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lightning as L
import pytest
import torch

from ftlab.callbacks.latency import Latency
from ftlab.errors import ConfigError
from ftlab.measure.latency import median_ci95
from ftlab.schema import LatencyConfig

MS = 1_000_000
TEXTS = [f"text {i}" for i in range(5)]


class Predictor:
    """Takes 1 ms to encode and 2 ms per text to answer, on its own clock."""

    backend, dtype, device = "torch", "float32", torch.device("cpu")

    def __init__(self) -> None:
        self.now = 0
        self.encoded: list[list[Any]] = []
        self.waits = 0
        self.inference: set[bool] = set()

    def encode(self, texts: Sequence[Any]) -> dict[str, torch.Tensor]:
        self.encoded.append(list(texts))
        self.now += MS
        return {"input_ids": torch.zeros(len(texts), 3, dtype=torch.int64)}

    def logits(self, encoded: dict[str, torch.Tensor]) -> torch.Tensor:
        self.inference.add(torch.is_inference_mode_enabled())
        self.now += 2 * MS * len(encoded["input_ids"])
        return torch.zeros(len(encoded["input_ids"]), 2)

    def synchronize(self) -> None:
        self.waits += 1


class Data:
    def __init__(self, texts: Sequence[Any] = TEXTS) -> None:
        self._texts = texts

    def texts(self, split: str) -> Sequence[Any]:
        assert split == "test"
        return self._texts


@pytest.fixture
def time_texts(make_trainer: Callable[..., L.Trainer], tiny: Any, batches: Any, loader: Any) -> Callable[..., Any]:
    def run(*, name: str = "test", data: Data | None = None, **limits: Any) -> tuple[Latency, Predictor]:
        predictor = Predictor()
        module = tiny()
        module.test_name = name
        module.predictor = lambda: predictor
        config = LatencyConfig(**{"batch_sizes": [1, 3], "min_samples": 30, "min_seconds": 0.05, **limits})
        latency = Latency(data or Data(), config, clock=lambda: predictor.now)
        make_trainer(latency).test(module, loader(batches(1)), verbose=False)
        return latency, predictor

    return run


def test_every_batch_size_gets_a_row_with_its_exact_times(time_texts: Any) -> None:
    latency, _ = time_texts()
    assert [(r.batch_size, r.p50_ms, r.p99_ms, r.tokenization_ms, r.samples) for r in latency.rows] == [
        (1, 3.0, 3.0, 1.0, 30),
        (3, 7.0, 7.0, 1.0, 30),
    ]
    assert latency.rows[1].throughput_per_second == 3000 / 7
    assert latency.rows[0].ci95_p50_ms == median_ci95([3.0] * 30)
    assert latency.measured() == {"latency": {"rows": latency.rows}}


def test_row_says_where_it_was_timed(time_texts: Any) -> None:
    row = time_texts()[0].rows[0]
    assert (row.backend, row.device, row.dtype, row.threads) == ("torch", "cpu", "float32", torch.get_num_threads())
    assert (row.merged, row.protocol) == (False, "short")  # less than the default seconds


def test_raw_calls_are_kept(time_texts: Any) -> None:
    latency, _ = time_texts()
    assert len(latency.samples) == 60
    assert latency.samples[31] == {
        "batch_size": 3, "merged": False, "call": 1, "total_ms": 7.0, "tokenization_ms": 1.0,
    }  # fmt: skip


def test_another_form_of_the_model_is_timed_beside_the_first_on_the_same_texts(time_texts: Any) -> None:
    latency, first = time_texts(batch_sizes=[1])
    merged = Predictor()
    merged.merged = True  # type: ignore[attr-defined]
    latency._clock = lambda: merged.now
    latency.measure(merged)
    assert [row.merged for row in latency.rows] == [False, True]
    assert latency.row(1) is latency.rows[1]  # the form that ships is timed last
    assert [sample["merged"] for sample in latency.samples] == [False] * 30 + [True] * 30
    assert merged.encoded == first.encoded


def test_texts_go_round_in_one_fixed_order(time_texts: Any) -> None:
    _, first = time_texts(batch_sizes=[3])
    _, second = time_texts(batch_sizes=[3])
    assert first.encoded == second.encoded
    flat = [text for batch in first.encoded[:5] for text in batch]  # 15 texts: three rounds of five
    assert flat[:5] == flat[5:10] == flat[10:]
    assert sorted(flat[:5]) == TEXTS
    assert flat[:5] != TEXTS  # files are often sorted by label


def test_pairs_stay_pairs(time_texts: Any) -> None:
    pairs = [("a", "b"), ("c", "d")]
    _, predictor = time_texts(data=Data(pairs), batch_sizes=[2])
    assert sorted(predictor.encoded[0]) == pairs


def test_untrained_weights_are_not_timed(time_texts: Any) -> None:
    latency, predictor = time_texts(name="untrained")
    assert (latency.rows, latency.samples, predictor.encoded) == ([], [], [])


def test_switched_off_it_times_nothing(time_texts: Any) -> None:
    latency, predictor = time_texts(enabled=False)
    assert (latency.rows, predictor.encoded) == ([], [])


def test_calls_run_in_inference_mode_and_wait_for_the_device(time_texts: Any) -> None:
    _, predictor = time_texts()
    assert predictor.inference == {True}
    assert predictor.waits == len(predictor.encoded)


def test_energy_is_per_thousand_requests_with_the_warm_up_calls_counted(
    time_texts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftlab.callbacks import latency as module
    from ftlab.measure.energy import EnergyReading

    class Meter:
        def __init__(self, device: torch.device) -> None:
            assert device.type == "cpu"

        def start(self) -> None: ...

        def stop(self) -> EnergyReading:
            return EnergyReading(0.5, "counter", "all")

    monkeypatch.setattr(module, "EnergyMeter", Meter)
    latency, predictor = time_texts(batch_sizes=[3])
    assert latency.energy == {3: EnergyReading(0.5 / (3 * len(predictor.encoded)) * 1000, "counter", "all")}
    assert len(predictor.encoded) > 30


def test_a_row_is_found_by_its_batch_size(time_texts: Any) -> None:
    latency, _ = time_texts()
    assert latency.row(3) is latency.rows[1]
    assert latency.row(8) is None


def test_a_second_test_replaces_the_first(
    make_trainer: Callable[..., L.Trainer], tiny: Any, batches: Any, loader: Any
) -> None:
    predictor, module = Predictor(), tiny()
    module.predictor = lambda: predictor
    latency = Latency(Data(), LatencyConfig(batch_sizes=[1], min_seconds=0.05), clock=lambda: predictor.now)
    trainer = make_trainer(latency)
    for _ in range(2):
        trainer.test(module, loader(batches(1)), verbose=False)
    assert len(latency.rows) == 1
    assert len(latency.samples) == 30


def test_impossible_limits_are_refused_when_built() -> None:
    with pytest.raises(ConfigError, match=r"latency\.max_seconds=30"):
        Latency(Data(), LatencyConfig(max_seconds=0))


class Writer(Predictor):
    """Writes: 1 ms to encode, 5 ms to the first token, 2 ms to each of the others."""

    def generate(self, prompts: Sequence[Any]) -> list[str]:
        raise AssertionError("timed token by token")

    def as_text(self, prompt: Sequence[int]) -> str:
        return " ".join(map(str, prompt))

    def steps(self, encoded: dict[str, torch.Tensor], new_tokens: int) -> Iterator[int]:
        self.inference.add(torch.is_inference_mode_enabled())
        for token in range(new_tokens):
            self.now += (2 if token else 5) * MS
            yield len(encoded["input_ids"])


class Prompts:
    def prompts(self, split: str) -> list[list[int]]:
        assert split == "test"
        return [[1, 2], [3], [4, 5, 6]]


def test_a_model_that_writes_is_timed_token_by_token() -> None:
    writer = Writer()
    limits = {"batch_sizes": [2], "min_samples": 10, "min_seconds": 0.05, "new_tokens": 4}
    latency = Latency(Prompts(), LatencyConfig(**limits), clock=lambda: writer.now)  # type: ignore[arg-type]
    latency.measure_if_wanted(writer)
    (row,) = latency.rows
    assert (row.p50_ms, row.ttft_ms, row.inter_token_ms, row.tokenization_ms) == (12.0, 6.0, 2.0, 1.0)
    assert row.tokens_per_second == pytest.approx(8 / 0.012)
    assert latency.samples[0] == {
        "batch_size": 2, "merged": False, "call": 0, "total_ms": 12.0, "tokenization_ms": 1.0,
        "ttft_ms": 6.0, "inter_token_ms": 2.0,
    }  # fmt: skip
    assert {text for texts in writer.encoded for text in texts} == {"1 2", "3", "4 5 6"}
    assert writer.inference == {True}
    assert latency.energy[2].wh is None or latency.energy[2].wh >= 0
