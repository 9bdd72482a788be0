"""What ends an answer: token numbers, strings, or the length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from ftlab.models.virtual_tokens import base_of
from ftlab.prompts.special import end_id


@dataclass(frozen=True, slots=True)
class Ends:
    """Where answers end.

    Args:
        eos: token numbers by which the model says that it is done.
        stop: token numbers that the user named as stop strings (``<|im_end|>``): special tokens leave no text to find.
        strings: the other stop strings.
    """

    eos: frozenset[int]
    stop: frozenset[int] = frozenset()
    strings: tuple[str, ...] = ()


NEVER = Ends(frozenset())  # for timing: as many tokens as asked for


def find_ends(net: nn.Module, tokenizer: Any, stop: Sequence[str], also: Sequence[int] = ()) -> Ends:  # noqa: ANN401
    """Return what ends the answers of ``net``: the ends its generation_config names, the tokenizer's, and ``stop``.

    Args:
        net: the network, bare or with an adapter around it.
        tokenizer: its tokenizer.
        stop: strings that an answer ends before.
        also: further token numbers, such as the one that closes a turn of the chat template.
    """
    base = base_of(net)
    named = getattr(getattr(base, "generation_config", None), "eos_token_id", None)
    if named is None:
        named = getattr(base.config, "eos_token_id", None)
    numbers = {*(named if isinstance(named, list | tuple) else [named]), end_id(tokenizer), *also} - {None}
    added = tokenizer.get_added_vocab()
    return Ends(
        frozenset(map(int, numbers)),
        frozenset(added[s] for s in stop if s in added),
        tuple(s for s in stop if s not in added),
    )
