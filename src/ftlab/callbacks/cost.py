"""What training and answering cost."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import lightning as L
import torch

from ftlab.callbacks.latency import Latency
from ftlab.callbacks.measuring import Measured, Measuring, find_callback
from ftlab.measure.cost import check_price, device_class, request_costs, training_usd
from ftlab.measure.device import device_name
from ftlab.results import LatencyRow
from ftlab.schema import CostConfig

_log = logging.getLogger(__name__)


class Cost(Measuring):
    """Turns the seconds of ``fit``, and the latency row of ``cost.batch_size``, into US dollars.

    Where no price is known, or that batch size was not timed, the fields stay None and one sentence (in ``notes`` and
    in the log) says how to fill them.

    A model that writes is priced by the time to its first token and by that between two, for answers of the mean
    length that ``answered`` is told; without it the price of requests stays None, that of tokens does not.

    Price: two clock readings.

    Args:
        cost: the price, resolved.
        data: where it knows ``mean_test_tokens``, that is ``prompt_tokens``.
        device: that answers requests; None: the one that trains.
        clock: seconds.
    """

    def __init__(
        self,
        cost: CostConfig,
        data: Any = None,  # noqa: ANN401 - the data module, or anything with mean_test_tokens
        device: torch.device | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cost, self._data, self._device, self._clock = cost, data, device, clock
        self._began: float | None = None
        self._seconds: float | None = None
        self._trained_on: str | None = None
        self._gpus = 1  # that train together; a price is that of a machine with one
        self._answers_on: str | None = None
        self._latency: Latency | None = None
        self._asked: float | None = None
        self._share = 0.0
        self._answer: float | None = None
        self.notes: list[str] = []

    def asked(self, prompt_tokens: float, share: float = 0.0) -> None:
        """Take the mean tokens of a request, and the share of what is computed that is the prompt around the text."""
        self._asked, self._share = prompt_tokens, share

    def answered(self, completion_tokens: float) -> None:
        """Take the mean tokens of the answers that were written to test prompts."""
        self._answer = completion_tokens

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse a price that fits neither the device that trains nor the one that answers.

        Raises:
            ConfigError: the price is for another device class, or a number of ``cost`` is out of range.
        """
        self._latency = find_callback(trainer, Latency)
        self._trained_on = device_class(device_name(trainer.strategy.root_device))
        self._answers_on = device_class(device_name(self._device or trainer.strategy.root_device))
        fits = self._cost.device_class in (self._trained_on, self._answers_on)
        check_price(self._cost, self._cost.device_class if fits and self._cost.device_class else self._answers_on)
        if self._cost.usd_per_hour is None:
            self._note(
                f"no price is known for device class {self._answers_on}, so the cost stays empty; "
                "give yours with cost.usd_per_hour=<number>"
            )

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._gpus = trainer.world_size if trainer.strategy.root_device.type == "cuda" else 1
        self._began, self._seconds = self._clock() - self.resumed().get("seconds", 0.0), None

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock."""
        self._stop()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Stop the clock: a failed run is paid for too."""
        self._stop()

    def _stop(self) -> None:
        if self._began is not None:
            self._seconds, self._began = self._clock() - self._began, None

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds so far."""
        return {} if self._began is None else {"seconds": self._clock() - self._began}

    def measured(self) -> Measured:
        """Return the section ``cost``."""
        cost = self._cost
        row = self._priced_row()
        return {
            "cost": {
                "device": self._answers_on,
                "usd_per_hour": cost.usd_per_hour,
                "price_source": cost.price_source,
                "price_date": cost.price_date,
                "utilisation": cost.utilisation,
                "batch_size": cost.batch_size,
                "training_usd": self._training_usd() if self._is_for(self._trained_on) else None,
                **request_costs(
                    cost,
                    row,
                    prompt_tokens=getattr(self._data, "mean_test_tokens", None) if self._asked is None else self._asked,
                    completion_tokens=self._answer,
                    share=self._share,
                ),
            }
        }

    def _training_usd(self) -> float | None:
        usd = training_usd(self._cost.usd_per_hour, self._seconds)
        return None if usd is None else usd * self._gpus

    def _is_for(self, found: str | None) -> bool:
        return self._cost.device_class in (None, found)

    def _priced_row(self) -> LatencyRow | None:
        """Return the latency row that the price of a request rests on, or None with a note."""
        if self._cost.usd_per_hour is None or self._latency is None or not self._latency.rows:
            return None
        row = self._latency.row(self._cost.batch_size)
        if row is None:
            timed = [r.batch_size for r in self._latency.rows]
            self._note(
                f"cost.batch_size={self._cost.batch_size} was not timed (timed: {', '.join(map(str, timed))}), so the "
                f"cost of requests stays empty; set cost.batch_size={timed[0]} or "
                f"latency.batch_sizes=[{','.join(map(str, [*timed, self._cost.batch_size]))}]"
            )
        elif not self._is_for(found := device_class(row.device)):
            self._note(
                f"requests were timed on {found}, but cost={self._cost.name} is the price of "
                f"{self._cost.device_class}, so the cost of requests stays empty; "
                "give yours: cost=auto cost.usd_per_hour=<number>"
            )
            return None
        return row

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)
            _log.warning(sentence)
