"""``trainer.compile=true``: the network compiled while it trains, and whether that paid back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT
from torch import nn

from ftlab.callbacks.measuring import Batch, Measured, Measuring, find_callback, tokens_in_parts
from ftlab.callbacks.throughput import Throughput
from ftlab.errors import ModelError
from ftlab.measure.device import synchronizer

_log = logging.getLogger(__name__)
WARMUP_STEPS = 2  # first calls take longer, compiled or not
EAGER_STEPS = 6  # timed before compiling, so that there is something to compare with
NOISE = 0.03  # of a step's time: a smaller difference is none
_SAME_DROPOUT = {"fallback_random": True}  # the masks that eager torch would draw: losses stay what they were


class Compiling(Measuring):
    """Compiles the network with ``torch.compile`` after a few eager steps, and compares the two.

    Only training steps run compiled. Validation, test, samples and the latency meter see the network as it ships, in
    eager torch. Parameters and their names stay as they are, so that checkpoints fit with and without.

    Lengths and rows of a batch stay open (``dynamic``); what still differs is compiled anew, 8 times at most, and then
    runs eagerly. The time torch spends on compiling is summed up, and left out of the step times of ``Throughput``.
    Times are compared per computed token, padding included, as batches differ in length. The whole network is compiled:
    of minilm on two cores, layer by layer took a third of the time (35 s, not 107 s) and made no step shorter.

    Price: about 20 us per batch.

    Args:
        backend: of ``torch.compile``.
        clock: seconds.
    """

    def __init__(self, backend: str = "inductor", clock: Callable[[], float] = time.perf_counter) -> None:
        self._backend, self._clock = backend, clock
        self._net: nn.Module | None = None
        self._forward: Callable[..., Any] | None = None
        self.notes: list[str] = []
        self._reset()

    def _reset(self) -> None:
        self._seconds = 0.0  # spent on compiling
        self._eager: list[float] = []  # seconds per computed token, one per step
        self._compiled: list[float] = []
        self._tokens = 0  # computed by the steps of `_compiled`
        self._warm = 0  # eager steps before those that count
        self._update = 0
        self._open = [0.0, 0]  # seconds and tokens of the step under way, over its accumulated batches
        self._mark = self._compile_began = 0.0
        self._tainted = False  # something was compiled in the step under way

    @property
    def is_compiled(self) -> bool:
        """Whether the eager steps are done."""
        return len(self._eager) >= EAGER_STEPS

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin afresh, or go on; forget what was compiled for an earlier network of this process."""
        from torch._dynamo.callback import callback_handler

        torch.compiler.reset()  # the limit of what is compiled anew counts per function, not per network
        self._reset()
        self.notes = []
        self._synchronize = synchronizer(trainer.strategy.root_device)
        self._meter = find_callback(trainer, Throughput)
        self._update = trainer.global_step
        if before := self.resumed():
            self._seconds, self._tokens, self._warm = before["seconds"], before["tokens"], before["warm"]
            self._eager, self._compiled = before["eager"].tolist(), before["compiled"].tolist()
        options: Any = _SAME_DROPOUT if self._backend == "inductor" else None
        net = pl_module.net
        assert isinstance(net, nn.Module), "the module trains `net`"
        self._net = net
        self._forward = _explained(torch.compile(net.forward, dynamic=True, backend=self._backend, options=options))
        callback_handler.register_start_callback(self._compile_starts)
        callback_handler.register_end_callback(self._compile_ends)

    def state_dict(self) -> dict[str, Any]:
        """Return the times so far."""
        times = {"eager": self._eager, "compiled": self._compiled}
        return {
            "seconds": self._seconds,
            "tokens": self._tokens,
            "warm": self._warm,
            **{name: torch.tensor(found, dtype=torch.float64) for name, found in times.items()},
        }

    def _compile_starts(self, _: object) -> None:
        self._compile_began, self._tainted = self._clock(), True

    def _compile_ends(self, _: object) -> None:
        seconds = self._clock() - self._compile_began
        self._seconds += seconds
        if self._meter is not None:
            self._meter.leave_out(seconds)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Put the compiled network in, once the eager steps are done."""
        if self.is_compiled and self._net is not None:
            self._net.forward = self._forward  # type: ignore[assignment]
        self._mark = self._clock()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Take the compiled network out, and time the step where it ended."""
        self._put_back()
        if self._synchronize is not None:
            self._synchronize()
        self._open[0] += self._clock() - self._mark
        self._open[1] += tokens_in_parts(outputs) or batch["input_ids"].numel()
        if trainer.global_step != self._update:
            self._update = trainer.global_step
            self._keep(*self._open)
            self._open, self._tainted = [0.0, 0], False

    def _keep(self, seconds: float, tokens: float) -> None:
        if self._tainted:
            return  # the step that compiled, and ran for the first time
        if self.is_compiled:
            self._compiled.append(seconds / tokens)
            self._tokens += int(tokens)
        elif self._warm < WARMUP_STEPS:
            self._warm += 1
        else:
            self._eager.append(seconds / tokens)

    def _put_back(self) -> None:
        if self._net is not None:
            vars(self._net).pop("forward", None)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Say whether it paid back."""
        self._leave()
        note = self._verdict(trainer.global_step)
        self.notes = [note]
        _log.info(note)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Leave the network as it was."""
        self._leave()

    def _leave(self) -> None:
        from torch._dynamo.callback import callback_handler

        self._put_back()
        if self._net is not None:
            callback_handler.remove_start_callback(self._compile_starts)
            callback_handler.remove_end_callback(self._compile_ends)
        self._net = self._forward = None

    def _verdict(self, steps: int) -> str:
        if not self._compiled:
            return (
                f"trainer.compile=true had no time to help: {WARMUP_STEPS + EAGER_STEPS} steps run without it, to "
                f"compare with, and this run had {steps}; leave trainer.compile out"
            )
        tokens = self._tokens / len(self._compiled)
        return verdict(self._seconds, median(self._eager) * tokens, median(self._compiled) * tokens, steps)

    def measured(self) -> Measured:
        """Return ``compile_seconds`` of the section ``training``."""
        return {"training": {"compile_seconds": self._seconds}}


def verdict(compile_seconds: float, eager: float, compiled: float, steps: int) -> str:
    """Return one sentence on whether compiling paid back.

    Args:
        compile_seconds: spent on compiling.
        eager: seconds per step without.
        compiled: seconds per step with it.
        steps: of the run.
    """
    saved = eager - compiled
    said = f"compiled in {compile_seconds:.3g} s"
    if abs(saved) < NOISE * eager:
        return f"{said}, and a step takes {compiled:.3g} s with it or without: leave trainer.compile out"
    if saved < 0:
        return f"{said}, and a step takes {compiled:.3g} s, {eager:.3g} s without: leave trainer.compile out"
    needed = math.ceil(compile_seconds / saved)
    said += f", saved {saved:.2g} s of {eager:.2g} s a step"
    if needed > steps:
        return f"{said}: pays back after {needed} steps; this run had {steps}: leave trainer.compile out"
    return f"{said}: paid back after {needed} of {steps} steps"


def _explained(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``compiled`` with the compiler's own errors in one sentence."""
    from torch._dynamo.exc import TorchDynamoException

    def forward(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - any layer's
        try:
            return compiled(*args, **options)
        except TorchDynamoException as error:
            cause = getattr(error, "inner_exception", error)  # the outer one says only which backend it was
            first = next((line for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
            raise ModelError(
                f"torch.compile cannot compile this network here ({first}); leave trainer.compile out"
            ) from error

    return forward
