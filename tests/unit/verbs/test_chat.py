"""A conversation with a stand-in that says what it was asked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from ftlab.prompts.turns import Turn
from ftlab.verbs.chat import Conversation, converse


class Echo:
    """Reads a word a token, and answers with the number of words it read, in two pieces."""

    template = SimpleNamespace(name="plain")

    def __init__(self, room: int = 100) -> None:
        self.prompt_room, self.read = room, []

    def chat_prompt(self, turns: list[Turn]) -> list[str]:
        return " ".join(f"{turn.role}: {turn.content}" for turn in turns).split()

    def text_prompt(self, text: str, *, raw: bool) -> list[str]:
        assert raw
        return ["raw", *text.split()]

    def stream(self, prompt: list[str]) -> Iterator[str]:
        self.read.append(" ".join(prompt))
        yield "got"
        yield f"{len(prompt)}"


def said(generator: Echo, *lines: str, system: str | None = None, plain: bool = False) -> str:
    out = io.StringIO()
    converse(Conversation(generator, system, plain=plain), iter(f"{line}\n" for line in lines), out)  # type: ignore[arg-type]
    return out.getvalue()


def test_each_answer_follows_all_that_was_said() -> None:
    generator = Echo()
    assert said(generator, "one", "two", system="Be brief.") == "got5\ngot9\n"
    assert generator.read[1] == "system: Be brief. user: one assistant: got5 user: two"


def test_reset_forgets_all_but_what_the_model_is_told_first() -> None:
    generator = Echo()
    assert said(generator, "one", "/reset", "two", system="Be brief.") == "got5\n(forgotten)\ngot5\n"
    assert generator.read[1] == "system: Be brief. user: two"


def test_exit_ends_it_and_blank_lines_and_unknown_commands_ask_nothing() -> None:
    generator = Echo()
    out = said(generator, "", "  ", "/help me", "/exit", "one")
    assert out.startswith("(/help is no command; /reset forgets") and out.endswith(")\n") and not generator.read


def test_a_full_context_loses_questions_with_their_answers_the_oldest_first() -> None:
    generator = Echo(room=9)
    out = said(generator, "a b", "c d", "e f", system="S")
    assert generator.read == ["system: S user: a b", "system: S user: c d", "system: S user: e f"]
    told = "(the context is full: the oldest 2 turns are left out)\n"
    assert out == f"got5\ngot5\n{told}got5\n{told}"


def test_a_question_too_long_by_itself_is_asked_all_the_same() -> None:
    generator = Echo(room=3)
    assert said(generator, "a b c d e") == "got6\n"


def test_a_model_of_plain_texts_continues_each_line_by_itself() -> None:
    generator = Echo()
    assert said(generator, "one", "two words", plain=True) == "got2\ngot3\n"
    assert generator.read == ["raw one", "raw two words"]


def test_an_answer_that_is_broken_off_is_remembered_as_far_as_it_came() -> None:
    class Broken(Echo):
        def stream(self, prompt: list[str]) -> Iterator[str]:
            self.read.append(" ".join(prompt))
            yield "half"
            if len(self.read) == 1:
                raise KeyboardInterrupt

    generator = Broken()
    assert said(generator, "one", "two") == "half (broken off)\nhalf\n"
    assert generator.read[1] == "user: one assistant: half user: two"


@pytest.mark.parametrize("given", [[], ["/exit\n"]])
def test_nothing_asked_nothing_said(given: list[str]) -> None:
    out = io.StringIO()
    converse(Conversation(Echo(), None, plain=False), iter(given), out)  # type: ignore[arg-type]
    assert out.getvalue() == ""
