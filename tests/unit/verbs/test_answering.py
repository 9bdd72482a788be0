"""What predict adds to a row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ftlab.verbs.answering import Labelling, Writing

LABELS = ["no", "yes"]


class Predictor:
    """Scores a text by its length."""

    labels, batch_tokens = LABELS, 64

    def __init__(self) -> None:
        self.sizes: list[int | None] = []

    def score(self, texts: list[str], batch_size: int | None) -> Any:
        self.sizes.append(batch_size)
        return np.array([[1000.0, 1000.0 + len(text) - 3] for text in texts]).reshape(-1, 2)


class Generator:
    """Writes the prompt backwards; a long one is cut."""

    batch_tokens = 64

    def text_prompt(self, text: str, *, raw: bool) -> str:
        return text if raw else f"<{text}>"

    def generate(self, prompts: list[str]) -> list[SimpleNamespace]:
        ends = {True: "length", False: "eos"}
        return [
            SimpleNamespace(text=one[::-1], stopped="stop" if "!" in one else ends[len(one) > 5]) for one in prompts
        ]


def test_labels_come_with_a_probability_each_that_add_up() -> None:
    predictor = Predictor()
    rows = Labelling(predictor, 7).rows(["a", "abc", "abcdef"])  # type: ignore[arg-type]
    assert [row[0] for row in rows] == ["no", "no", "yes"] and predictor.sizes == [7]
    assert [sum(row[1:]) for row in rows] == pytest.approx([1, 1, 1], abs=1e-5)
    assert rows[2][2] == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-5)
    assert all(float(f"{share:.6g}") == share for row in rows for share in row[1:]), "six digits"


def test_no_texts_no_rows() -> None:
    assert Labelling(Predictor(), None).rows([]) == []  # type: ignore[arg-type]
    assert Writing(Generator(), plain=True).rows([]) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("plain", "wanted"), [(True, ["fedcba", "cba"]), (False, [">fedcba<", ">cba<"])])
def test_texts_are_asked_as_the_model_learned_and_say_what_ended_them(plain: bool, wanted: list[str]) -> None:
    rows = Writing(Generator(), plain=plain).rows(["abcdef", "abc"])  # type: ignore[arg-type]
    assert rows == [[wanted[0], "length"], [wanted[1], "stop"]]


def test_a_stop_string_and_the_end_of_a_text_are_both_called_stop() -> None:
    assert [row[1] for row in Writing(Generator(), plain=True).rows(["a!", "a"])] == ["stop", "stop"]  # type: ignore[arg-type]


def test_columns_are_named_in_the_order_of_the_values() -> None:
    assert Labelling.columns("x_", LABELS) == {"x_prediction": str, "x_p_no": float, "x_p_yes": float}
    assert Writing.columns("x_") == {"x_prediction": str, "x_finish_reason": str}


@pytest.mark.parametrize("made", [Labelling(Predictor(), None), Writing(Generator(), plain=True)])  # type: ignore[arg-type]
def test_the_size_of_a_batch_is_that_of_the_model(made: Any) -> None:
    assert made.batch_tokens == 64
    made.batch_tokens = 32
    assert (made._predictor if isinstance(made, Labelling) else made._generator).batch_tokens == 32


def test_rows_are_counted_by_label_or_by_what_ended_them() -> None:
    assert Labelling(Predictor(), None).kind(["yes", 0.1, 0.9]) == "yes"  # type: ignore[arg-type]
    assert Writing(Generator(), plain=True).kind(["a text", "length"]) == "ended by length"  # type: ignore[arg-type]
