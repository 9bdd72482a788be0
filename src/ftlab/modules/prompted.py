"""Classification by a prompt as a Lightning module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import MetricCollection

from ftlab.errors import ConfigError
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.supervised import Places, SupervisedReader
from ftlab.modules.token_loss import precise, summed_loss, summed_loss_of

if TYPE_CHECKING:
    from ftlab.decoding.label_scores import LabelScorer

Batch = dict[str, Tensor]


class PromptedModule(ClassifierModule):
    """Lets a causal language model answer with a label.

    Batch: as ``ClassifierModule``'s, with *suffixes* for texts: what follows the prompt's prefix, as the tokenizer of
    ``scorer.tokens`` gives them. The scores of the labels play the part of logits, so that metrics, predictions and
    everything behind them are a classifier's. Training teaches the tokens of the right label's answer, each token with
    equal weight; ``train/loss`` is their mean cross-entropy over the vocabulary in nats, where ``val/loss`` is that of
    the labels among each other.

    Args:
        net: a causal language model, adapter included.
        metrics: fed with probabilities (B, num_labels) and labels (B,).
        scorer: of ``net``.
        options: as ``ClassifierModule``'s.

    Raises:
        ConfigError: ``label_smoothing``, which has no meaning here.
    """

    def __init__(self, net: nn.Module, metrics: MetricCollection, *, scorer: LabelScorer, **options: Any) -> None:  # noqa: ANN401
        super().__init__(net, metrics, **options)
        if self.label_smoothing:
            raise ConfigError(
                f"model.label_smoothing={self.label_smoothing} is for a head, and a prompted model learns the words of "
                "its answers; type model.label_smoothing=0"
            )
        assert scorer.net is net, "what is trained is what is scored"
        self.scorer = scorer
        self._reader = SupervisedReader()

    def forward(self, batch: Batch) -> Tensor:
        """Return the scores of the labels (B, num_labels)."""
        return self.scorer.scores(batch)

    def share(self, batch: Batch) -> Tensor:
        """Return what the rows add to the mean loss over the tokens of the right answers, by ``class_weights``."""
        return self._summed_loss(batch) / self._tokens(batch.get("whole_labels", batch["labels"]))

    def begin_split(self, split: str) -> None:
        """Forget the rows of an earlier pass, and what was computed with earlier weights."""
        super().begin_split(split)
        self.scorer.forget()

    def on_train_end(self) -> None:
        """Let the network be as it was."""
        super().on_train_end()
        self._reader.release()

    def _tokens(self, labels: Tensor) -> Tensor:
        """Return how many tokens the answers for ``labels`` have, or what they weigh together."""
        lengths = self.scorer.answers.lengths.to(labels.device)
        weights = self._weights()
        return (lengths if weights is None else lengths * weights)[labels].sum()

    def _summed_loss(self, batch: Batch) -> Tensor:
        asked = self.scorer.asked(batch["input_ids"], batch["attention_mask"], batch["labels"])
        places = Places(asked.rows, asked.columns, asked.tokens, asked.width)
        weights = self._weights()
        if weights is None:
            read = self._reader.hidden(asked.net, asked.inputs, places)
            if read is not None:
                return summed_loss_of(*read, asked.tokens)
            return summed_loss(self._reader.logits(asked.net, asked.inputs, places), asked.tokens)
        logits = precise(self._reader.logits(asked.net, asked.inputs, places))  # (N, V)
        each = weights[batch["labels"][asked.rows]]
        return (F.cross_entropy(logits, asked.tokens, reduction="none") * each).sum()

    def _weights(self) -> Tensor | None:
        weights = self.get_buffer("class_weights")
        return None if weights is None else weights.float()  # half precision converts buffers too
