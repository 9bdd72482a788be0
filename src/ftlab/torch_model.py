"""A network with its tokenizer on a device, in a precision: what predictor and generator share."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_WEIGHTS = {"bf16-true": torch.bfloat16, "16-true": torch.float16, "64-true": torch.float64}


class TorchModel:
    """Runs a network in eager torch.

    Args:
        net: on ``device`` already, or moved there.
        tokenizer: a fast tokenizer.
        max_length: tokens of a text.
        device: where it runs.
        precision: Lightning's name; mixed precisions run under autocast, as in training.
    """

    backend = "torch"

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
        *,
        max_length: int,
        device: torch.device,
        precision: str = "32-true",
    ) -> None:
        self.net = net.to(device).eval()
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.device = device
        self.precision = precision
        self.merged = False  # whether adapter weights were folded into the base

    @property
    def dtype(self) -> str:
        """What the matrix products run in, e.g. ``float32`` or ``bfloat16``."""
        dtype = _AUTOCAST.get(self.precision) or weights_dtype(self.precision)
        return str(dtype).removeprefix("torch.")

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the network is called."""
        dtype = _AUTOCAST.get(self.precision)
        return torch.autocast(self.device.type, dtype) if dtype else contextlib.nullcontext()

    def synchronize(self) -> None:
        """Wait until the device has done its work, so that a clock read next is right."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def weights_dtype(precision: str) -> torch.dtype:
    """Return what the weights are held in."""
    return _WEIGHTS.get(precision, torch.float32)
