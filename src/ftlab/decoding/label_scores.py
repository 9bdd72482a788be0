"""How likely a language model takes the answer for each label to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ftlab.decoding.chosen_logits import logits_at
from ftlab.decoding.label_tokens import Answers
from ftlab.decoding.prefix import SharedPrefix
from ftlab.decoding.prompt_tokens import PromptTokens
from ftlab.models.tokens import Text, split_pairs
from ftlab.models.virtual_tokens import base_of, virtual_tokens

Encoded = dict[str, Tensor]
CONTENT_FREE = ("N/A", "[MASK]", "")  # arXiv:2102.09690, section 5
_MOST_LOGITS = 2**26  # numbers held at a time: 256 MiB in float32


@dataclass(frozen=True, slots=True)
class Asked:
    """What to call with which inputs, and the N places, among the last ``width`` read, whose next token is asked for.

    ``net`` goes on from the prefix in the inputs where that is kept, virtual tokens included: it puts none in front.
    ``rows``, ``columns``, ``tokens`` (N,): where, and which token.
    """

    net: nn.Module
    inputs: dict[str, Any]
    rows: Tensor
    columns: Tensor
    tokens: Tensor
    width: int


class LabelScorer:
    """Scores every label of a text by the log-likelihood of its answer, per token of the answer.

    The mean and not the sum over an answer's tokens: else long answers lose to short ones. Texts come as *suffixes*,
    padded on the right: ``input_ids`` and ``attention_mask`` (B, T), as ``encode``, the data module and the predictor
    make them with ``tokens.tokenizer``.

    One pass of the network per batch. What stands before every text is computed once for the weights as they are
    (``cache``), else with each text; both read the same token ids, and their scores are equal but for rounding. Answers
    of several tokens are read in the same pass, side by side behind the text, each blind to the others. Networks whose
    attention cannot be told so (flash, sliding windows) read each text once per label. Virtual tokens of an adapter are
    the first part of what is kept; without a cache they stand in front of each row, and of each label's.

    Args:
        net: a transformers causal language model, or a PeftModel around one, in eval mode.
        tokens: the prompt.
        cache: None: as the prompt says.
        calibration: none, or contextual; None: as the prompt says.
    """

    def __init__(
        self, net: nn.Module, tokens: PromptTokens, *, cache: bool | None = None, calibration: str | None = None
    ) -> None:
        self.net = net
        self.tokens = tokens
        prompt = tokens.prompt
        self.labels = prompt.labels
        self.calibration = prompt.calibration if calibration is None else calibration
        self.answers = Answers.of(tokens.answers)
        self._prefix = SharedPrefix(net, tokens.prefix, cached=prompt.cache if cache is None else cache)
        self._favour: tuple[object, Tensor] | None = None  # state of the network, log-probabilities without a text

    def encode(self, texts: Sequence[Text]) -> Encoded:
        """Tokenise ``texts`` and put them where the network is."""
        first, second = split_pairs(texts)
        encoded = self.tokens.tokenizer(
            first, second, truncation=True, max_length=self.tokens.max_length, padding=True, return_tensors="pt"
        )
        device = next(self.net.parameters()).device
        return {name: encoded[name].to(device) for name in ("input_ids", "attention_mask")}

    def scores(self, encoded: Encoded) -> Tensor:
        """Return the scores (B, C) in float32.

        Without calibration: mean log-likelihoods, in nats per token. With ``contextual``: the log-probabilities that
        these come to among the labels, less those that texts without content come to (arXiv:2102.09690). The paper's
        ``argmax(W p)`` is theirs too; its second softmax, which flattens the probabilities, is left out.
        """
        assert not self.net.training, "dropout would make scores of each text differ"
        with torch.inference_mode():
            scores = self._raw(encoded)
            return scores if self.calibration == "none" else scores.log_softmax(dim=-1) - self._favoured()

    def asked(self, ids: Tensor, mask: Tensor, labels: Tensor) -> Asked:
        """Return what to call the network with so that it says how likely one answer for each text is.

        Args:
            ids: (B, T) suffixes, padded on the right.
            mask: (B, T), 1 where there is a token.
            labels: (B,) whose answers; -100: no answer is asked for.
        """
        ids, mask, targets = self.answers.to(ids.device).appended(ids, mask, labels)
        rows, columns = (targets[:, 1:] >= 0).nonzero(as_tuple=True)
        tokens = targets[rows, columns + 1]
        # Nothing is read off an answer's last token.
        inputs = self._prefix.inputs(ids[:, :-1], mask[:, :-1])
        return Asked(self._prefix.net, inputs, rows, columns, tokens, ids.shape[1] - 1)

    def forget(self) -> None:
        """Drop what was computed for the weights as they were; changed weights are noticed without it."""
        self._prefix.forget()
        self._favour = None

    def _favoured(self) -> Tensor:
        """Return the log-probability of each label (C,) for texts that say nothing."""
        state = self._prefix.state()
        if self._favour is None or self._favour[0] != state:
            pairs = self.tokens.prompt.pairs
            empty: list[Text] = [(text, text) if pairs else text for text in CONTENT_FREE]
            self._favour = state, self._raw(self.encode(empty)).softmax(dim=-1).mean(dim=0).log()
        return self._favour[1]

    def _raw(self, encoded: Encoded) -> Tensor:
        ids, mask = encoded["input_ids"], encoded["attention_mask"]
        vocabulary = int(base_of(self.net).config.vocab_size)  # type: ignore[union-attr, arg-type]
        at_once = max(1, _MOST_LOGITS // (vocabulary * (1 + self.answers.width)))
        parts = zip(torch.split(ids, at_once), torch.split(mask, at_once), strict=True)
        return torch.cat([self._scored(some, among) for some, among in parts])

    def _scored(self, ids: Tensor, mask: Tensor) -> Tensor:
        if not self.answers.width:
            return self._by_first_token(ids, mask)
        return self._side_by_side(ids, mask) if _takes_any_mask(self._prefix.net) else self._one_by_one(ids, mask)

    def _by_first_token(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Answers of one token: the place before the answer knows them all."""
        last = mask.sum(dim=1) - 1  # (B,)
        logits = logits_at(self._prefix.net, self._prefix.inputs(ids, mask), _rows(ids), last, ids.shape[1])  # (B, V)
        return _log_likelihoods(logits, self.answers.first.to(ids.device).expand(len(ids), -1))

    def _side_by_side(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Read text and all answers in one pass: (B, T + L) tokens, L of the answers but their last ones."""
        answers, (batch, width) = self.answers.to(ids.device), ids.shape
        last = mask.sum(dim=1) - 1  # (B,)
        inputs = self._prefix.inputs(ids, mask, answers)
        rows = _rows(ids)[:, None].expand(-1, 1 + answers.width)
        behind = torch.arange(width, width + answers.width, device=ids.device).expand(batch, -1)
        columns = torch.cat([last[:, None], behind], dim=1)  # (B, 1 + L)
        logits = logits_at(self._prefix.net, inputs, rows.reshape(-1), columns.reshape(-1), width + answers.width)
        logits = logits.view(batch, 1 + answers.width, -1)
        first = _log_likelihoods(logits[:, 0], answers.first.expand(batch, -1))  # (B, C)
        rest = _log_likelihoods(logits[:, 1:].flatten(0, 1), answers.next.repeat(batch)[:, None])  # (B L, 1)
        total = first.index_add(1, answers.label, rest.view(batch, -1))
        return total / answers.lengths

    def _one_by_one(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Read the text once per label: (B C, T + longest answer) tokens."""
        answers, count = self.answers.to(ids.device), len(self.answers.lengths)
        labels = torch.arange(count, device=ids.device).repeat(len(ids))  # (B C,)
        asked = self.asked(ids.repeat_interleave(count, 0), mask.repeat_interleave(count, 0), labels)
        logits = logits_at(asked.net, asked.inputs, asked.rows, asked.columns, asked.width)
        found = _log_likelihoods(logits, asked.tokens[:, None]).squeeze(1)
        total = torch.zeros(len(labels), device=ids.device).index_add(0, asked.rows, found)
        return total.view(-1, count) / answers.lengths


def _rows(ids: Tensor) -> Tensor:
    return torch.arange(len(ids), device=ids.device)


def _log_likelihoods(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the log-likelihoods (N, k) in float32 of ``tokens`` (N, k), from ``logits`` (N, V)."""
    precise = logits.float()
    return precise.gather(1, tokens) - precise.logsumexp(dim=1, keepdim=True)


def _takes_any_mask(net: nn.Module) -> bool:
    config: Any = base_of(net).config
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    return config._attn_implementation in ("sdpa", "eager") and layers == {"full_attention"} and not virtual_tokens(net)
