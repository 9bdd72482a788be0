"""Text as it is written: whole characters, and nothing of a stop string."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import ftlab.models
from ftlab.decoding.generate import generate
from ftlab.decoding.pieces import Pieces, decode
from ftlab.decoding.stream import stream
from ftlab.schema import GenerationConfig

CPU = torch.device("cpu")
BYTES = Path(ftlab.models.__file__).parent / "bytes"
TOKENIZER = AutoTokenizer.from_pretrained(BYTES)


def bytes_of(text: str) -> list[int]:
    return list(TOKENIZER(text, add_special_tokens=False)["input_ids"])


def run(text: str, *stops: str) -> tuple[list[str], Pieces]:
    pieces = Pieces(TOKENIZER, stops)
    given = []
    for token in bytes_of(text):
        given.append(pieces.push(token))
        if pieces.stopped:
            break
    return [*given, pieces.end()], pieces


def test_a_character_comes_when_its_last_byte_has_come() -> None:
    pieces = Pieces(TOKENIZER)
    euro = TOKENIZER.convert_tokens_to_ids(
        ["â", "Ĥ", "¬"]
    )  # the three bytes of one character, as the byte level names them
    assert TOKENIZER.decode(euro) == "€"
    assert [pieces.push(token) for token in euro] == ["", "", "€"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=30))
def test_pieces_together_are_the_text(text: str) -> None:
    given_, pieces = run(text)
    assert "".join(given_) == pieces.text == decode(TOKENIZER, bytes_of(text))
    assert not any("\ufffd" in piece for piece in given_)


@given(st.text("ab€\n", max_size=20), st.lists(st.text("ab€\n", min_size=1, max_size=4), max_size=3))
@example("\nab", ["a", "\nab"])  # one token completes both
def test_text_ends_before_the_first_stop_string_to_be_complete(text: str, stops: list[str]) -> None:
    given_, pieces = run(text, *stops)
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    expected = text
    if ends:  # what stood there when the first of them was whole
        written = text[: min(ends)]
        expected = written[: min(written.find(stop) for stop in stops if stop in written)]
    assert "".join(given_) == pieces.text == expected
    assert pieces.stopped == bool(ends)


def test_what_may_begin_a_stop_string_is_held_back_until_it_is_sure() -> None:
    given_, _ = run("say EN, then END.", "END")
    assert "".join(given_) == "say EN, then "
    assert all("E" not in piece or piece.startswith("EN,") for piece in given_)


def test_a_beginning_of_a_stop_string_at_the_end_is_text() -> None:
    assert "".join(run("the EN", "END")[0]) == "the EN"


def test_a_half_character_at_the_end_is_left_out() -> None:
    pieces = Pieces(TOKENIZER)
    euro = bytes_of("ok €")
    text = "".join(pieces.push(token) for token in euro[:-1]) + pieces.end()
    assert text == "ok "


@pytest.fixture(scope="module")
def net() -> Any:
    torch.manual_seed(3)
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96, "vocab_size": 2048, "initializer_range": 0.3}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model("gpt2", **shape)).eval()


@pytest.mark.parametrize("options", [{}, {"do_sample": True, "seed": 2}, {"stop": ["%", "'"]}, {"max_new_tokens": 1}])
def test_pieces_of_a_stream_are_the_answer_of_generate(net: Any, options: dict[str, Any]) -> None:
    config = GenerationConfig(**{"max_new_tokens": 40, **options})
    pieces, running = [], stream(net, bytes_of("Tell me"), config, TOKENIZER, CPU)
    while True:
        try:
            pieces.append(next(running))
        except StopIteration as end:
            whole = end.value
            break
    assert [whole] == generate(net, [bytes_of("Tell me")], config, TOKENIZER, CPU, 1000)
    assert "".join(pieces) == whole.text
    assert "" not in pieces


def test_a_stream_does_not_change_the_mode_of_its_caller(net: Any) -> None:
    running = stream(net, bytes_of("Tell me"), GenerationConfig(max_new_tokens=40), TOKENIZER, CPU)
    next(running)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
