"""Text in, prediction out. Evaluate, predict, the latency meter and the artefact's verification all go through it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ftlab.artefact import load_artefact
from ftlab.measure.memory import is_out_of_memory
from ftlab.models.first_token import first_token_only
from ftlab.models.tokens import Text, Tokens, split_pairs

_AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_BATCH_TOKENS = {"cuda": 16_384, "mps": 8_192}
_CPU_BATCH_TOKENS = 1_024  # per thread: what the layers write stays near the caches; larger batches are no faster
_WEIGHTS = {"bf16-true": torch.bfloat16, "16-true": torch.float16, "64-true": torch.float64}


@dataclass(frozen=True, slots=True)
class Prediction:
    """The label of one text, and the probability of each label."""

    label: str
    probability: float
    probabilities: dict[str, float]


class TorchPredictor:
    """Runs a network in eager torch.

    Args:
        net: on ``device`` already, or moved there.
        tokenizer: a fast tokenizer.
        labels: names by number.
        max_length: tokens; longer texts lose their end.
        precision: Lightning's name; mixed precisions run under autocast, as in training.
    """

    backend = "torch"

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
        labels: Sequence[str],
        *,
        max_length: int,
        device: torch.device,
        precision: str = "32-true",
    ) -> None:
        self.net = net.to(device).eval()
        self.tokenizer = tokenizer
        self.labels = list(labels)
        self.max_length = max_length
        self.device = device
        self.precision = precision
        self.batch_tokens = batch_tokens(device)  # padding included, of a batch whose size is left open
        self.merged = False  # whether adapter weights were folded into the base

    @property
    def dtype(self) -> str:
        """What the matrix products run in, e.g. ``float32`` or ``bfloat16``."""
        dtype = _AUTOCAST.get(self.precision) or _WEIGHTS.get(self.precision) or torch.float32
        return str(dtype).removeprefix("torch.")

    def encode(self, texts: Sequence[Text]) -> dict[str, Tensor]:
        """Tokenise ``texts`` and put them on the device: ``input_ids``, ``attention_mask``, ... (B, T)."""
        first, second = split_pairs(texts)
        encoded = self.tokenizer(
            first, second, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
        )
        return {name: tensor.to(self.device) for name, tensor in encoded.items()}

    def logits(self, encoded: dict[str, Tensor]) -> Tensor:
        """Return logits (B, num_labels) in float32, without waiting for the device."""
        autocast = _AUTOCAST.get(self.precision)
        context = torch.autocast(self.device.type, autocast) if autocast else contextlib.nullcontext()
        with torch.inference_mode(), context:
            logits: Tensor = self.net(**encoded).logits
        return logits.float()

    def synchronize(self) -> None:
        """Wait until the device has done its work, so that a clock read next is right."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def score(self, texts: Sequence[Text], batch_size: int | None = 32) -> npt.NDArray[np.float64]:
        """Return logits (N, num_labels) in the order of ``texts``; batches hold texts of like length to save padding.

        Args:
            texts: tokenised at once.
            batch_size: rows per batch; None: as many as ``batch_tokens`` holds. Where memory runs out on the device,
                the batch is halved, and so is ``batch_tokens``.
        """
        scored = np.empty((len(texts), len(self.labels)))
        if not len(texts):
            return scored
        tokens = Tokens.of(self.tokenizer, texts, self.max_length)
        waiting = tokens.batches(batch_size, self.batch_tokens)[::-1]
        with first_token_only(self.net):
            while waiting:
                rows = waiting.pop()
                try:
                    encoded = {name: torch.from_numpy(a).to(self.device) for name, a in tokens.padded(rows).items()}
                    scored[rows] = self.logits(encoded).cpu().numpy()
                except (torch.OutOfMemoryError, RuntimeError) as error:
                    if len(rows) == 1 or not is_out_of_memory(error):
                        raise  # one text alone does not fit
                    self.batch_tokens = max(self.batch_tokens // 2, self.max_length)
                    waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
        return scored

    def predict(self, texts: Sequence[Text], batch_size: int | None = 32) -> list[Prediction]:
        """Return one prediction per text."""
        logits = torch.from_numpy(self.score(texts, batch_size))
        return [self._prediction(row) for row in logits.softmax(dim=-1)]

    def _prediction(self, probabilities: Tensor) -> Prediction:
        best = int(probabilities.argmax())
        named = dict(zip(self.labels, probabilities.tolist(), strict=True))
        return Prediction(self.labels[best], float(probabilities[best]), named)


def batch_tokens(device: torch.device) -> int:
    """Return how many tokens a batch holds on ``device`` where its size is left open."""
    return _BATCH_TOKENS.get(device.type, _CPU_BATCH_TOKENS * min(torch.get_num_threads(), 8))


def load_predictor(
    folder: Path, *, max_length: int, device: torch.device, precision: str = "32-true", attention: str = "sdpa"
) -> TorchPredictor:
    """Load the model folder ``folder`` for prediction.

    Raises:
        DataError, ModelError: the folder is not one ftlab wrote, or its base cannot be had.
    """
    loaded = load_artefact(folder, attention)
    net = loaded.net.to(_WEIGHTS.get(precision, torch.float32))
    return TorchPredictor(
        net, loaded.tokenizer, loaded.labels, max_length=max_length, device=device, precision=precision
    )
