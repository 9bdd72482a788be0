"""Reads one conversation, as messages (role, content) or ShareGPT's conversations (from, value) have it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ftlab.datasets.checks import odd_text
from ftlab.errors import did_you_mean
from ftlab.prompts.turns import ROLES, Role, Turn

# ShareGPT's names of the roles, and those of its kin.
_SPEAKERS: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
}
_STYLES = (("role", "content"), ("from", "value"))


class TurnsError(Exception):
    """What is wrong with a conversation, and the remedy."""


def read_turns(value: Any) -> tuple[Turn, ...]:  # noqa: ANN401 - whatever stands in the column
    """Return the turns of a conversation; an empty system turn is none.

    Args:
        value: a list of objects, its JSON, or an object of two lists as the ``datasets`` library may give it.

    Raises:
        TurnsError: it is no conversation that can be learned from.
    """
    turns = [_read_turn(number, item) for number, item in enumerate(_items(value), start=1)]
    if turns and turns[0].role == "system" and not turns[0].content:
        turns = turns[1:]
        check_order(turns, first=2)
    else:
        check_order(turns)
    return tuple(turns)


def _items(value: Any) -> Sequence[Any]:  # noqa: ANN401
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise TurnsError(f"is no JSON ({error}); write a list of turns") from None
    if value is None or value == "" or value == []:
        raise TurnsError("is empty; write its turns or delete the row")
    if isinstance(value, dict):
        for names in _STYLES:
            roles, texts = value.get(names[0]), value.get(names[1])
            if isinstance(roles, list) and isinstance(texts, list) and len(roles) == len(texts):
                return [dict(zip(names, pair, strict=True)) for pair in zip(roles, texts, strict=True)]
    if not isinstance(value, list):
        kind = "text" if isinstance(value, str) else f"a {type(value).__name__}"
        raise TurnsError(f'holds {kind}, not a list of turns; write [{{"role": "user", "content": ...}}, ...]')
    return value


def _read_turn(number: int, item: Any) -> Turn:  # noqa: ANN401
    if not isinstance(item, dict):
        raise TurnsError(f"turn {number} is a {type(item).__name__}; write an object with role and content")
    for name, text in _STYLES:
        if item.get(name) is not None:
            role = _role(number, name, item[name])
            return Turn(role, _content(number, role, text, item))
    raise TurnsError(
        f"turn {number} has neither role nor from (it has: {', '.join(map(str, item)) or 'nothing'}); say who speaks"
    )


def _role(number: int, name: str, value: Any) -> Role:  # noqa: ANN401
    known: dict[str, Role] = _SPEAKERS if name == "from" else {role: role for role in ROLES}
    if isinstance(value, str) and value in known:
        return known[value]
    shown = repr(value)[:60]
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    if not near and value in ("tool", "function", "observation", "function_call"):
        near = "; calls of tools are not learned, so delete the row"
    raise TurnsError(
        f"turn {number} has the {name} {shown}, which is none of {', '.join(known)}{near or '; write one'}"
    )


def _content(number: int, role: Role, name: str, item: dict[str, Any]) -> str:
    content = item.get(name)
    told = f"turn {number} ({role})"
    if isinstance(content, list):
        content = "".join(_part(told, part) for part in content)
    if content is None:
        calls = "holds calls of tools and no text" if item.get("tool_calls") else f"has no {name}"
        raise TurnsError(f"{told} {calls}; write what is said or delete the row")
    if not isinstance(content, str):
        raise TurnsError(f"{told} holds a {type(content).__name__} as {name}; write text")
    if not content.strip():
        if role == "system":
            return ""
        raise TurnsError(f"{told} is empty; write what is said or delete the row")
    if (why := odd_text(content)) is not None:
        raise TurnsError(f"{told} {why}")
    return content


def _part(told: str, part: Any) -> str:  # noqa: ANN401
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type", "text") in ("text", "input_text", "output_text"):
        text = part.get("text")
        if isinstance(text, str):
            return text
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise TurnsError(f"{told} has a part of the type {kind}, and only text is learned; take it out or delete the row")


def check_order(turns: Sequence[Turn], first: int = 1) -> None:
    """Check that user and assistant take turns behind an optional system turn, and the assistant has the last.

    Args:
        turns: of a conversation.
        first: number of the first of them, for sentences.

    Raises:
        TurnsError: they do not.
    """
    if not any(turn.role == "assistant" for turn in turns):
        raise TurnsError("has no assistant turn, so there is nothing to learn; add the answer or delete the row")
    before: Role | None = None
    for number, turn in enumerate(turns, start=first):
        if turn.role == "system" and before is not None:
            raise TurnsError(f"turn {number} is the system's, and only the first may be; put it first or take it out")
        if turn.role == "assistant" and before in (None, "system"):
            raise TurnsError(f"turn {number} is the assistant's before any of the user; put the user's turn before it")
        if turn.role == before:
            raise TurnsError(
                f"turn {number} is {turn.role} after {before}; user and assistant take turns, so join the two or "
                "delete the row"
            )
        before = turn.role
    if before != "assistant":
        raise TurnsError(f"ends with the {before}'s turn; add the assistant's answer, or take that turn out")
