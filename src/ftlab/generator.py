"""Prompt in, answer out. Evaluate, predict, chat and the latency meter all go through it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ftlab.artefact import load_artefact
from ftlab.datasets.lm_encode import Encoder
from ftlab.datasets.lm_pieces import Writer
from ftlab.decoding import generate as engine
from ftlab.decoding.ends import NEVER, find_ends
from ftlab.decoding.stream import stream
from ftlab.decoding.writing import Generated
from ftlab.errors import DataError
from ftlab.models.tokenizer import own_template
from ftlab.prompts.chat import ChatTemplate, load_template
from ftlab.prompts.turns import Turn
from ftlab.schema import GenerationConfig
from ftlab.torch_model import TorchModel, weights_dtype

Prompt = str | Sequence[int]  # text as a template writes it, or token numbers
T = TypeVar("T")
R = TypeVar("R")

# Of a batch, answers included. What bounds it is the memory of keys and values: more rows cost a step next to nothing.
_BATCH_TOKENS = {"cuda": 65_536}
_OTHER_BATCH_TOKENS = 16_384


class TorchGenerator(TorchModel):
    """Writes with a causal language model in eager torch.

    Args:
        net: on ``device`` already, or moved there.
        tokenizer: a fast tokenizer.
        template: of conversations; what closes a turn in it ends an answer.
        max_length: tokens of a prompt; longer ones lose their beginning.
        device: where it runs.
        precision: Lightning's name; mixed precisions run under autocast, as in training.
        options: how it writes.
    """

    def __init__(
        self,
        net: nn.Module,
        tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful base class
        template: ChatTemplate,
        *,
        max_length: int,
        device: torch.device,
        precision: str = "32-true",
        options: GenerationConfig | None = None,
    ) -> None:
        super().__init__(net, tokenizer, max_length=max_length, device=device, precision=precision)
        self.template = template
        self.options = options or GenerationConfig()
        self.batch_tokens = _BATCH_TOKENS.get(device.type, _OTHER_BATCH_TOKENS)
        self._writer = Writer(Encoder(tokenizer), template)
        self.ends = find_ends(net, tokenizer, self.options.stop, self._writer.ends())

    @property
    def prompt_room(self) -> int:
        """Tokens of a prompt that are read; longer ones lose their beginning."""
        room = engine.prompt_room(self.net, self.options, self.max_length)
        assert room is not None, "max_length is a number"
        return room

    def generate(self, prompts: Sequence[Prompt]) -> list[Generated]:
        """Return one answer per prompt, in their order."""
        with self.autocast():
            return engine.generate(
                self.net,
                self.encode(prompts),
                self.options,
                self.tokenizer,
                self.device,
                self.batch_tokens,
                ends=self.ends,
                max_prompt=self.max_length,
            )

    def stream(self, prompt: Prompt) -> Generator[str, None, Generated]:
        """Yield the answer piece by piece as it is written; the generator's value is the whole."""
        (ids,) = self.encode([prompt])
        pieces = stream(
            self.net, ids, self.options, self.tokenizer, self.device, ends=self.ends, max_prompt=self.max_length
        )
        return self._in_autocast(pieces)

    def chat_prompt(self, turns: Sequence[Turn]) -> list[int]:
        """Return the tokens of a conversation, the oldest turn first, up to and including what opens the next answer.

        Raises:
            RenderError: the template refuses the conversation.
        """
        encoder = self._writer.encoder  # what looks like a control token in a turn is text
        marked = [Turn(turn.role, encoder.as_text(turn.content)) for turn in turns]
        return encoder.encode([self._writer.finder.opening(marked)])[0]

    def text_prompt(self, text: str, *, raw: bool) -> list[int]:
        """Return the tokens of a question, or with ``raw`` of how a text begins, which then stands by itself."""
        return self._writer.prompt(text, raw)

    def encode(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Return the tokens of each prompt; a text is taken as the template wrote it, nothing is put around it."""
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        encoded = iter(self._writer.encoder.encode(texts))
        return [next(encoded) if isinstance(prompt, str) else list(map(int, prompt)) for prompt in prompts]

    def as_text(self, prompt: Prompt) -> str:
        """Return a prompt as the text that ``encode`` takes: a request as it arrives."""
        if isinstance(prompt, str):
            return prompt
        ids = list(map(int, prompt))
        return str(self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def steps(self, encoded: Sequence[Sequence[int]], new_tokens: int) -> Generator[int, None, None]:
        """Write ``new_tokens`` to each prompt whatever would end it, as ``generate`` does, one token a step.

        Args:
            encoded: of ``encode``.
            new_tokens: fewer where the network has no positions for them.

        Yields:
            After each step, how many prompts got a token. After the last the answers have become text.
        """
        options = dataclasses.replace(self.options, max_new_tokens=new_tokens)
        prompts: dict[int, Sequence[int]] = dict(enumerate(encoded))
        answers = engine.open_answers(self.net, prompts, options, self.tokenizer, NEVER, self.max_length)
        for pieces in self._in_autocast(engine.steps(self.net, answers, options, self.tokenizer, self.device)):
            yield len(pieces)
        for answer in answers:
            answer.finished()

    def _in_autocast(self, inner: Generator[T, None, R]) -> Generator[T, None, R]:
        """Run ``inner`` under autocast, but not the caller between its items."""
        while True:
            with self.autocast():
                try:
                    item = next(inner)
                except StopIteration as end:
                    value: R = end.value
                    return value
            yield item


def load_generator(
    folder: Path,
    *,
    max_length: int,
    device: torch.device,
    precision: str = "32-true",
    attention: str = "sdpa",
    options: GenerationConfig | None = None,
) -> TorchGenerator:
    """Load the model folder ``folder`` for writing, with the template saved beside it.

    Raises:
        DataError, ModelError: the folder is not one ftlab wrote, or its base cannot be had.
    """
    loaded = load_artefact(folder, attention)
    if loaded.labels is not None:
        raise DataError(f"{folder} holds a classifier, which writes nothing; give a run that was taught to write")
    net = loaded.net.to(weights_dtype(precision))
    template = loaded.template or load_template(None, own_template(loaded.tokenizer))
    return TorchGenerator(
        net, loaded.tokenizer, template, max_length=max_length, device=device, precision=precision, options=options
    )
