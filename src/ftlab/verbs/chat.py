"""``ftlab chat <run>``: a conversation in the terminal with a model that writes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from omegaconf import DictConfig, OmegaConf

from ftlab.decoding.options import seeded
from ftlab.finished import open_run
from ftlab.prompts.turns import Turn
from ftlab.schema import ChatConfig
from ftlab.verbs.loading import load_writer, writes

if TYPE_CHECKING:
    from ftlab.generator import TorchGenerator

_HELP = "/reset forgets the conversation, /exit (or Ctrl-D) ends it; Ctrl-C ends an answer"


def chat(cfg: DictConfig) -> None:
    """Read lines and answer each, with what was said before, until the input ends.

    Raises:
        DataError: the folder is no finished run.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, ChatConfig)
    folder, record = open_run(settings.run, settings.output_dir)
    assert writes(record), "the check refuses the others"
    options = seeded(settings.generation, 0)
    generator = load_writer(folder, record, settings.device, options)
    talk = Conversation(generator, settings.system, plain=record.prompt.get("style") == "plain")
    spoken = sys.stdin.isatty()
    if spoken:
        kind = "each line is continued as a text" if talk.plain else f"template: {generator.template.name}"
        print(f"{record.run.name} on {generator.device}, {generator.precision}; {kind}\n{_HELP}", flush=True)
    converse(talk, _lines(spoken), sys.stdout)


class Conversation:
    """What was said, and what answers.

    Args:
        generator: the model.
        system: what it is told first; None: nothing.
        plain: it learned no conversations: each text is continued by itself.
    """

    def __init__(self, generator: TorchGenerator, system: str | None, *, plain: bool) -> None:
        self._generator, self.plain = generator, plain
        self._opening = [] if system is None else [Turn("system", system)]
        self._turns: list[Turn] = []
        self.dropped = 0  # turns that the context had no room for any more, since the last answer

    def reset(self) -> None:
        """Forget what was said, but not what the model is told first."""
        self._turns = []

    def answer(self, text: str) -> Iterator[str]:
        """Yield the answer to ``text`` piece by piece; what was yielded is remembered, also where it is broken off."""
        self._turns.append(Turn("user", text))
        said: list[str] = []
        try:
            for piece in self._generator.stream(self._prompt(text)):
                said.append(piece)
                yield piece
        finally:
            self._turns.append(Turn("assistant", "".join(said)))

    def _prompt(self, text: str) -> list[int]:
        self.dropped = 0
        if self.plain:
            return self._generator.text_prompt(text, raw=True)
        found = self._generator.chat_prompt([*self._opening, *self._turns])
        while len(found) > self._generator.prompt_room and len(self._turns) > 2:
            del self._turns[:2]  # question and answer together: templates want them in turn
            self.dropped += 2
            found = self._generator.chat_prompt([*self._opening, *self._turns])
        return found


def converse(talk: Conversation, lines: Iterator[str], out: TextIO) -> None:
    """Answer each line on ``out``; ``/reset`` and ``/exit`` are commands."""
    say: Callable[[str], object] = lambda text: (out.write(text), out.flush())  # noqa: E731
    for line in lines:
        text = line.strip()
        if text == "/exit":
            return
        if text == "/reset":
            talk.reset()
            say("(forgotten)\n")
        elif text.startswith("/"):
            say(f"({text.split()[0]} is no command; {_HELP})\n")
        elif text:
            try:
                for piece in talk.answer(text):
                    say(piece)
            except KeyboardInterrupt:
                say(" (broken off)")
            say("\n")
            if talk.dropped:
                say(f"(the context is full: the oldest {talk.dropped} turns are left out)\n")


def _lines(spoken: bool) -> Iterator[str]:
    """Yield what is typed, with a prompt and a history of lines, or what is piped in."""
    if not spoken:
        yield from sys.stdin
        return
    import readline  # noqa: F401 - input() then edits lines

    while True:
        try:
            yield input("\n> ")
        except EOFError:
            print(flush=True)
            return
        except KeyboardInterrupt:
            print(f"\n({_HELP})", flush=True)
