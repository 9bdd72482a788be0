from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ftlab.models
from ftlab.prompts.special import begin_id, control_names, control_pattern, end_id, special_tokens


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(Path(ftlab.models.__file__).parent / "bytes")


def test_what_frames_texts_for_an_encoder_begins_and_ends_them_for_a_writer(tokenizer: Any) -> None:
    assert (begin_id(tokenizer), end_id(tokenizer)) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    named = special_tokens(tokenizer)
    assert (named["bos_token"], named["eos_token"], named["pad_token"]) == ("[CLS]", "[SEP]", "[PAD]")


def test_a_tokenizers_own_begin_and_end_win() -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<e>": 0, "[SEP]": 1, "[CLS]": 2}, unk_token="<e>"))
    made = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<e>", sep_token="[SEP]")
    assert (begin_id(made), end_id(made)) == (None, 0)
    assert special_tokens(made) == {"eos_token": "<e>", "sep_token": "[SEP]"}


def test_tokens_added_as_text_are_no_control_tokens(tokenizer: Any) -> None:
    from copy import deepcopy

    from tokenizers import AddedToken

    made = deepcopy(tokenizer)
    made.add_tokens([AddedToken("<think>", special=False), "   "])
    made.add_special_tokens({"additional_special_tokens": ["<|end|>", "<|end|>x"]})
    assert control_pattern(made).findall("a <think>   [SEP]<|end|>x") == ["[SEP]", "<|end|>x"]
    assert control_names(made)[0] == "<|end|>x"  # the longest wins
    assert not control_pattern(made).search("plain <think>")
