"""In what order instruction, examples, text and answer stand, as running text or as turns of a conversation.

A layout alternates between *frame* and *content*: frame, content, frame, ..., frame. Contents are texts and answers;
what looks like a special token in them is text. Frames are what the prompt and the chat template put around them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftlab.errors import ConfigError
from ftlab.prompts.chat import ChatTemplate
from ftlab.prompts.turns import Turn
from ftlab.schema import PromptConfig

Text = str | tuple[str, str]  # a text, or a pair
# Private-use characters around a number: templates that strip or escape contents leave them alone.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_SLOT = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


@dataclass(frozen=True, slots=True)
class Shot:
    """An example: a text with its label."""

    text: Text
    label: str


def lay_out(
    cfg: PromptConfig,
    answers: Mapping[str, str],
    shots: Sequence[Shot],
    *,
    pairs: bool,
    template: ChatTemplate | None,
    special_tokens: Mapping[str, str],
) -> tuple[str, ...]:
    """Return frame, content, frame, ..., frame; the last contents are empty places: the text (or pair), the answer.

    Args:
        cfg: the prompt.
        answers: label -> verbaliser.
        shots: examples, in their order.
        pairs: texts come in pairs.
        template: None: as running text.
        special_tokens: of the tokenizer, which templates print.

    Raises:
        ConfigError: the template does not keep every text.
    """
    contents: list[str] = []

    def slot(content: str) -> str:
        contents.append(content)
        return f"{_OPEN}{len(contents) - 1}{_CLOSE}"

    def question(text: Text) -> str:
        parts = (text,) if isinstance(text, str) else text
        opened = [cfg.text_prefix + slot(parts[0]), *(cfg.text_pair_prefix + slot(second) for second in parts[1:])]
        return "\n".join([*opened, *([cfg.label_prefix] if cfg.label_prefix else [])])

    empty: Text = ("", "") if pairs else ""
    asked = [*((question(shot.text), slot(answers[shot.label])) for shot in shots), (question(empty), slot(""))]
    instruction = cfg.instruction.replace("{labels}", ", ".join(answers.values()))
    start = instruction + cfg.separator if instruction else ""
    if template is None:
        space = " " if cfg.label_prefix and not cfg.label_prefix[-1:].isspace() else "" if cfg.label_prefix else "\n"
        rendered = start + cfg.separator.join(f"{text}{space}{answer}" for text, answer in asked)
    else:
        rendered = _as_turns(start, asked, template, special_tokens)
    pieces = _SLOT.split(rendered)
    if [int(number) for number in pieces[1::2]] != list(range(len(contents))):
        called = template.name if template else "none"
        raise ConfigError(f"chat template {called} does not keep what prompt={cfg.name} says; type prompt.chat=false")
    frames = pieces[0::2]
    between = (part for frame, content in zip(frames, contents, strict=False) for part in (frame, content))
    return (*between, frames[-1])


def _as_turns(
    start: str, asked: Sequence[tuple[str, str]], template: ChatTemplate, special_tokens: Mapping[str, str]
) -> str:
    turns: list[Turn] = []
    for text, answer in asked[:-1]:
        turns += [Turn("user", text), Turn("assistant", answer)]
    text, answer = asked[-1]
    turns.append(Turn("user", text))
    turns[0] = Turn("user", start + turns[0].content)  # not a system turn: many templates refuse one
    return template.render(turns, add_generation_prompt=True, special_tokens=special_tokens) + answer


def spaced(pieces: Sequence[str]) -> tuple[str, ...]:
    """Return the same with the spaces at the end of a frame moved to the start of the content behind it.

    Tokenizers of running text keep a space with the word after it, so this is where a prompt may be cut in two.
    """
    moved = list(pieces)
    for i in range(0, len(moved) - 1, 2):
        bare = moved[i].rstrip(" ")
        moved[i], moved[i + 1] = bare, moved[i][len(bare) :] + moved[i + 1]
    return tuple(moved)
