"""Where in a rendered conversation the answers stand, whatever the template: what a language model has to write.

An answer begins where the text ends that the model is given, i.e. the turns before it with the generation prompt, and
ends with the token that ends a turn. Both are found by rendering: no template is known by name. Texts only, no tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from re import Pattern

from ftlab.errors import DataError
from ftlab.prompts.chat import ChatTemplate, RenderError
from ftlab.prompts.turns import Turn

_ASKS, _ANSWERS = "Zqxasks", "Zqxanswers"  # stand for a question and an answer; no template writes them by itself


@dataclass(frozen=True, slots=True)
class Span:
    """One answer: ``text[start:end]`` of its conversation."""

    start: int
    end: int
    closed: bool  # the text ends with the token that ends a turn


@dataclass(frozen=True, slots=True)
class Rendered:
    """A conversation as text, with its answers in order; the last turn's is the last."""

    text: str
    spans: list[Span]


class AnswerFinder:
    """Finds the answers in what one template writes for one tokenizer.

    ``end``: what the template writes after an answer, up to the first token that can be no text (``<|im_end|>``, or a
    blank and ``</s>``); None: it writes no such token.

    Args:
        template: of the conversations.
        special_tokens: by name, as the tokenizer has them.
        control: matches the tokens that are no text; no turn holds one unmarked.

    Raises:
        DataError: the template leaves answers out, or fails on a question with an answer.
    """

    def __init__(self, template: ChatTemplate, special_tokens: Mapping[str, str], control: Pattern[str]) -> None:
        self._template = template
        self._special = special_tokens
        asked = [Turn("user", _ASKS)]
        text = self._render([*asked, Turn("assistant", _ANSWERS)])
        place = text.find(_ANSWERS)
        if place < 0:
            raise DataError(
                f"{template.called} leaves the assistant's answers out, so nothing could be learned; "
                "type model.chat_template=chatml"
            )
        rest = text[place + len(_ANSWERS) :]
        found = control.search(rest)
        self.end: str | None = rest[: found.end()] if found else None
        self.end_token: str | None = found.group() if found else None
        self._opens = self._can_open(asked, text[:place], control)

    def _render(self, turns: Sequence[Turn], opened: bool = False) -> str:
        return self._template.render(turns, add_generation_prompt=opened, special_tokens=self._special)

    def _can_open(self, asked: list[Turn], before: str, control: Pattern[str]) -> bool:
        """Say whether the generation prompt is what stands before an answer, all but what the model writes itself."""
        try:
            opened = self._render(asked, opened=True)
        except RenderError:
            return False  # written for whole conversations only; ``opening`` then cuts one off at its answer
        if not before.startswith(opened):
            return False
        left = before[len(opened) :]
        # A template without generation prompts may still need none, as Llama 2's.
        return opened != self._render(asked) or not (left.strip() or control.search(left))

    def opening(self, turns: Sequence[Turn]) -> str:
        """Return the text a model is given to answer ``turns``, up to and including what opens its answer.

        Raises:
            RenderError: the template fails on the turns.
        """
        if self._opens:
            return self._render(turns, opened=True)
        text = self._render([*turns, Turn("assistant", _ANSWERS)])
        place = text.rfind(_ANSWERS)
        if place < 0:
            raise RenderError(
                f"{self._template.called} leaves out the answer to {len(turns)} turns; type model.chat_template=chatml"
            )
        return text[:place]

    def find(self, turns: Sequence[Turn]) -> Rendered:
        """Return the text of a conversation that ends with an answer, and where its answers stand.

        An earlier answer that the template leaves out, as some do with long thoughts, has no span.

        Raises:
            RenderError: the template fails on the turns, or leaves the last answer out.
        """
        text = self._render(turns)
        starts: list[tuple[int, int]] = []  # turn, place
        for number, turn in enumerate(turns):
            if turn.role == "assistant":
                place = self._start(text, turns, number, starts[-1][1] if starts else 0)
                if place is not None:
                    starts.append((number, place))
        bounds = [place for _, place in starts[1:]] + [len(text)]
        spans = []
        for (number, place), bound in zip(starts, bounds, strict=True):
            span = self._span(text, place, bound, turns[number].content)
            if text[span.start : span.end - len(self.end or "") * span.closed].strip():
                spans.append((number, span))
        if not spans or spans[-1][0] != len(turns) - 1:
            raise RenderError(
                f"{self._template.called} leaves its last answer out, so nothing could be learned; "
                "type model.chat_template=chatml, or delete the row"
            )
        return Rendered(text, [span for _, span in spans])

    def _start(self, text: str, turns: Sequence[Turn], number: int, floor: int) -> int | None:
        """Return where the answer of a turn begins, after ``floor``; None where it is not there."""
        if self._opens:
            opening = self._render(turns[:number], opened=True)
            if text.startswith(opening) and len(opening) >= floor:
                return len(opening)
        stand_in = [*turns[:number], replace(turns[number], content=_ANSWERS), *turns[number + 1 :]]
        place = (other := self._render(stand_in)).find(_ANSWERS)
        if place >= floor and text.startswith(other[:place]):
            return place
        place = text.find(turns[number].content.strip(), floor)
        return None if place < 0 else place

    def _span(self, text: str, start: int, bound: int, content: str) -> Span:
        if self.end is not None and (place := text.find(self.end, start, bound)) >= 0:
            return Span(start, place + len(self.end), closed=True)
        for said in (content, content.strip()):
            if (place := text.find(said, start, bound)) >= 0:
                return Span(start, place + len(said), closed=False)
        return Span(start, start, closed=False)
