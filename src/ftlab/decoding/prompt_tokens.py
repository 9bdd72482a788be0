"""A classification prompt in the tokens of one tokenizer."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers.normalizers import Prepend
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.processors import TemplateProcessing

from ftlab.errors import ConfigError, ModelError
from ftlab.prompts.classification import ClassificationPrompt


@dataclass(frozen=True, slots=True)
class PromptTokens:
    """Token ids of what stands before every text and of the answers, and a tokenizer for what is between.

    All ways of scoring start from these lists: cutting a string elsewhere can give other tokens.

    ``prefix`` (P,), ``answers`` one list per label. ``tokenizer`` gives *suffixes*: the text and what follows it, up to
    where the answer begins. A suffix of more than ``max_length`` tokens loses the end of its text.
    """

    prompt: ClassificationPrompt
    prefix: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]
    after: int  # tokens of a suffix that are not the text's
    tokenizer: Any
    max_length: int

    @classmethod
    def of(
        cls,
        prompt: ClassificationPrompt,
        tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
        *,
        max_length: int,
        positions: int | None,
        virtual_tokens: int = 0,
    ) -> PromptTokens:
        """Return ``prompt`` in the tokens of ``tokenizer``.

        Args:
            prompt: of running text or of chat.
            tokenizer: a fast one; left as it is.
            max_length: of a suffix; less where the network has no room for it.
            positions: tokens the network takes; None: any number.
            virtual_tokens: that an adapter puts in front of them all.

        Raises:
            ConfigError: two answers are the same tokens, or one has none.
            ModelError: the prompt leaves no room for a text.
        """
        spaced = not _adds_space(tokenizer)
        answers = tuple(_content_ids(tokenizer, answer, spaced) for answer in prompt.answers.values())
        _check_answers(prompt, answers)
        prefix = [] if prompt.template is not None else _opening(tokenizer)
        for number, piece in enumerate(prompt.before):
            prefix += _content_ids(tokenizer, piece, spaced) if number % 2 else _frame_ids(tokenizer, piece)
        between, after = _frame_ids(tokenizer, prompt.between), _frame_ids(tokenizer, prompt.after)
        assert after, "at least a line break follows a text"
        left = math.inf if positions is None else positions - virtual_tokens
        room = left - len(prefix) - max(map(len, answers))
        least = len(between) + len(after) + 1 + prompt.pairs
        if room < least:
            raise ModelError(_no_room(prompt, len(prefix) + least - 1, positions, virtual_tokens, int(least - room)))
        space = prompt.text_space if spaced else ""
        suffixes = _suffix_tokenizer(tokenizer, between, after, space)
        return cls(prompt, tuple(prefix), answers, len(between) + len(after), suffixes, int(min(max_length, room)))

    @property
    def overhead(self) -> int:
        """Tokens of a request that are not the text's."""
        return len(self.prefix) + self.after

    def per_request(self, mean_suffix: float) -> float:
        """Return the tokens of a request, from those of a suffix."""
        return len(self.prefix) + mean_suffix


def _frame_ids(tokenizer: Any, text: str) -> list[int]:  # noqa: ANN401
    """Return the tokens of what the prompt or the chat template wrote, in which special tokens are what they are."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]) if text else []


def _content_ids(tokenizer: Any, text: str, spaced: bool) -> tuple[int, ...]:  # noqa: ANN401
    """Return the tokens of ``text``, in which names of special tokens are text."""
    bare = text if spaced else text.removeprefix(" ")
    return tuple(tokenizer(bare, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _adds_space(tokenizer: Any) -> bool:  # noqa: ANN401
    """Return whether a space is put before every text, as SentencePiece does."""
    return bool(tokenizer.tokenize("x")[0].startswith("▁"))


def _opening(tokenizer: Any) -> list[int]:  # noqa: ANN401
    """Return what the tokenizer puts before every text, such as the token that begins a sequence."""
    bare = list(tokenizer("x", add_special_tokens=False)["input_ids"])
    whole = list(tokenizer("x")["input_ids"])
    starts = (i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
    return whole[: next(starts, 0)]


def _suffix_tokenizer(tokenizer: Any, between: list[int], after: list[int], space: str) -> Any:  # noqa: ANN401
    """Return a copy that frames each text with what the prompt has around it, and shortens the text only."""
    made = copy.deepcopy(tokenizer)
    made.split_special_tokens = True  # names of special tokens inside a text are text
    backend = made.backend_tokenizer
    pieces = {"between": between, "after": after}
    backend.post_processor = TemplateProcessing(
        single="$A after",
        pair="$A between $B after" if between else "$A $B after",
        special_tokens=[
            {"id": name, "ids": ids, "tokens": made.convert_ids_to_tokens(ids)} for name, ids in pieces.items() if ids
        ],
    )
    if space:
        own = [] if backend.normalizer is None else [backend.normalizer]
        backend.normalizer = Normalizers([Prepend(space), *own])
    return made


def _check_answers(prompt: ClassificationPrompt, answers: Sequence[tuple[int, ...]]) -> None:
    first: dict[tuple[int, ...], str] = {}
    for label, ids in zip(prompt.labels, answers, strict=True):
        if not ids:
            raise ConfigError(
                f"the answer '{prompt.answers[label].strip()}' for {label} has no token; give another: "
                f"prompt.verbalisers.{label}=<word>"
            )
        other = first.setdefault(ids, label)
        if other != label:
            raise ConfigError(
                f"the answers for {other} and {label} are the same tokens for this model; give another: "
                f"prompt.verbalisers.{label}=<word>"
            )


def _no_room(prompt: ClassificationPrompt, taken: int, positions: int | None, virtual: int, missing: int) -> str:
    too = f", {virtual} virtual tokens" if virtual else ""
    has = f"the model has positions for {positions} with text{too} and label"
    said = f"prompt={prompt.name} takes {taken} tokens, and {has}"
    rounds = prompt.shots // len(prompt.answers)
    if not rounds:
        return f"{said}; shorten prompt.instruction by {missing} tokens or more"
    fewer = max(0, rounds - math.ceil(missing / (taken / rounds)))
    return f"{said}; type prompt.shots_per_class={fewer}, or shorten prompt.instruction by {missing} tokens or more"
