"""Answers to test rows: written, scored, and told row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.decoding.writing import Generated
from ftlab.generator import TorchGenerator
from ftlab.metrics.generation.json_answers import JsonSchema, load_schema
from ftlab.metrics.generation.scoring import Row, score_generations
from ftlab.metrics.generation.statistics import LOSS_SUM, SUPERVISED_TOKENS, TEACHER_FORCED
from ftlab.modules.lm_scores import LmScores
from ftlab.schema import GenerationConfig


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote to M of the test rows, and how near it came.

    ``metrics``: of the answers, and of the teacher-forced ones. ``statistics``: the numbers of each row, from which
    their intervals come.
    """

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))  # (M,) positions of the rows
    answers: list[Generated] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    statistics: list[Row] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The answers."""
        return [answer.text for answer in self.answers]

    @property
    def mean_tokens(self) -> float | None:
        """Tokens per answer; None without answers."""
        return float(np.mean([answer.completion_tokens for answer in self.answers])) if self.answers else None


def is_wanted(options: GenerationConfig) -> bool:
    """Return whether test rows are answered."""
    return options.enabled in ("auto", True) and options.limit != 0


def chosen_rows(count: int, limit: int | None) -> NDArray[np.int64]:
    """Return the positions of the rows that are answered: evenly spread over ``count``, the same for every model."""
    number = count if limit is None else min(limit, count)
    return np.unique(np.linspace(0, count - 1, number).round().astype(np.int64)) if number else np.zeros(0, np.int64)


def write_answers(
    generator: TorchGenerator, data: LmDataModule, scores: LmScores, options: GenerationConfig
) -> Written:
    """Answer test rows and score what was written; teacher-forced answers too where ``scores`` has the tokens."""
    rows = chosen_rows(len(data.tokens("test")), options.limit)
    if not len(rows):
        return Written()
    # On a CPU this takes minutes, in which nothing else is seen.
    print(f"writes answers to {len(rows)} test prompts, {options.max_new_tokens} tokens each at most", flush=True)
    prompts, references = data.prompts("test"), data.references("test")
    wished = [references[row] for row in rows]
    answers = generator.generate([prompts[row] for row in rows])
    found = score_generations(
        [answer.text for answer in answers],
        wished,
        json_schema=_schema(options),
        generated_tokens=[answer.completion_tokens for answer in answers],
        cut=[answer.stopped == "length" for answer in answers],
    )
    metrics, statistics = found.metrics, found.rows
    if scores.argmax is not None:
        forced = score_generations(_teacher_forced(generator, data, scores.argmax, rows), wished, suffix=TEACHER_FORCED)
        metrics = {**metrics, **forced.metrics}
        statistics = [{**row, **more} for row, more in zip(statistics, forced.rows, strict=True)]
    return Written(rows, answers, metrics, statistics)


def _teacher_forced(
    generator: TorchGenerator, data: LmDataModule, argmax: Sequence[NDArray[np.int32]], rows: NDArray[np.int64]
) -> list[str]:
    """Return the likeliest tokens of each (last) answer, each given what really stood before it, as text."""
    tokens = data.tokens("test")
    found = []
    for row in rows.tolist():
        _, supervised = tokens.row(row)
        before = int(supervised[: tokens.prompt_lengths[row]].sum())  # of earlier turns
        found.append(argmax[row][before:].tolist())
    decoded: list[str] = generator.tokenizer.batch_decode(
        found, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return decoded


def _schema(options: GenerationConfig) -> JsonSchema | None:
    return None if options.json_schema is None else load_schema(options.json_schema)


def columns(scores: LmScores, written: Written | None) -> dict[str, Any]:
    """Return the numbers of each of the N test rows by name, (N,) each; NaN where a row was not answered."""
    found: dict[str, Any] = {LOSS_SUM: scores.loss_sums, SUPERVISED_TOKENS: scores.supervised_tokens}
    if written is None:
        return found
    for name in written.statistics[0] if written.statistics else []:
        values = np.full(len(scores.row_ids), np.nan)
        values[written.rows] = [row[name] for row in written.statistics]
        found[name] = values
    return found
