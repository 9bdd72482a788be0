from __future__ import annotations

import json
from typing import Any

import pytest

from ftlab.datasets.lm_turns import TurnsError, read_turns
from ftlab.prompts.turns import Turn

USER, ASSISTANT = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}
SYSTEM = {"role": "system", "content": "Be short"}
TURNS = (Turn("system", "Be short"), Turn("user", "hi"), Turn("assistant", "yo"))


def said(**more: Any) -> dict[str, Any]:
    return {**USER, **more}


@pytest.mark.parametrize(
    "value",
    [
        [SYSTEM, USER, ASSISTANT],
        json.dumps([SYSTEM, USER, ASSISTANT]),
        [SYSTEM, said(content=[{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]), ASSISTANT],
        [SYSTEM, said(name="Ann", content=["hi"]), {**ASSISTANT, "tool_calls": None}],
        [{"from": who, "value": turn.content} for who, turn in zip(("system", "human", "gpt"), TURNS, strict=True)],
        {"role": ["system", "user", "assistant"], "content": ["Be short", "hi", "yo"]},
    ],
    ids=["list", "json", "parts", "other keys", "sharegpt", "two lists"],
)
def test_every_way_to_write_a_conversation_gives_the_same_turns(value: Any) -> None:
    assert read_turns(value) == TURNS


def test_an_empty_system_turn_is_none() -> None:
    assert read_turns([{**SYSTEM, "content": " "}, USER, ASSISTANT]) == TURNS[1:]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "^is empty; write its turns"),
        ("", "^is empty"),
        ([], "^is empty"),
        (3, "^holds a int, not a list of turns; write"),
        ("hello", "^holds text, not a list of turns"),
        ("[3", "^is no JSON"),
        ([USER, "yo"], "^turn 2 is a str; write an object"),
        ([{"text": "hi"}, ASSISTANT], r"^turn 1 has neither role nor from \(it has: text\); say who speaks"),
        ([{**USER, "role": "usr"}, ASSISTANT], r"^turn 1 has the role 'usr'.*; did you mean user\?"),
        ([{**USER, "role": "human"}, ASSISTANT], r"'human', which is none of system, user, assistant; write one"),
        ([USER, ASSISTANT, {"role": "tool", "content": "4"}], "calls of tools are not learned, so delete the row"),
        ([{"from": "robot", "value": "x"}], "^turn 1 has the from 'robot', which is none of system, human"),
        ([USER, {**ASSISTANT, "content": None}], r"^turn 2 \(assistant\) has no content; write what is said"),
        ([USER, {**ASSISTANT, "content": None, "tool_calls": [{}]}], "holds calls of tools and no text"),
        ([USER, {**ASSISTANT, "content": "  "}], r"^turn 2 \(assistant\) is empty"),
        ([said(content=""), ASSISTANT], r"^turn 1 \(user\) is empty"),
        ([said(content=5), ASSISTANT], r"^turn 1 \(user\) holds a int as content; write text"),
        ([said(content=[{"type": "image_url"}]), ASSISTANT], "has a part of the type image_url, and only text"),
        ([said(content="a\0b"), ASSISTANT], r"^turn 1 \(user\) holds a NUL character"),
        ([USER], "^has no assistant turn, so there is nothing to learn; add the answer"),
        ([SYSTEM, USER], "^has no assistant turn"),
        ([USER, ASSISTANT, USER], "^ends with the user's turn; add the assistant's answer"),
        ([USER, USER, ASSISTANT], "^turn 2 is user after user; .*join the two"),
        ([USER, ASSISTANT, ASSISTANT], "^turn 3 is assistant after assistant"),
        ([ASSISTANT, USER, ASSISTANT], "^turn 1 is the assistant's before any of the user"),
        ([{**SYSTEM, "content": ""}, ASSISTANT], "^turn 2 is the assistant's before any"),
        ([USER, ASSISTANT, SYSTEM, USER, ASSISTANT], "^turn 3 is the system's, and only the first may be"),
    ],
)
def test_what_is_no_conversation_says_which_turn_and_what_to_do(value: Any, sentence: str) -> None:
    with pytest.raises(TurnsError, match=sentence):
        read_turns(value)
