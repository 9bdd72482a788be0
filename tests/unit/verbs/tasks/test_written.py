"""Which test rows are answered, and which tokens are a teacher-forced answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ftlab.decoding.writing import Generated
from ftlab.modules.lm_scores import LmScores
from ftlab.schema import GenerationConfig
from ftlab.verbs.tasks import written
from ftlab.verbs.tasks.written import Written, chosen_rows, columns, is_wanted


@pytest.mark.parametrize(
    ("count", "limit", "wanted"),
    [
        (5, None, [0, 1, 2, 3, 4]),
        (5, 9, [0, 1, 2, 3, 4]),
        (9, 3, [0, 4, 8]),
        (8, 4, [0, 2, 5, 7]),
        (4, 1, [0]),
        (4, 0, []),
        (0, 3, []),
        (0, None, []),
    ],
)
def test_rows_are_spread_from_the_first_to_the_last(count: int, limit: int | None, wanted: list[int]) -> None:
    assert chosen_rows(count, limit).tolist() == wanted


@pytest.mark.parametrize("count", range(1, 60, 7))
@pytest.mark.parametrize("limit", range(1, 60, 7))
def test_as_many_rows_as_asked_for_none_twice(count: int, limit: int) -> None:
    rows = chosen_rows(count, limit)
    assert len(set(rows.tolist())) == len(rows) == min(count, limit) and rows.min() >= 0 and rows.max() < count


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"enabled": True}, True),
        ({"enabled": False}, False),
        ({"limit": 0}, False),
        ({"limit": None}, True),
    ],
)
def test_answers_are_wanted_unless_turned_off_or_none_are_left(options: dict[str, Any], wanted: bool) -> None:
    assert is_wanted(GenerationConfig(**options)) is wanted


class Tokens:
    """Row 0: a prompt of 2 and an answer of 2; row 1: two answers, of 1 and of 3, the last behind 5 tokens."""

    supervised = ([0, 0, 1, 1], [0, 1, 0, 0, 0, 1, 1, 1])
    prompt_lengths = np.array([2, 5])

    def __len__(self) -> int:
        return 2

    def row(self, number: int) -> tuple[None, Any]:
        return None, np.array(self.supervised[number], bool)


DATA: Any = SimpleNamespace(
    tokens=lambda split: Tokens(),
    prompts=lambda split: [[1, 2], [1, 2, 3, 4, 5]],
    references=lambda split: ["10 11", "21 22 23"],
)
SCORES = LmScores(
    row_ids=np.arange(2),
    loss_sums=np.array([1.0, 2.0]),
    supervised_tokens=np.array([2, 4]),
    argmax=[np.array([10, 11], np.int32), np.array([20, 21, 22, 99], np.int32)],
)


class Generator:
    """Writes the length of the prompt."""

    tokenizer = SimpleNamespace(batch_decode=lambda rows, **options: [" ".join(map(str, row)) for row in rows])

    def generate(self, prompts: list[list[int]]) -> list[Generated]:
        found = []
        for prompt in prompts:
            stopped = "length" if len(prompt) > 2 else "eos"
            given = {"ids": [7], "text": str(len(prompt)), "prompt_tokens": len(prompt), "completion_tokens": 3}
            found.append(Generated(**given, stopped=stopped))  # type: ignore[arg-type]
        return found


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is given to the metrics, which are heavy and tested elsewhere."""
    seen: list[tuple[Any, ...]] = []

    def score(generations: list[str], references: list[str], *, suffix: str = "", **more: Any) -> Any:
        seen.append((generations, references, suffix, more))
        rows = [{f"same{suffix}": float(a == b)} for a, b in zip(generations, references, strict=True)]
        return SimpleNamespace(
            metrics={f"same{suffix}": np.mean([*map(lambda r: r[f"same{suffix}"], rows)])}, rows=rows
        )

    monkeypatch.setattr(written, "score_generations", score)
    return seen


def test_a_teacher_forced_answer_is_that_of_the_last_turn_alone(scored: list[tuple[Any, ...]]) -> None:
    found = written.write_answers(Generator(), DATA, SCORES, GenerationConfig())  # type: ignore[arg-type]
    (free, wished, _, more), (forced, again, suffix, nothing) = scored
    assert free == ["2", "5"] and more["cut"] == [False, True] and more["generated_tokens"] == [3, 3]
    assert forced == ["10 11", "21 22 99"], "of row 1, the first answer's token is left out"
    assert wished == again == ["10 11", "21 22 23"] and suffix == "_teacher_forced" and not nothing
    assert found.metrics == {"same": 0, "same_teacher_forced": 0.5} and found.mean_tokens == 3
    assert found.statistics[0] == {"same": 0.0, "same_teacher_forced": 1.0}


def test_without_tokens_of_the_pass_nothing_is_teacher_forced(scored: list[tuple[Any, ...]]) -> None:
    bare = LmScores(SCORES.row_ids, SCORES.loss_sums, SCORES.supervised_tokens, None)
    assert set(written.write_answers(Generator(), DATA, bare, GenerationConfig()).metrics) == {"same"}  # type: ignore[arg-type]


def test_columns_have_a_hole_where_a_row_was_not_answered(scored: list[tuple[Any, ...]]) -> None:
    found = written.write_answers(Generator(), DATA, SCORES, GenerationConfig(limit=1))  # type: ignore[arg-type]
    held = columns(SCORES, found)
    assert held["loss_sum"].tolist() == [1.0, 2.0] and held["supervised_tokens"].tolist() == [2, 4]
    assert held["same_teacher_forced"][0] == 1.0 and np.isnan(held["same_teacher_forced"][1])
    assert set(columns(SCORES, None)) == set(columns(SCORES, Written())) == {"loss_sum", "supervised_tokens"}


def test_nothing_written_has_no_length() -> None:
    assert Written().mean_tokens is None and Written().texts == []
