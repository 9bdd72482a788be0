"""How a model is asked, and how it writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class PromptConfig:
    """What stands around each text, and how a label is asked for. One YAML in ``conf/prompt`` each."""

    name: str = "none"  # none: nothing stands around a text
    instruction: str = ""  # comes first; {labels} in it becomes the answers, one after the other
    text_prefix: str = ""  # before each text
    text_pair_prefix: str = ""  # before the second text of a pair, on a new line
    label_prefix: str = ""  # after each text, on a new line; the answer follows
    separator: str = "\n\n"  # between instruction, examples and text
    verbalisers: dict[str, Any] = field(default_factory=dict)  # label: its answer, for all labels; {}: their names
    shots_per_class: int = 0  # examples per label, drawn from the train rows
    seed: int = 13  # of that draw and its order; they do not move with the training seed
    chat: Any = "auto"  # in the model's chat template: true, false; auto: where the model has its own
    calibration: str = "none"  # none, or contextual: answers favoured whatever the text are weighed down
    cache: bool = True  # compute what stands before each text once, not per text; the answers are the same


@dataclass
class GenerationConfig:
    """How a causal language model writes: in tests, in predict, in chat."""

    enabled: Any = "auto"  # write answers to test rows; auto: where the task is generation
    max_new_tokens: int = 128  # per answer, at most
    do_sample: bool = False  # False: the likeliest token each time (greedy)
    temperature: float = 1.0  # of sampling; below 1 keeps nearer to the likeliest
    top_p: float = 1.0  # draw from the likeliest tokens that hold this share of the probability
    top_k: int = 0  # draw from so many tokens, the likeliest; 0: from all
    stop: list[str] = field(default_factory=list)  # an answer ends before any of these strings
    batch_size: int = 16  # prompts
    limit: Optional[int] = 32  # test rows answered; None: all
    json_schema: Optional[str] = None  # a file: answers that are JSON are checked against this JSON schema
    table_rows: int = 8  # of the table of prompts, references and answers
    seed: Optional[int] = None  # of sampling; None: the run's
