"""One prompt, and its answer as it is written."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import nn

from ftlab.decoding.ends import Ends, find_ends
from ftlab.decoding.generate import open_answers, steps
from ftlab.decoding.writing import Generated
from ftlab.schema import GenerationConfig


def stream(
    net: nn.Module,
    prompt: Sequence[int],
    options: GenerationConfig,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no base class
    device: torch.device,
    *,
    ends: Ends | None = None,
    max_prompt: int | None = None,
) -> Generator[str, None, Generated]:
    """Yield the text of the answer as soon as it is sure: no half character, nothing of a stop string.

    The pieces together are the text that ``generate`` gives for this prompt alone. Arguments as there.

    Returns:
        The whole answer, as the generator's value.
    """
    ends = ends or find_ends(net, tokenizer, options.stop)
    (answer,) = open_answers(net, {0: prompt}, options, tokenizer, ends, max_prompt, follow=True)
    for (piece,) in steps(net, [answer], options, tokenizer, device):
        if piece:
            yield piece
    return answer.finished()
