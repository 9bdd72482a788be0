from __future__ import annotations

from typing import Any

import pytest

from ftlab.datasets.lm_formats import check_options_fit, detect_format, detected
from ftlab.errors import ConfigError, DataError
from ftlab.schema import DatasetConfig


@pytest.mark.parametrize(
    ("columns", "options", "form"),
    [
        (["id", "messages"], {}, "messages"),
        (["conversations"], {}, "conversations"),
        (["chat"], {"messages_column": "chat"}, "messages"),
        (["instruction", "input", "output", "text"], {}, "alpaca"),
        (["prompt", "completion"], {}, "prompt_completion"),
        (["q", "a"], {"prompt_column": "q", "completion_column": "a"}, "prompt_completion"),
        (["text", "label"], {}, "text"),
        (["body"], {"text_column": "body"}, "text"),
        (["prompt", "messages"], {}, "messages"),
    ],
)
def test_columns_tell_the_format(columns: list[str], options: dict[str, Any], form: str) -> None:
    assert detect_format(columns, DatasetConfig(**options)) == form


@pytest.mark.parametrize(
    ("columns", "remedy"),
    [
        (["message"], r"type dataset\.messages_column=message where it holds"),
        (["id", "dialogue"], r"type dataset\.messages_column=dialogue"),
        (["question", "answer"], r"type dataset\.prompt_column=question dataset\.completion_column=answer$"),
        (["prompt", "response"], r"type dataset\.completion_column=response$"),
        (["instructions", "output"], r"type dataset\.prompt_column=|did you mean instruction\?"),
        (["sentence"], r"type dataset\.format=text dataset\.text_column=sentence$"),
        (["a", "b"], r"type dataset\.format=text dataset\.text_column=a$"),
    ],
)
def test_columns_that_fit_nothing_list_the_formats_and_what_to_type(columns: list[str], remedy: str) -> None:
    with pytest.raises(DataError, match=remedy) as error:
        detect_format(columns, where="a.jsonl")
    (sentence,) = error.value.sentences
    assert sentence.startswith(f"a.jsonl has the columns {', '.join(columns)}, which fit no format; ")
    assert "messages (messages), conversations (conversations), alpaca (instruction, output)" in sentence


@pytest.mark.parametrize(
    ("form", "options", "sentence"),
    [
        ("messages", {"label_column": "y"}, r"dataset\.label_column=y is for labelled texts, .*format=classification"),
        ("text", {"sample_per_class": 3}, r"dataset\.sample_per_class=3 is for labelled texts"),
        ("alpaca", {"labels": ["a", "b"]}, r"dataset\.labels=\.\.\. is for labelled texts"),
        ("text", {"text_pair_column": "b"}, r"dataset\.text_pair_column=b is for"),
        (
            "alpaca",
            {"text_column": "output"},
            r"dataset\.text_column=output belongs to the format text, .* alpaca; leave",
        ),
        ("text", {"messages_column": "m"}, "belongs to the format messages and conversations"),
        ("messages", {"prompt_column": "q"}, "belongs to the format prompt_completion"),
        ("messages", {"join_rows": True}, "belongs to the format text"),
        ("text", {"system": "Be brief."}, "belongs to the format messages and conversations and alpaca"),
    ],
)
def test_an_option_that_the_format_has_no_use_for_is_refused(form: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        check_options_fit(form, DatasetConfig(**options))
    check_options_fit(form, DatasetConfig())


def test_what_was_detected_is_said_with_the_other_formats_and_the_way_to_them() -> None:
    told = detected("a.jsonl", "messages", ["prompt", "completion", "messages"], DatasetConfig())
    assert told == (
        "a.jsonl was read in the format messages, by its column messages; it has the columns of prompt_completion too; "
        "for another type dataset.format=prompt_completion"
    )
    assert detected("a.csv", "text", ["text", "label"], DatasetConfig()).endswith(
        "its labels (label) are not read; for another type dataset.format=classification"
    )
