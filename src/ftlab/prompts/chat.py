"""Chat templates: which one a model is taught with, and the text it makes of a conversation."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.errors import DataError, ModelError, did_you_mean
from ftlab.prompts.turns import Turn

FOLDER = Path(__file__).parent / "templates"
ENDING = ".jinja"
FALLBACK = "plain"  # of tokenizers that have none
OWN = "tokenizer"  # the name of a tokenizer's own
_LARGEST = 1_000_000  # bytes; the longest published ones have 20,000


class RenderError(DataError):
    """A template that fails on a conversation."""


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A jinja program that writes conversations as a model reads them."""

    name: str  # of a built-in one, the file as it was given, or "tokenizer"
    source: str
    sha256: str  # of the source
    chosen: bool = False  # model.chat_template named it: prompts and completions are then written by it too

    @property
    def called(self) -> str:
        """What sentences call it."""
        return "the tokenizer's chat template" if self.name == OWN else f"the chat template {self.name}"

    def render(self, turns: Sequence[Turn], *, add_generation_prompt: bool, special_tokens: Mapping[str, str]) -> str:
        """Return the text of a conversation.

        Args:
            turns: of it, the oldest first.
            add_generation_prompt: end with what opens an answer, where the template knows that.
            special_tokens: ``bos_token``, ``eos_token``, ... as the tokenizer names them.

        Raises:
            RenderError: the template refuses the conversation, or breaks on it.
        """
        from ftlab.prompts import rendering

        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            return rendering.run(self.source, messages, add_generation_prompt, special_tokens)
        except Exception as error:
            # A template is a program of someone else's: it can fail in any way.
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise RenderError(
                f"{self.called} fails ({why.rstrip('.')}); type model.chat_template="
                f"{'chatml' if self.name != 'chatml' else FALLBACK}, or change the turns"
            ) from error


def built_in() -> list[str]:
    """Return the names of the templates that ftlab brings."""
    return sorted(path.stem for path in FOLDER.glob(f"*{ENDING}"))


def template_faults(given: str | None) -> list[str]:
    """Return what is wrong with ``model.chat_template`` before any file is read; light enough for the check."""
    if given is None or given in built_in():
        return []
    known = f"{', '.join(built_in())}, or a file ending in {ENDING}"
    if not given.endswith(ENDING):
        near = did_you_mean(given, built_in()) or f"; type model.chat_template={FALLBACK}"
        return [f"model.chat_template={given} is none of {known}{near}"]
    path = Path(given).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        return [f"model.chat_template={given} {what}; give one of {known}"]
    return []


def load_template(given: str | None, own: str | Mapping[str, str] | None) -> ChatTemplate:
    """Return the template to teach with.

    Args:
        given: ``model.chat_template``: the name of a built-in one, or a file ending in ``.jinja``; None: the
            tokenizer's own, or, where it has none, ``plain``.
        own: the tokenizer's; where it has several by name, its default.

    Raises:
        ModelError: no such template, or it is no jinja.
    """
    if faults := template_faults(given):
        raise ModelError(*faults)
    if given is None and (source := own if isinstance(own, str) or own is None else own.get("default")):
        return _checked(ChatTemplate(OWN, source, _digest(source)), "the tokenizer's chat template")
    if given is None or not given.endswith(ENDING):
        name = given or FALLBACK
        source = (FOLDER / f"{name}{ENDING}").read_text(encoding="utf-8")
        return ChatTemplate(name, source, _digest(source), chosen=given is not None)
    source = _read(given)
    return _checked(ChatTemplate(given, source, _digest(source), chosen=True), f"model.chat_template={given}")


def _read(given: str) -> str:
    path = Path(given).expanduser()
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(
                f"model.chat_template={given} has more than {_LARGEST:,} bytes, so it is no chat template; type "
                f"model.chat_template={FALLBACK}"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"model.chat_template={given} cannot be read ({error}); give a file in UTF-8, or type "
            f"model.chat_template={FALLBACK}"
        ) from error


def _checked(template: ChatTemplate, what: str) -> ChatTemplate:
    from ftlab.prompts import rendering

    try:
        rendering.compile_template(template.source)
    except rendering.TemplateError as error:
        line = f"line {error.lineno}: " if isinstance(error, rendering.TemplateSyntaxError) else ""
        raise ModelError(
            f"{what} is no jinja template ({line}{error.message}); mend it, or type model.chat_template={FALLBACK}"
        ) from error
    return template


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
