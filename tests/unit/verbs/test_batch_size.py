"""dataset.batch_size=auto takes the largest number of rows that fits, says so, and leaves everything as it was."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from ftlab.build import build_optimizer
from ftlab.datasets.shares import Part
from ftlab.launch import main
from ftlab.modules.classifier import ClassifierModule
from ftlab.schema import DatasetConfig, TrainConfig
from ftlab.verbs import batch_size
from ftlab.verbs.batch_size import fits, largest_that_fits, settle_rows, state_bytes
from small import SMALL


class Net(nn.Module):
    """Memory for ``most`` rows; dropout, so that random numbers are drawn."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.table, self.dropout, self.head = nn.Embedding(30, 64), nn.Dropout(0.5), nn.Linear(64, 3)
        self.most = most

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        if len(input_ids) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return SimpleNamespace(logits=self.head(self.dropout(self.table(input_ids)).mean(dim=1)))


class Data:
    """Says which batches were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.scored: int | None = None

    def longest(self, rows: int) -> dict[str, Tensor]:
        self.asked.append(rows)
        return batch(rows)

    def score_at_most(self, rows: int) -> None:
        self.scored = rows


def batch(rows: int) -> dict[str, Tensor]:
    ids = torch.ones(rows, 5, dtype=torch.int64)
    return {"input_ids": ids, "attention_mask": ids, "labels": ids[:, 0], "row_ids": torch.arange(rows)}


def module(most: int = 100, optimizer: str = "AdamW", **options: Any) -> ClassifierModule:
    node = {"_target_": f"torch.optim.{optimizer}", "lr": 0.1, **options}
    metrics = MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")})
    return ClassifierModule(Net(most), metrics, optimizer=build_optimizer(node, "cpu", "32-true"))


def settle(planned: int, rows: int = 24, processes: int = 1) -> tuple[str, ClassifierModule, Data, list[float]]:
    settings = TrainConfig(dataset=DatasetConfig(name="x", batch_size="auto", effective_batch_size=rows))
    machine: Any = SimpleNamespace(trains_on=torch.device("cpu"), part=Part(0, processes))
    made, data, asked = module(), Data(), []

    def plan(free_mb: float) -> int:
        asked.append(free_mb)
        return planned

    trainer: Any = None
    untyped: Any = data
    said = settle_rows(settings, machine, untyped, made, trainer, free_mb=3000.0, plan=plan)
    return said, made, data, asked


@pytest.mark.parametrize(("most", "found", "tried"), [(24, 24, [24]), (11, 6, [24, 12, 6]), (1, 1, [24, 12, 6, 3, 1])])
def test_the_largest_is_tried_first_and_then_halves(most: int, found: int, tried: list[int]) -> None:
    seen: list[int] = []
    assert largest_that_fits(lambda rows: seen.append(rows) or rows <= most, 24) == found
    assert seen == tried


def test_nothing_fits() -> None:
    assert largest_that_fits(lambda rows: False, 24) is None


def test_all_rows_at_once_where_the_plan_says_so() -> None:
    said, made, data, asked = settle(100)
    assert said == "dataset.batch_size=auto: a step's 24 rows are done at once (3,000 MB are free)"
    assert (made.micro_batches.rows, made.micro_batches.measured, data.scored, asked) == (24, True, None, [3000.0])


def test_parts_where_it_does_not_and_scoring_follows() -> None:
    said, made, data, _ = settle(10)
    assert "a step's 24 rows are done in 3 parts of 10 rows at most" in said
    assert (made.micro_batches.rows, data.scored) == (10, 20)


def test_one_row_is_the_least() -> None:
    said, made, _, _ = settle(0)
    assert "in 24 parts of 1 row at most" in said and made.micro_batches.rows == 1


def test_processes_share_rows_and_memory() -> None:
    said, _, _, asked = settle(100, processes=2)
    assert "a step's 12 rows are done at once" in said and asked == [1500.0]


@pytest.mark.parametrize(("rows", "fitting"), [(8, True), (9, False)])
def test_a_try_leaves_weights_gradients_and_random_numbers_as_they_were(rows: int, fitting: bool) -> None:
    made = module(most=8)
    before = {name: p.detach().clone() for name, p in made.named_parameters()}
    state = torch.get_rng_state()
    context = torch.enable_grad
    assert fits(made, batch(rows), context, 1000, torch.device("cpu")) is fitting
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None and torch.equal(p, before[name]) for name, p in made.named_parameters())


def test_what_fails_otherwise_is_no_lack_of_memory() -> None:
    made = module()
    made.net.head = nn.Linear(5, 3)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fits(made, batch(2), torch.enable_grad, 0, torch.device("cpu"))


@pytest.mark.parametrize(
    ("optimizer", "options", "copies"), [("AdamW", {}, 2), ("SGD", {}, 0), ("SGD", {"momentum": 0.9}, 1)]
)
def test_memory_of_the_optimizer_is_known_before_its_first_step(optimizer: str, options: Any, copies: int) -> None:
    made = module(optimizer=optimizer, **options)
    assert state_bytes(made, torch.device("cpu")) == copies * 4 * sum(p.numel() for p in made.parameters())


def test_a_gpu_is_tried_and_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrainConfig(dataset=DatasetConfig(name="x", batch_size="auto", effective_batch_size=16))
    machine: Any = SimpleNamespace(trains_on=torch.device("cuda", 0), part=Part())
    tried: list[int] = []

    def attempt(*_: Any) -> Any:
        return lambda rows: tried.append(rows) or rows <= 5

    monkeypatch.setattr(batch_size, "_attempt", attempt)
    made, data = module(), Data()
    untyped: Any = data
    never: Any = None
    said = settle_rows(settings, machine, untyped, made, never, free_mb=0.0, plan=never)
    assert tried == [16, 8, 4] and made.micro_batches.rows == 4 and "tried with the longest texts" in said
    monkeypatch.setattr(batch_size, "_attempt", lambda *_: lambda rows: False)
    with pytest.raises(Exception, match=r"does not fit into the memory of cuda:0; type model\.gradient_checkpointing"):
        settle_rows(settings, machine, untyped, made, never, free_mb=0.0, plan=never)


@pytest.mark.slow
def test_on_a_cpu_the_estimate_says_what_fits(tmp_path, monkeypatch):
    shares = {}
    for free_mb in (5.0, 8.0, 4000.0):
        monkeypatch.setattr("ftlab.verbs.parts.available_mb", lambda device, free=free_mb: free)
        words = [*SMALL, "trainer.max_steps=2", "dataset.batch_size=auto", "latency.enabled=false", "tracking=none"]
        assert main([*words, f"output_dir={tmp_path / str(free_mb)}"]) == 0
        (path,) = (tmp_path / str(free_mb)).glob("default/*/result.json")
        training = json.loads(path.read_text())["training"]
        shares[free_mb] = training["micro_batch_size"]
        assert training["accumulation"] == -(-16 // training["micro_batch_size"])
        assert training["steps"] == 2 and training["out_of_memory"] == []
    assert shares[5.0] < shares[8.0] < shares[4000.0] == 16
