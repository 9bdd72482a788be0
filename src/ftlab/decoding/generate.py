"""Many prompts, one answer each: batches of like length, left-padded, with a cache; what has ended leaves the batch.

transformers' own ``generate`` is not called: it keeps computing rows that have ended, draws the random numbers of a
batch from one stream, and cannot be timed token by token. Quality, latency, ``predict`` and ``chat`` all go through
``steps``.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import nn

from ftlab.decoding.decoder import Decoder, context_tokens
from ftlab.decoding.ends import Ends, find_ends
from ftlab.decoding.sampling import choose
from ftlab.decoding.writing import Generated, Writing
from ftlab.measure.memory import is_out_of_memory
from ftlab.prompts.special import begin_id, end_id
from ftlab.schema import GenerationConfig

Ids = Sequence[int]  # token numbers: a list, or an array of integers


def generate(
    net: nn.Module,
    prompts: Sequence[Ids],
    options: GenerationConfig,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no base class
    device: torch.device,
    batch_tokens: int,
    *,
    ends: Ends | None = None,
    max_prompt: int | None = None,
) -> list[Generated]:
    """Return one answer per prompt, in their order.

    Greedy answers in float32 do not depend on the batch size but for rounding; sampled ones have their own random
    numbers per row. A prompt longer than the context leaves loses its beginning, never so much that prompt and answer
    pass the last position.

    Args:
        net: a causal language model in eval mode on ``device``; PeftModel too, with virtual tokens as well.
        prompts: token numbers of each.
        options: ``generation`` of the configuration; at most ``batch_size`` prompts a batch.
        tokenizer: makes text of tokens.
        device: of ``net``.
        batch_tokens: per batch, padding and answers included; where memory runs out, batches are halved.
        ends: what ends answers; None: as ``find_ends`` says.
        max_prompt: tokens of a prompt, at most; None: as many as the context has room for.
    """
    ends = ends or find_ends(net, tokenizer, options.stop)
    waiting = batches([len(prompt) for prompt in prompts], options, batch_tokens)[::-1]
    done: list[Generated | None] = [None] * len(prompts)
    while waiting:
        rows = waiting.pop()
        answers = open_answers(net, {row: prompts[row] for row in rows}, options, tokenizer, ends, max_prompt)
        try:
            for _ in steps(net, answers, options, tokenizer, device):
                pass
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if len(rows) == 1 or not is_out_of_memory(error):
                raise  # one prompt alone does not fit
            waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
            continue
        for answer in answers:
            done[answer.row] = answer.finished()
    return [answer for answer in done if answer is not None]


def open_answers(
    net: nn.Module,
    prompts: dict[int, Ids],
    options: GenerationConfig,
    tokenizer: Any,  # noqa: ANN401
    ends: Ends,
    max_prompt: int | None,
    *,
    follow: bool = False,
) -> list[Writing]:
    """Return an empty answer for each prompt (row -> tokens), with the prompt cut to what there is room for."""
    context, most = context_tokens(net), prompt_room(net, options, max_prompt)
    answers = []
    for row, prompt in prompts.items():
        ids = list(map(int, prompt)) or [_opening(tokenizer)]
        read = ids if most is None else ids[-most:]
        left = options.max_new_tokens if context is None else min(options.max_new_tokens, context - len(read))
        cut = len(ids) - len(read)
        answers.append(Writing(row, read, cut, left, ends, tokenizer, options.seed, follow=follow))
    return answers


def prompt_room(net: nn.Module, options: GenerationConfig, max_prompt: int | None) -> int | None:
    """Return how many tokens of a prompt are read, 1 at least; None: all of them, however many."""
    context = context_tokens(net)
    if context is None:
        return None if max_prompt is None else max(max_prompt, 1)
    # Half of the context is the prompt's, however long an answer is allowed to be.
    room = context - min(options.max_new_tokens, max(context // 2, 1))
    return max(room if max_prompt is None else min(room, max_prompt), 1)


def steps(
    net: nn.Module,
    answers: Sequence[Writing],
    options: GenerationConfig,
    tokenizer: Any,  # noqa: ANN401
    device: torch.device,
) -> Generator[list[str], None, None]:
    """Write ``answers`` to their end, one token each a step; rows that have ended are computed no more.

    Yields:
        After each step the text it made sure in each row still written before it, where text is followed.
    """
    running = list(answers)
    room = max(answer.limit for answer in answers)
    with torch.inference_mode():
        decoder = Decoder(net, [answer.prompt for answer in running], room, tokenizer.pad_token_id or 0, device)
    while True:
        with torch.inference_mode():  # not around a yield: it would hold in the caller as well
            tokens = choose(decoder.logits, options, [answer.source for answer in running])
        yield [answer.add(token) for answer, token in zip(running, tokens.tolist(), strict=True)]
        going = [place for place, answer in enumerate(running) if answer.stopped is None]
        if not going:
            return
        with torch.inference_mode():
            if len(going) < len(running):
                kept = torch.tensor(going, device=device)
                decoder.keep(kept)
                tokens, running = tokens[kept], [running[place] for place in going]
            decoder.step(tokens)


def batches(lengths: Sequence[int], options: GenerationConfig, batch_tokens: int) -> list[list[int]]:
    """Return the rows of each batch, from the longest prompts to the shortest, so that what does not fit is met first.

    Args:
        lengths: tokens per prompt.
        options: at most ``batch_size`` rows a batch.
        batch_tokens: padding and the longest answers included; one row is always taken.
    """
    found: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        longest = lengths[found[-1][0]] + options.max_new_tokens if found else 0
        if found and len(found[-1]) < options.batch_size and (len(found[-1]) + 1) * longest <= batch_tokens:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _opening(tokenizer: Any) -> int:  # noqa: ANN401
    """Return what an empty prompt begins with."""
    known = (begin_id(tokenizer), end_id(tokenizer), tokenizer.pad_token_id, 0)
    return next(int(number) for number in known if number is not None)
