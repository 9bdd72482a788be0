"""The network compiled while it trains: only then, with the same losses, and with a verdict at the end."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from ftlab.callbacks.compiling import EAGER_STEPS, WARMUP_STEPS, Compiling, verdict
from ftlab.callbacks.throughput import Throughput
from ftlab.errors import ModelError

FIRST = WARMUP_STEPS + EAGER_STEPS  # steps that run without


class Net(nn.Module):
    """Two layers of a kind between an embedding and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(9, 4)
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.head = nn.Linear(4, 2)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.table(ids)
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x.mean(dim=1))


class Module(L.LightningModule):
    """Trains ``Net`` to tell batches of rising length apart; ``forms`` has the phase and whether it ran compiled."""

    test_name = "test"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = Net()
        self.losses: list[float] = []
        self.forms: set[tuple[str, bool]] = set()

    def _loss(self, batch: dict[str, Tensor], phase: str) -> Tensor:
        self.forms.add((phase, "forward" in vars(self.net)))
        return nn.functional.cross_entropy(self.net(batch["input_ids"]), batch["labels"])

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = self._loss(batch, "train")
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self._loss(batch, "val")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Loader(list[Any]):
    """A list that Lightning takes for one loader."""


def batches(number: int) -> list[dict[str, Tensor]]:
    torch.manual_seed(1)
    sizes = [(3 + i % 3, 2 + i % 5) for i in range(number)]
    return [
        {
            "input_ids": torch.randint(0, 9, size),
            "attention_mask": torch.ones(size),
            "labels": torch.arange(size[0]) % 2,
        }
        for size in sizes
    ]


Make = Callable[..., L.Trainer]


def fit(make: Make, *callbacks: L.Callback, steps: int = FIRST + 6, **options: Any) -> Module:
    module = Module()
    make(*callbacks, **options).fit(module, Loader(batches(steps)), Loader(batches(1)))
    return module


def test_compiled_steps_lose_what_eager_ones_do_whatever_the_shapes(make_trainer: Make) -> None:
    eager, compiling = fit(make_trainer), Compiling("eager")
    compiled = fit(make_trainer, compiling)
    assert compiled.losses == pytest.approx(eager.losses, rel=1e-6)
    assert compiled.forms == {("train", False), ("train", True), ("val", False)}
    assert list(compiled.state_dict()) == list(eager.state_dict())
    assert "forward" not in vars(compiled.net)
    assert compiling.measured()["training"]["compile_seconds"] > 0
    assert compiling.notes[0].startswith("compiled in ")


def test_the_time_to_compile_is_summed_up_and_left_out_of_the_steps(make_trainer: Make) -> None:
    clock = SimpleNamespace(now=0.0)
    compiling = Compiling("eager", clock=lambda: clock.now)
    speed = Throughput(clock=lambda: round(clock.now * 1e9))

    class Course(L.Callback):
        """Each batch takes a second, one that compiles 60 more, and compiled ones half a second."""

        compiled = 0

        def on_before_backward(self, *_: Any) -> None:
            clock.now += 0.5 if compiling.is_compiled else 1.0
            if compiling.is_compiled and not self.compiled:
                compiling._compile_starts(None)
                clock.now += 60
                compiling._compile_ends(None)
            self.compiled += compiling.is_compiled

    fit(make_trainer, speed, compiling, Course(), steps=FIRST + 10, limit_val_batches=0)
    assert compiling.measured() == {"training": {"compile_seconds": 60.0}}
    assert speed.measured()["training"]["seconds"] == FIRST + 60 + 5
    assert speed.measured()["training"]["step_p50_ms"] == 500.0
    assert "this run had 18: leave trainer.compile out" in compiling.notes[0]


def test_accumulated_batches_are_one_step(make_trainer: Make) -> None:
    compiling = Compiling("eager")
    fit(make_trainer, compiling, steps=2 * FIRST + 8, accumulate_grad_batches=2)
    assert len(compiling._eager) == EAGER_STEPS
    assert 1 <= len(compiling._compiled) < 4  # the first ones compile


def test_a_training_that_goes_on_keeps_its_times(make_trainer: Make) -> None:
    first, second = Compiling("eager"), Compiling("eager")
    fit(make_trainer, first, steps=FIRST + 6)
    second.load_state_dict(first.state_dict())
    module = fit(make_trainer, second, steps=3)
    assert ("train", False) not in module.forms, "the eager steps are done"
    assert second._eager == first._eager
    seconds = [c.measured()["training"]["compile_seconds"] for c in (first, second)]
    assert seconds[1] > seconds[0], "compiling again took time too"


def test_the_network_is_left_as_it_was_when_training_fails(make_trainer: Make) -> None:
    from torch._dynamo.callback import callback_handler

    class Broken(L.Callback):
        def on_before_backward(self, trainer: L.Trainer, module: Any, loss: Tensor) -> None:
            if trainer.global_step == FIRST + 1:
                raise RuntimeError("broken")

    module, before = Module(), len(callback_handler.start_callbacks)
    with pytest.raises(RuntimeError, match="broken"):
        make_trainer(Compiling("eager"), Broken()).fit(module, Loader(batches(FIRST + 6)), Loader(batches(1)))
    assert ("train", True) in module.forms
    assert "forward" not in vars(module.net)
    assert len(callback_handler.start_callbacks) == before


def test_what_cannot_be_compiled_is_one_sentence(make_trainer: Make) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise ValueError("no kernel for this")

    with pytest.raises(ModelError, match=r"torch.compile cannot .*no kernel for this.*leave trainer.compile out"):
        fit(make_trainer, Compiling(backend))  # type: ignore[arg-type]


def test_a_short_run_says_that_nothing_was_compiled(make_trainer: Make) -> None:
    compiling = Compiling("eager")
    fit(make_trainer, compiling, steps=3)
    assert compiling.notes == [
        "trainer.compile=true had no time to help: 8 steps run without it, to compare with, and this run had 3; leave "
        "trainer.compile out"
    ]
    assert compiling.measured() == {"training": {"compile_seconds": 0.0}}


def test_the_verdict_says_when_it_pays_back() -> None:
    assert verdict(61, 0.5, 0.38, 200) == (
        "compiled in 61 s, saved 0.12 s of 0.5 s a step: pays back after 509 steps; this run had 200: leave "
        "trainer.compile out"
    )
    assert verdict(61, 0.5, 0.38, 2000).endswith("a step: paid back after 509 of 2000 steps")
    assert verdict(61, 0.5, 0.6, 2000) == (
        "compiled in 61 s, and a step takes 0.6 s, 0.5 s without: leave trainer.compile out"
    )
    assert verdict(61, 0.5, 0.495, 10**6) == (
        "compiled in 61 s, and a step takes 0.495 s with it or without: leave trainer.compile out"
    )
