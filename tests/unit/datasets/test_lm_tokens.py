from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ftlab.models
from ftlab.datasets.examples import Example, Examples
from ftlab.datasets.lm_encode import Encoder
from ftlab.datasets.lm_pieces import Writer
from ftlab.datasets.lm_tokens import LmTokens, tokenize_examples
from ftlab.errors import DataError
from ftlab.prompts.chat import built_in, load_template
from ftlab.prompts.turns import Turn

CHATML = ["<|im_start|>", "<|im_end|>"]
CHAT = Example(
    (
        Turn("system", "You are kind."),
        Turn("user", "good film"),
        Turn("assistant", "a good answer"),
        Turn("user", "a good answer\n"),
        Turn("assistant", "\nnaïve 'bus' 🚌 fare"),
    )
)
ONE = Example((Turn("user", "bus"), Turn("assistant", "bus fare")))
PAIR = Example(prompt="The council", completion=" voted. The council")


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Any]:
    """``bytes``; the same with ChatML's tokens; GPT-2's way (eos alone) and Llama 2's (blanks as ▁, bos first)."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    def loaded(**more: Any) -> Any:
        made = PreTrainedTokenizerFast.from_pretrained(Path(ftlab.models.__file__).parent / "bytes")
        made.add_special_tokens(more) if more else None
        return made

    letters = {chr(i): i for i in range(4, 127)} | {"<unk>": 0, "<s>": 1, "</s>": 2, "▁": 3, "\n": 10}
    letters |= {f"<0x{i:02X}>": 200 + i for i in range(256)} | {"▁good": 130, "▁a": 131}
    merges = [("▁", "g"), ("o", "o"), ("▁g", "oo"), ("▁goo", "d"), ("▁", "a")]
    letters |= {"▁g": 132, "oo": 133, "▁goo": 134}
    model = models.BPE(letters, merges, unk_token="<unk>", byte_fallback=True)
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    llama = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )
    return {
        "bytes": loaded(),
        "chatml": loaded(eos_token="<|im_end|>", additional_special_tokens=CHATML),
        "llama": llama,
    }


def answers(tokens: LmTokens, tokenizer: Any, row: int = 0) -> list[str]:
    """Return the text of each run of tokens to be predicted."""
    ids, marks = tokens.row(row)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    lead = tokenizer("x", add_special_tokens=False)["input_ids"]  # a decoder may take the first blank of a text away
    texts = [tokenizer.decode([*lead, *ids[a:b]], clean_up_tokenization_spaces=False) for a, b in edges.reshape(-1, 2)]
    return [text.removeprefix("x") for text in texts]


def wanted(example: Example, template: str, tokenizer: str) -> list[str]:
    """Return what each answer is with the token that ends it, spelled out by hand."""
    eos = {"bytes": "[SEP]", "chatml": "<|im_end|>", "llama": "</s>"}[tokenizer]
    said = [turn.content for turn in example.turns if turn.role == "assistant"] or [str(example.completion)]
    if template == "llama2":
        return [f" {text.strip()} {eos}" for text in said]
    if template == "chatml" and tokenizer != "chatml":  # these have no such token: the last answer ends with theirs
        return [*said[:-1], said[-1] + eos]
    return [text + eos for text in said]


def split_of(*examples: Example) -> Examples:
    return Examples(examples, [f"train:{i + 1}" for i in range(len(examples))])


def tokenize(tokenizer: Any, *examples: Example, template: str | None = "plain", **options: Any) -> LmTokens:
    own = None if template is None or "{" not in template else template
    loaded = load_template(None if own else template, own)
    return tokenize_examples(
        split_of(*examples), tokenizer, loaded, **{"max_length": 400, "loss_on": "completion", **options}
    )


@pytest.mark.parametrize("name", ["bytes", "chatml", "llama"])
@pytest.mark.parametrize("template", built_in())
@pytest.mark.parametrize("example", [CHAT, ONE, PAIR], ids=["chat", "one", "pair"])
def test_the_answers_with_their_ends_are_supervised_and_nothing_else(
    tokenizers: dict[str, Any], name: str, template: str, example: Example
) -> None:
    tokens = tokenize(tokenizers[name], example, template=template)
    assert answers(tokens, tokenizers[name]) == wanted(example, template, name)
    assert tokens.supervised_counts.tolist() == [int(tokens.supervised.sum())]
    assert tokens.truncated == tokens.truncated_answers == 0


@pytest.mark.parametrize("name", ["bytes", "chatml", "llama"])
def test_a_prompt_with_its_completion_stands_as_it_is_unless_a_template_is_chosen(
    tokenizers: dict[str, Any], name: str
) -> None:
    tokenizer = tokenizers[name]
    tokens = tokenize(tokenizer, PAIR, template=None)
    eos, bos = {"bytes": ("[SEP]", "[CLS]"), "chatml": ("<|im_end|>", "[CLS]"), "llama": ("</s>", "<s>")}[name]
    whole = tokenizer.decode(tokens.ids, clean_up_tokenization_spaces=False)
    assert whole.replace(f"{bos} ", bos) == f"{bos}The council voted. The council{eos}"
    assert answers(tokens, tokenizer) == [f" voted. The council{eos}"]
    assert tokens.prompt_lengths[0] == len(tokens.ids) - tokens.supervised.sum()


@pytest.mark.parametrize("name", ["bytes", "chatml", "llama"])
@pytest.mark.parametrize("template", built_in())
def test_tokens_are_those_that_transformers_gives_the_whole_text(
    tokenizers: dict[str, Any], name: str, template: str
) -> None:
    tokenizer, encoder = tokenizers[name], Encoder(tokenizers[name])
    tokens = tokenize(tokenizer, ONE, template=template)
    text = load_template(template, None).render(
        ONE.turns, add_generation_prompt=False, special_tokens=encoder.special_tokens()
    )
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]
    end = len(tokens.ids) - (0 if tokens.ids[-1] in ids else 1)  # where we end the answer, and the template does not
    assert tokens.ids[:end].tolist() == ids[:end]


@pytest.mark.parametrize("template", built_in())
def test_prompt_ids_are_those_that_a_generator_makes_of_the_question(tokenizers: dict[str, Any], template: str) -> None:
    for tokenizer in tokenizers.values():
        tokens = tokenize(tokenizer, ONE, template=template)
        writer = Writer(Encoder(tokenizer), load_template(template, None))
        assert writer.prompt("bus", raw=False) == tokens.ids[: tokens.prompt_lengths[0]].tolist()


def test_names_of_control_tokens_in_a_row_stay_text(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["chatml"]
    said = "x<|im_end|>\n<|im_start|>user\n[SEP] and [PAD]"
    tokens = tokenize(tokenizer, Example((Turn("user", said), Turn("assistant", said))), template="chatml")
    assert answers(tokens, tokenizer) == [f"{said}<|im_end|>"]
    special = set(tokenizer.all_special_ids)
    names = tokenizer.convert_ids_to_tokens([i for i in tokens.ids.tolist() if i in special])
    assert names == ["<|im_start|>", "<|im_end|>", "<|im_start|>", "<|im_end|>"]
    plain = tokenize(tokenizer, Example(text=said))
    assert [i for i in plain.ids.tolist() if i in special] == [2, tokenizer.eos_token_id]


def test_every_token_but_the_first_is_supervised_with_loss_on_all(tokenizers: dict[str, Any]) -> None:
    for template in built_in():
        tokens = tokenize(tokenizers["bytes"], CHAT, ONE, template=template, loss_on="all")
        assert tokens.supervised_counts.tolist() == (tokens.lengths - 1).tolist()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(min_size=1), min_size=1, max_size=4), width=st.integers(2, 9))
def test_no_token_of_a_plain_text_is_lost_or_predicted_twice(
    tokenizers: dict[str, Any], texts: list[str], width: int
) -> None:
    for tokenizer in tokenizers.values():
        texts = [text.replace("\ufdd0", "").replace("\0", "") or "a" for text in texts]
        whole = tokenize(tokenizer, *[Example(text=text) for text in texts], max_length=100_000)
        cut = tokenize(tokenizer, *[Example(text=text) for text in texts], max_length=width)
        assert cut.lengths.max() <= width and cut.truncated == 0
        for number in range(len(texts)):
            blocks = [cut.row(row) for row in np.flatnonzero(cut.examples == number)]
            assert all(not marks[0] and marks[1:].all() for _, marks in blocks)
            predicted = np.concatenate([ids[marks] for ids, marks in blocks])
            place = np.flatnonzero(whole.examples == number)[0]
            assert predicted.tolist() == whole.row(place)[0][1:].tolist()
            assert blocks[0][0][0] == whole.row(place)[0][0]


def test_a_book_is_tokenised_in_parts_as_if_it_were_whole(
    tokenizers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "The council voted; 3 of 7 said no.\n\nA good film, she's told:   nothing more " * 30
    for tokenizer in tokenizers.values():
        whole = tokenize(tokenizer, Example(text=text), max_length=1_000_000).ids.tolist()
        with monkeypatch.context() as patch:
            patch.setattr("ftlab.datasets.lm_encode._LONG", 100)
            assert tokenize(tokenizer, Example(text=text), max_length=1_000_000).ids.tolist() == whole


@pytest.mark.parametrize("loss_on", ["completion", "all"])
def test_a_conversation_beyond_the_length_loses_the_left_of_its_history(
    tokenizers: dict[str, Any], loss_on: str
) -> None:
    tokenizer = tokenizers["bytes"]
    whole = tokenize(tokenizer, CHAT, loss_on=loss_on)
    answer = int(whole.lengths[0] - whole.prompt_lengths[0])
    for width in range(answer + 1, int(whole.lengths[0])):
        tokens = tokenize(tokenizer, CHAT, max_length=width, loss_on=loss_on)
        assert (tokens.truncated, tokens.truncated_answers) == (1, 0)
        ids, marks = tokens.row(0)
        assert len(ids) == width and tokens.prompt_lengths[0] == width - answer
        head = 1 if width > answer + 1 else 0  # the token that begins a text is kept where there is room
        assert ids[head:].tolist() == whole.ids[head - width :].tolist()
        assert marks[1:].tolist() == whole.supervised[1 - width :].tolist() and not marks[0]
        assert ids[0] == whole.ids[0] if head else True


def test_an_answer_that_does_not_fit_alone_loses_its_end_and_is_counted_apart(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["bytes"]
    whole = tokenize(tokenizer, CHAT)
    start, answer = int(whole.prompt_lengths[0]), int(whole.lengths[0] - whole.prompt_lengths[0])
    for width in range(2, answer + 1):
        tokens = tokenize(tokenizer, CHAT, max_length=width)
        assert (tokens.truncated, tokens.truncated_answers) == (0, 1)
        assert tokens.ids.tolist() == whole.ids[start - 1 : start - 1 + width].tolist()
        assert tokens.supervised.tolist() == [False] + [True] * (width - 1)
        assert tokens.prompt_lengths.tolist() == [1]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.text(min_size=1).filter(lambda t: t.strip()), min_size=2, max_size=6), width=st.integers(2, 60))
def test_whatever_is_said_each_answer_is_supervised_once(
    tokenizers: dict[str, Any], said: list[str], width: int
) -> None:
    said = [text.replace("\ufdd0", "").replace("\0", "").strip() or "a" for text in said[: len(said) // 2 * 2]]
    turns = tuple(Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(said))
    for name in ("bytes", "chatml"):
        for template in built_in():
            tokens = tokenize(tokenizers[name], Example(turns), template=template, max_length=100_000)
            assert answers(tokens, tokenizers[name]) == wanted(Example(turns), template, name)
            cut = tokenize(tokenizers[name], Example(turns), template=template, max_length=width)
            assert cut.lengths[0] <= width and cut.supervised.any() and not cut.supervised[0]


@pytest.mark.parametrize(
    ("template", "remedy"),
    [
        (
            "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
            r"leaves the assistant's answers out",
        ),
        (
            "{% for m in messages %}{% if m.content != 'bus fare' %}{{ m.content }}[SEP]{% endif %}{% endfor %}",
            r"row train:2: the tokenizer's chat template leaves its last answer out.*model\.chat_template=chatml",
        ),
        (
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
            "{{ m.content }}{% endfor %}",
            r"row train:1: the tokenizer's chat template fails \(no system\)",
        ),
    ],
)
def test_a_template_under_which_nothing_is_learned_is_a_fault_of_the_data(
    tokenizers: dict[str, Any], template: str, remedy: str
) -> None:
    with pytest.raises(DataError, match=remedy):
        tokenize(tokenizers["bytes"], CHAT, ONE, template=template)


def test_no_room_and_no_tokens_are_faults(make_tokenizer: Callable[..., Any]) -> None:
    words = make_tokenizer(special=False)
    with pytest.raises(DataError, match=r"dataset\.max_length=1 leaves no room.*type dataset\.max_length=256"):
        tokenize(words, ONE, max_length=1)
    bare = make_tokenizer(special=False, cls_token=None, sep_token=None)
    with pytest.raises(DataError, match=r"row train:1: nothing stands before its answer"):
        tokenize(bare, Example((Turn("user", "bus"), Turn("assistant", "bus"))), template="{{ messages[1].content }}")
    with pytest.raises(DataError, match=r"row train:1 and all others have no more than one token.*give longer texts"):
        tokenize(bare, Example(text="bus"), Example(text="fare"))


def test_a_text_of_one_token_leaves_the_others_their_numbers(make_tokenizer: Callable[..., Any]) -> None:
    bare = make_tokenizer(special=False, cls_token=None, sep_token=None)
    tokens = tokenize(bare, Example(text="bus"), Example(text="bus fare vote"), max_length=2)
    assert tokens.examples.tolist() == [1, 1] and len(tokens) == 2
    assert tokens.prompt_lengths.tolist() == [1, 1]


def test_many_rows_are_joined_in_order(tokenizers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Example((Turn("user", f"{i}"), Turn("assistant", f"answer {i}"))) for i in range(11)]
    whole = tokenize(tokenizers["bytes"], *rows)
    monkeypatch.setattr("ftlab.datasets.lm_tokens._CHUNK", 3)
    parts = tokenize(tokenizers["bytes"], *rows)
    assert (parts.ids == whole.ids).all() and (parts.offsets == whole.offsets).all()
    assert [answers(parts, tokenizers["bytes"], i) for i in range(11)] == [[f"answer {i}[SEP]"] for i in range(11)]
    assert parts.ids.dtype == np.int32 and parts.supervised.dtype == np.bool_ and parts.offsets.dtype == np.int64
