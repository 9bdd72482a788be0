"""An example as pieces of text, prompts and answers in turn, of which the last is the answer to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.datasets.examples import Example
from ftlab.datasets.lm_encode import Encoder
from ftlab.prompts.answers import AnswerFinder
from ftlab.prompts.chat import ChatTemplate
from ftlab.prompts.turns import Turn


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text that is tokenised by itself, so that no token is half prompt and half answer."""

    text: str
    is_answer: bool
    before: int | None = None  # id of a control token that begins it, where the text itself does not hold it
    after: int | None = None  # and of one that ends it


class Writer:
    """Writes examples as a model reads them.

    Args:
        encoder: of the model's tokenizer.
        template: of conversations.

    Raises:
        DataError: the template leaves answers out, or fails.
    """

    def __init__(self, encoder: Encoder, template: ChatTemplate) -> None:
        self.encoder = encoder
        self.raw_pairs = not template.chosen
        self._bos = encoder.bos if encoder.begins else None
        self.finder = AnswerFinder(template, encoder.special_tokens(), encoder.control)

    def ends(self) -> list[int]:
        """Return the ids that end an answer: the template's, and the one that ends a text."""
        token = self.finder.end_token
        found = [] if token is None else [self.encoder.token_id(token)]
        return found + [number for number in [self.encoder.eos] if number is not None and number not in found]

    def pieces(self, example: Example) -> list[Piece]:
        """Return the pieces of a conversation, or of a prompt with its completion.

        Raises:
            RenderError: the template fails, or leaves the last answer out.
        """
        if not example.turns and self.raw_pairs:
            assert example.prompt is not None and example.completion is not None, "plain text has no answer"
            prompt, completion = self.encoder.as_text(example.prompt), self.encoder.as_text(example.completion)
            return [Piece(prompt, False, self._bos), Piece(completion, True, after=self.encoder.eos)]
        rendered = self.finder.find([Turn(t.role, self.encoder.as_text(t.content)) for t in _turns(example)])
        pieces, cursor = [], 0
        for span in rendered.spans:
            pieces.append(Piece(rendered.text[cursor : span.start], False))
            last = span is rendered.spans[-1]
            ending = self.encoder.eos if last and not span.closed else None
            pieces.append(Piece(rendered.text[span.start : span.end], True, after=ending))
            cursor = span.end
        # What a template writes behind the last answer is left out: nothing is learned from it.
        return pieces

    def prompt(self, text: str, raw: bool) -> list[int]:
        """Return the ids a model is given to answer ``text``.

        Args:
            text: a question, or how a text begins.
            raw: it is given as it stands, as in a data set of prompts or of plain texts.
        """
        marked = self.encoder.as_text(text)
        if raw:
            return [number for number in [self._bos] if number is not None] + self.encoder.encode([marked])[0]
        return self.encoder.encode([self.finder.opening([Turn("user", marked)])])[0]


def _turns(example: Example) -> Sequence[Turn]:
    if example.turns:
        return example.turns
    assert example.prompt is not None and example.completion is not None, "plain text has no turns"
    return Turn("user", example.prompt), Turn("assistant", example.completion)
