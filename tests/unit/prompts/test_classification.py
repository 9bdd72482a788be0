import json

import pytest

from ftlab.errors import ConfigError, DataError, ModelError
from ftlab.prompts.chat import OWN, ChatTemplate
from ftlab.prompts.classification import ClassificationPrompt, check_wrapped, template_of, verbalisers
from ftlab.prompts.layout import Shot
from ftlab.schema import PromptConfig

CONFIG = PromptConfig(
    name="mine",
    instruction="Choose: {labels}.",
    text_prefix="Text: ",
    text_pair_prefix="Second: ",
    label_prefix="Label:",
)
LABELS = ["not_ok", "ok"]
SHOTS = [Shot("bad", "not_ok"), Shot("good", "ok")]
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def changed(**changes):
    return PromptConfig(**{**vars(CONFIG), **changes})


def template(source=CHATML, name=OWN, chosen=False):
    return ChatTemplate(name, source, "0" * 64, chosen)


def test_a_request_reads_instruction_examples_text_label():
    made = ClassificationPrompt.of(CONFIG, LABELS, SHOTS)
    assert made.whole("fine", "ok") == (
        "Choose: not ok, ok.\n\nText: bad\nLabel: not ok\n\nText: good\nLabel: ok\n\nText: fine\nLabel: ok"
    )
    assert made.whole("fine", "ok") == made.prefix + made.suffix("fine") + made.answers["ok"]


def test_a_pair_has_its_own_words_before_the_second_text():
    made = ClassificationPrompt.of(CONFIG, LABELS, [Shot(("a", "b"), "ok")], pairs=True)
    assert made.whole(("c", "d"), "not_ok") == (
        "Choose: not ok, ok.\n\nText: a\nSecond: b\nLabel: ok\n\nText: c\nSecond: d\nLabel: not ok"
    )


def test_prefixes_of_a_pair_that_end_otherwise_keep_their_words():
    made = ClassificationPrompt.of(changed(text_pair_prefix="Second:\t"), LABELS, pairs=True)
    assert made.whole(("c", "d"), "ok") == "Choose: not ok, ok.\n\nText: c\nSecond:\td\nLabel: ok"


def test_spaces_stand_with_the_word_behind_them():
    made = ClassificationPrompt.of(CONFIG, LABELS, SHOTS)
    assert not any(frame.endswith(" ") for frame in (*made.before[0::2], made.after))
    assert made.answers == {"not_ok": " not ok", "ok": " ok"}
    assert made.before[1::2] == (" bad", " not ok", " good", " ok")


def test_examples_of_a_chat_are_its_turns():
    made = ClassificationPrompt.of(CONFIG, LABELS, SHOTS[:1], template=template())
    assert made.whole("fine", "ok") == (
        "<|im_start|>user\nChoose: not ok, ok.\n\nText: bad\nLabel:<|im_end|>\n"
        "<|im_start|>assistant\nnot ok<|im_end|>\n"
        "<|im_start|>user\nText: fine\nLabel:<|im_end|>\n<|im_start|>assistant\nok"
    )


def test_a_template_that_loses_an_example_is_refused():
    last = template("{{ messages[-1].content }}>")
    with pytest.raises(ConfigError, match=r"does not keep what prompt=\w+ says; type prompt\.chat=false"):
        ClassificationPrompt.of(CONFIG, LABELS, SHOTS, template=last)


@pytest.mark.parametrize(
    ("chat", "name", "chosen", "taken"),
    [
        ("auto", OWN, False, True),
        ("auto", "plain", False, False),
        ("auto", "chatml", True, True),
        (True, "plain", False, True),
        (False, OWN, True, False),
    ],
)
def test_a_chat_template_is_used_where_the_model_has_its_own(chat, name, chosen, taken):
    given = template(name=name, chosen=chosen)
    assert template_of(changed(chat=chat), given) is (given if taken else None)


def test_a_head_reads_what_stands_before_the_text_and_no_question():
    assert ClassificationPrompt.of(CONFIG, LABELS).wrap("fine") == "Choose: not ok, ok.\n\nText: fine"
    made = ClassificationPrompt.of(CONFIG, LABELS, pairs=True)
    assert made.wrap(("c", "d")) == ("Choose: not ok, ok.\n\nText: c", "Second: d")


def words(text):
    return {"input_ids": text.split()}


def test_a_prompt_as_long_as_max_length_leaves_nothing_of_a_text():
    made = ClassificationPrompt.of(CONFIG, LABELS)
    taken = len(made.prefix.split())
    check_wrapped(made, words, taken + 1)
    with pytest.raises(
        ModelError, match=rf"takes {taken} of the {taken} tokens.*dataset\.max_length={taken + 64}, or shorten"
    ):
        check_wrapped(made, words, taken)
    with pytest.raises(ModelError, match=r"or prompt\.shots_per_class=0"):
        check_wrapped(ClassificationPrompt.of(CONFIG, LABELS, SHOTS), words, 5)


def test_answers_are_the_names_made_readable_or_as_given():
    assert verbalisers(CONFIG, ["not_ok", "ok"]) == {"not_ok": "not ok", "ok": "ok"}
    given = changed(verbalisers={"ok": "fine", "not_ok": "bad"})
    assert list(verbalisers(given, LABELS).items()) == [("not_ok", "bad"), ("ok", "fine")], "in the order of the labels"


@pytest.mark.parametrize(
    ("given", "labels", "remedy"),
    [
        ({"ok": "a", "not_okk": "b"}, LABELS, r"names not_okk.*did you mean not_ok"),
        ({"ok": "a"}, LABELS, r"lacks not_ok; add prompt\.verbalisers\.not_ok=<word>"),
        ({"ok": "a", "not_ok": "a "}, LABELS, r"'a' for not_ok and ok"),
        ({"ok": "a", "not_ok": ""}, LABELS, r"prompt\.verbalisers\.not_ok is empty"),
        (None, ["a_b", "a b"], r"'a b' for a_b and a b"),
    ],
)
def test_answers_that_do_not_fit_the_labels_are_refused(given, labels, remedy):
    with pytest.raises(ConfigError, match=remedy):
        verbalisers(changed(verbalisers=given), labels)


@pytest.mark.parametrize("pairs", [False, True])
def test_it_comes_back_from_plain_data(pairs):
    shots = [Shot(("a", "b"), "ok")] if pairs else SHOTS
    made = ClassificationPrompt.of(CONFIG, LABELS, shots, pairs=pairs)
    again = ClassificationPrompt.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made and again.digest == made.digest and again.pairs is pairs
    assert list(again.answers) == LABELS


def test_another_example_is_another_digest():
    made, other = (ClassificationPrompt.of(CONFIG, LABELS, shots) for shots in (SHOTS, SHOTS[::-1]))
    assert made.digest != other.digest


@pytest.mark.parametrize(
    "damage",
    [
        {"before": "text"},
        {"before": ["a", "b"]},
        {"answers": {"ok": ""}},
        {"shots": True},
        {"calibration": "x"},
        {"more": 1},
    ],
)
def test_damaged_data_is_refused(damage):
    data = ClassificationPrompt.of(CONFIG, LABELS).to_json()
    with pytest.raises(DataError, match=r"the prompt saved with the model is damaged"):
        ClassificationPrompt.from_json({**data, **damage})
