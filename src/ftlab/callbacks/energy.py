"""How much energy training and answering take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities.types import STEP_OUTPUT

from ftlab.callbacks.latency import Latency
from ftlab.callbacks.measuring import Batch, Measured, Measuring, find_callback
from ftlab.measure.energy import EnergyMeter, EnergyReading
from ftlab.schema import CostConfig

EVERY_SECONDS = 30.0  # RAPL counters wrap around after minutes at the soonest
_UNKNOWN = EnergyReading(None, "none", None)


class Energy(Measuring):
    """Measures Wh of ``fit``, and takes Wh per 1,000 requests from the calls that the Latency callback timed.

    Price: reading a few counters every 30 s (below 1 ms each time), no synchronisation.

    Args:
        cost: its ``batch_size`` says which latency row stands for a request.
        clock: seconds.
        meter: makes the meter of the devices that train.
    """

    def __init__(
        self,
        cost: CostConfig,
        clock: Callable[[], float] = time.monotonic,
        meter: Callable[[torch.device | list[torch.device]], EnergyMeter] = EnergyMeter,
    ) -> None:
        self._cost, self._clock, self._make_meter = cost, clock, meter
        self._meter: EnergyMeter | None = None
        self._next = 0.0
        self._training = self._before = _UNKNOWN  # before: in the parts of the training until now
        self._latency: Latency | None = None

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Find the callback that times requests."""
        self._latency = find_callback(trainer, Latency)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin."""
        before = self.resumed()
        self._training = _UNKNOWN
        self._before = EnergyReading(before["wh"], before["method"], before["scope"]) if before else _UNKNOWN
        # Of several processes on this machine, that of the first one counts for all.
        together = getattr(trainer.strategy, "parallel_devices", None) or []
        self._meter = self._make_meter(list(together) if len(together) > 1 else trainer.strategy.root_device)
        self._meter.start()
        self._next = self._clock() + EVERY_SECONDS

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: STEP_OUTPUT,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """Read the counters now and then."""
        if self._meter is not None and self._clock() >= self._next:
            self._meter.sample()
            self._next = self._clock() + EVERY_SECONDS

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Read the total."""
        self._stop()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Read the total: a failed run used energy too."""
        self._stop()

    def _stop(self) -> None:
        if self._meter is not None:
            self._training = _sum(self._before, self._meter.stop())
            self._meter = None

    def state_dict(self) -> dict[str, Any]:
        """Return what was used so far."""
        return {} if self._meter is None else _sum(self._before, self._meter.stop())._asdict()

    def measured(self) -> Measured:
        """Return the section ``energy``."""
        requests = self._latency.energy.get(self._cost.batch_size, _UNKNOWN) if self._latency else _UNKNOWN
        known = [r for r in (self._training, requests) if r.wh is not None]
        methods = {r.method for r in known}
        scopes = list(dict.fromkeys(r.scope for r in known if r.scope))
        return {
            "energy": {
                "training_wh": self._training.wh,
                "wh_per_1k_requests": requests.wh,
                # Trained on one device and timed on another: the weaker word holds for the section.
                "method": "estimate" if "estimate" in methods else "counter" if methods else "none",
                "scope": "; requests: ".join(scopes) or None,
            }
        }


def _sum(first: EnergyReading, second: EnergyReading) -> EnergyReading:
    """Return what two parts used; one too short to measure counts as nothing."""
    known = [reading for reading in (first, second) if reading.wh is not None]
    if len(known) < 2:
        return known[0] if known else second
    method = "estimate" if "estimate" in (first.method, second.method) else second.method
    scopes = dict.fromkeys(reading.scope for reading in known if reading.scope)
    return EnergyReading(sum(reading.wh or 0.0 for reading in known), method, "; then: ".join(scopes) or None)
