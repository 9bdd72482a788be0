"""Networks with virtual tokens in front, wrapped by peft itself."""

from __future__ import annotations

import copy
from typing import Any

import torch
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model

METHODS: dict[str, Any] = {
    "prompt_tuning": PromptTuningConfig,
    "p_tuning": lambda **options: PromptEncoderConfig(encoder_hidden_size=8, **options),
    "prefix_tuning": PrefixTuningConfig,
}


def soften(net: Any, method: str, tokens: int = 4, task: str = "CAUSAL_LM", **options: Any) -> Any:
    """Return a copy of ``net`` behind random virtual tokens that tell on its output, in the same mode."""
    made: Any = get_peft_model(
        copy.deepcopy(net), METHODS[method](task_type=task, num_virtual_tokens=tokens, **options)
    )
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in made.prompt_encoder.parameters():
            parameter.normal_(0, 0.5, generator=generator)
    return made.train(net.training)
