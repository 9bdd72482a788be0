"""The prompt around labelled texts: made of its configuration and of train rows, and told in the record."""

from __future__ import annotations

from typing import Any

from ftlab.datasets.splits import Splits
from ftlab.models.tokenizer import own_template
from ftlab.prompts.chat import load_template
from ftlab.prompts.classification import ClassificationPrompt, template_of
from ftlab.prompts.few_shot import choose_shots
from ftlab.prompts.special import special_tokens
from ftlab.schema import PromptConfig


def make_prompt(
    cfg: PromptConfig,
    template: str | None,
    splits: Splits,
    tokenizer: Any,  # noqa: ANN401
    *,
    chat: bool = True,
) -> ClassificationPrompt:
    """Return the prompt with its examples, drawn from train.

    Args:
        cfg: of the run.
        template: ``model.chat_template``.
        splits: rows with labels.
        tokenizer: whose own chat template may be used.
        chat: whether the network converses at all; an encoder does not.
    """
    found = template_of(cfg, load_template(template, own_template(tokenizer))) if chat else None
    shots = choose_shots(splits.train, splits.labels, cfg.shots_per_class, cfg.seed, (splits.val, splits.test))
    return ClassificationPrompt.of(
        cfg,
        splits.labels,
        shots,
        pairs=splits.train.pairs is not None,
        template=found,
        special_tokens=None if found is None else special_tokens(tokenizer),
    )


def prompt_record(prompt: ClassificationPrompt, tokens: float, around: int, computed: float) -> dict[str, Any]:
    """Return what result.json tells of a prompt: its text too, since it is part of what was measured.

    Args:
        prompt: of the run.
        tokens: of a request, mean.
        around: tokens of it that are not the text's.
        computed: share of the tokens computed per request that are not the text's: less where a prefix is kept.
    """
    return {
        "name": prompt.name,
        "tokens_per_request": tokens,
        "prompt_tokens": around,
        "computed_share": computed,
        "shots": prompt.shots,
        "chat_template": prompt.template,
        "calibration": prompt.calibration,
        "cache": prompt.cache,
        "sha256": prompt.digest,
        "prefix": prompt.prefix,
        "suffix": prompt.after,
        "answers": dict(prompt.answers),
    }
