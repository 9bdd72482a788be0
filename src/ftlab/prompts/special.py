"""The tokens of a tokenizer that are no text: what begins and ends a text, and what no text may become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def begin_id(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Return the id that begins a text; of a tokenizer without one, what begins texts for an encoder ([CLS])."""
    return _first(tokenizer.bos_token_id, tokenizer.cls_token_id)


def end_id(tokenizer: PreTrainedTokenizerFast) -> int | None:
    """Return the id that ends a text; of a tokenizer without one, what ends texts for an encoder ([SEP])."""
    return _first(tokenizer.eos_token_id, tokenizer.sep_token_id)


def special_tokens(tokenizer: PreTrainedTokenizerFast) -> dict[str, str]:
    """Return what templates know as ``bos_token``, ``eos_token`` and so on."""
    named = {name: str(token) for name, token in tokenizer.special_tokens_map.items() if not isinstance(token, list)}
    for name, number in (("bos_token", begin_id(tokenizer)), ("eos_token", end_id(tokenizer))):
        if number is not None:
            named.setdefault(name, str(tokenizer.convert_ids_to_tokens(number)))
    return named


def control_names(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """Return the tokens that are no text, the longest first.

    Tokens that were added as text are not among them: runs of blanks, or ``<think>``, which an answer may well write.
    """
    special = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return sorted({*special, *map(str, tokenizer.all_special_tokens)}, key=lambda name: (-len(name), name))


def control_pattern(tokenizer: PreTrainedTokenizerFast) -> re.Pattern[str]:
    """Return what matches the tokens that are no text."""
    return re.compile("|".join(map(re.escape, control_names(tokenizer))) or r"(?!)")  # (?!) matches nothing


def _first(*ids: object) -> int | None:
    return next((number for number in ids if isinstance(number, int)), None)
