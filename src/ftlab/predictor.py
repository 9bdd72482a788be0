"""Text in, prediction out. Evaluate, predict, the latency meter and the artefact's verification all go through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ftlab.artefact import load_artefact
from ftlab.decoding.label_scores import LabelScorer
from ftlab.decoding.prompt_tokens import PromptTokens
from ftlab.errors import DataError
from ftlab.measure.memory import is_out_of_memory
from ftlab.models.first_token import first_token_only
from ftlab.models.last_token import read_last_token
from ftlab.models.positions import max_positions
from ftlab.models.tokens import Text, Tokens, split_pairs
from ftlab.models.virtual_tokens import virtual_tokens
from ftlab.prompts.classification import ClassificationPrompt
from ftlab.torch_model import TorchModel, weights_dtype

_BATCH_TOKENS = {"cuda": 16_384, "mps": 8_192}
_CPU_BATCH_TOKENS = 1_024  # per thread: what the layers write stays near the caches; larger batches are no faster


@dataclass(frozen=True, slots=True)
class Prediction:
    """The label of one text, and the probability of each label."""

    label: str
    probability: float
    probabilities: dict[str, float]


class TorchPredictor(TorchModel):
    """Runs a classifier in eager torch.

    Args:
        net: on ``device`` already, or moved there.
        tokenizer: a fast tokenizer.
        labels: names by number.
        max_length: tokens; longer texts lose their end.
        precision: Lightning's name; mixed precisions run under autocast, as in training.
        prompt: what stands around each text; None: nothing.
    """

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
        labels: Sequence[str],
        *,
        max_length: int,
        device: torch.device,
        precision: str = "32-true",
        prompt: ClassificationPrompt | None = None,
    ) -> None:
        super().__init__(net, tokenizer, max_length=max_length, device=device, precision=precision)
        read_last_token(self.net)
        self.labels = list(labels)
        self._prompt = prompt
        self.batch_tokens = batch_tokens(device)  # padding included, of a batch whose size is left open

    def encode(self, texts: Sequence[Text]) -> dict[str, Tensor]:
        """Tokenise ``texts`` and put them on the device: ``input_ids``, ``attention_mask``, ... (B, T)."""
        first, second = split_pairs(self.wrapped(texts))
        encoded = self.tokenizer(
            first, second, truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
        )
        return {name: tensor.to(self.device) for name, tensor in encoded.items()}

    def logits(self, encoded: dict[str, Tensor]) -> Tensor:
        """Return logits (B, num_labels) in float32, without waiting for the device."""
        with torch.inference_mode(), self.autocast():
            logits: Tensor = self.net(**encoded).logits
        return logits.float()

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
        tokens = Tokens.of(self.tokenizer, self.wrapped(texts), self.max_length)
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

    def wrapped(self, texts: Sequence[Text]) -> Sequence[Text]:
        """Return the texts as the network reads them: with the prompt around each."""
        return texts if self._prompt is None else [self._prompt.wrap(text) for text in texts]

    def tokens_per_request(self, mean: float) -> float:
        """Return the tokens that are read per request, where the tokenizer gives ``mean`` of them per text."""
        return mean

    def predict(self, texts: Sequence[Text], batch_size: int | None = 32) -> list[Prediction]:
        """Return one prediction per text."""
        logits = torch.from_numpy(self.score(texts, batch_size))
        return [self._prediction(row) for row in logits.softmax(dim=-1)]

    def _prediction(self, probabilities: Tensor) -> Prediction:
        best = int(probabilities.argmax())
        named = dict(zip(self.labels, probabilities.tolist(), strict=True))
        return Prediction(self.labels[best], float(probabilities[best]), named)


class PromptedPredictor(TorchPredictor):
    """Lets a causal language model answer with a label: the scores of the labels are the logits.

    Args:
        net: a causal language model.
        tokens: the prompt, whose tokenizer gives what follows the prefix; it also knows labels and ``max_length``.
        device: of inference.
        precision: Lightning's name.
        cache: None: as the prompt says.
        calibration: None: as the prompt says.
    """

    def __init__(
        self,
        net: nn.Module,
        tokens: PromptTokens,
        *,
        device: torch.device,
        precision: str = "32-true",
        cache: bool | None = None,
        calibration: str | None = None,
    ) -> None:
        options: dict[str, Any] = {"device": device, "precision": precision}
        super().__init__(net, tokens.tokenizer, tokens.prompt.labels, max_length=tokens.max_length, **options)
        self.scorer = LabelScorer(self.net, tokens, cache=cache, calibration=calibration)

    def tokens_per_request(self, mean: float) -> float:
        """Return the tokens of the prompt too, where suffixes have ``mean``."""
        return self.scorer.tokens.per_request(mean)

    def logits(self, encoded: dict[str, Tensor]) -> Tensor:
        """Return the scores of the labels (B, num_labels) in float32, without waiting for the device."""
        with torch.inference_mode(), self.autocast():
            return self.scorer.scores(encoded).float()


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
    if loaded.labels is None:
        raise DataError(f"{folder} writes texts and gives no labels; give a run that was trained on labels")
    net = loaded.net.to(weights_dtype(precision))
    where: dict[str, Any] = {"device": device, "precision": precision}
    prompt = None if loaded.about.prompt is None else ClassificationPrompt.from_json(loaded.about.prompt)
    if loaded.about.head != "lm":
        return TorchPredictor(net, loaded.tokenizer, loaded.labels, max_length=max_length, prompt=prompt, **where)
    if prompt is None:
        raise DataError(f"{folder}/ftlab.json names labels and no prompt that asks for them; train the run again")
    positions = max_positions(loaded.net.config)  # type: ignore[arg-type]
    virtual = virtual_tokens(loaded.net)
    tokens = PromptTokens.of(
        prompt, loaded.tokenizer, max_length=max_length, positions=positions, virtual_tokens=virtual
    )
    return PromptedPredictor(net, tokens, **where)
