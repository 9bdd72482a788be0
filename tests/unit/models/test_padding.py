from __future__ import annotations

import re

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from ftlab.errors import ModelError
from ftlab.models.padding import give_padding


def words(*names: str, **specials: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({name: number for number, name in enumerate(names)}, unk_token=names[0]))
    return PreTrainedTokenizerFast(tokenizer_object=backend, padding_side="left", **specials)


@pytest.mark.parametrize(
    ("names", "specials", "pad", "note"),
    [
        (("u", "<pad>", "e"), {"pad_token": "<pad>", "eos_token": "e"}, "<pad>", None),
        (("u", "e", "[PAD]"), {"eos_token": "e"}, "[PAD]", r"names no padding token; its unused \[PAD\] pads"),
        (
            ("u", "e", "<|reserved_special_token_0|>", "<|finetune_right_pad_id|>"),
            {"eos_token": "e"},
            "<|finetune_right_pad_id|>",
            "its unused",
        ),
        (("u", "e"), {"eos_token": "e", "unk_token": "u"}, "e", "has no padding token; its end of text e pads, masked"),
        (("u", "e"), {"unk_token": "u"}, "u", "its unknown token u pads, masked"),
    ],
)
def test_padding_is_a_token_the_vocabulary_has(
    names: tuple[str, ...], specials: dict[str, str], pad: str, note: str | None
) -> None:
    tokenizer = words(*names, **specials)
    size = len(tokenizer)
    said = give_padding(tokenizer, "mine")
    assert (tokenizer.pad_token, tokenizer.pad_token_id, tokenizer.padding_side) == (pad, names.index(pad), "right")
    assert len(tokenizer) == size
    assert said is None if note is None else re.search(note, str(said))


def test_nothing_to_pad_with_is_refused() -> None:
    with pytest.raises(ModelError, match=r"tokenizer mine has no token to pad with; give another with model"):
        give_padding(words("u", "a"), "mine")
