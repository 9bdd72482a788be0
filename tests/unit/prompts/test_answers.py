from __future__ import annotations

import re

import pytest

from ftlab.errors import DataError
from ftlab.prompts.answers import AnswerFinder
from ftlab.prompts.chat import RenderError, built_in, load_template
from ftlab.prompts.turns import Turn

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
CONTROL = re.compile(r"<s>|</s>|<\|im_start\|>|<\|im_end\|>")
LOOP = "{% for m in messages %}BODY{% endfor %}"
# What published templates do, in short: each an example of a shape that spans must be found in.
ODD = {
    "no generation prompt": LOOP.replace("BODY", "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"),
    "thoughts in the last answer only": LOOP.replace(
        "BODY",
        "<|im_start|>{{ m.role }}\n{% if loop.last and m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m.content }}<|im_end|>\n",
    )
    + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    "opens with a thought": LOOP.replace("BODY", "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n")
    + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
    "end of text only at the end": "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% else %}{{ eos_token }}{% endif %}",
    "no end at all": LOOP.replace("BODY", "{{ m.role }}: {{ m.content | trim }}\n")
    + "{% if add_generation_prompt %}assistant: {% endif %}",
    "counts the turns": LOOP.replace("BODY", "({{ loop.index }}/{{ messages | length }}) {{ m.content }}</s>"),
}
TALK = (
    Turn("user", "a yes"),
    Turn("assistant", "yes"),
    Turn("user", "yes a"),
    Turn("assistant", "yes\n\nno a "),
)
SAID = ["yes", "yes\n\nno a "]


def finder(source: str) -> AnswerFinder:
    return AnswerFinder(load_template(None, source), SPECIAL, CONTROL)


def found(source: str) -> list[str]:
    rendered = finder(source).find(TALK)
    return [rendered.text[span.start : span.end] for span in rendered.spans]


@pytest.mark.parametrize("name", built_in())
def test_answers_of_a_shipped_template_are_the_turns_with_their_end(name: str) -> None:
    ends = {"chatml": "{}<|im_end|>", "llama2": " {} </s>"}
    said = [text.strip() for text in SAID] if name == "llama2" else SAID
    assert found(load_template(name, None).source) == [ends.get(name, "{}</s>").format(text) for text in said]


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ("no generation prompt", ["yes<|im_end|>", "yes\n\nno a <|im_end|>"]),
        (
            "thoughts in the last answer only",
            ["yes<|im_end|>", "<think>\n\n</think>\n\nyes\n\nno a <|im_end|>"],
        ),
        ("opens with a thought", ["yes<|im_end|>", "yes\n\nno a <|im_end|>"]),
        ("end of text only at the end", ["yes", "yes\n\nno a \n</s>"]),
        ("no end at all", ["yes", "yes\n\nno a"]),
        ("counts the turns", ["yes</s>", "yes\n\nno a </s>"]),
    ],
)
def test_answers_are_found_in_any_shape(shape: str, wanted: list[str]) -> None:
    assert found(ODD[shape]) == wanted


@pytest.mark.parametrize("name", built_in())
def test_what_opens_an_answer_is_what_stands_before_it(name: str) -> None:
    made = finder(load_template(name, None).source)
    rendered = made.find(TALK)
    assert made.opening(TALK[:1]) == rendered.text[: rendered.spans[0].start]
    assert made.opening(TALK[:3]) == rendered.text[: rendered.spans[1].start]


def test_what_opens_an_answer_where_the_template_has_no_generation_prompt() -> None:
    assert finder(ODD["no generation prompt"]).opening(TALK[:1]).endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_the_token_that_ends_an_answer_is_known() -> None:
    assert finder(ODD["no generation prompt"]).end_token == "<|im_end|>"
    assert finder(load_template("llama2", None).source).end_token == "</s>"
    assert finder(ODD["no end at all"]).end_token is None


def test_a_template_that_drops_answers_is_refused() -> None:
    source = "{% for m in messages if m.role == 'user' %}{{ m.content }}</s>{% endfor %}"
    with pytest.raises(DataError, match=r"leaves the assistant's answers out.*type model\.chat_template=chatml"):
        finder(source)


def test_a_template_that_drops_late_answers_is_refused() -> None:
    source = LOOP.replace("BODY", "{% if loop.index < 4 %}{{ m.role }}:{{ m.content }}</s>{% endif %}")
    with pytest.raises(RenderError, match=r"leaves its last answer out.*model\.chat_template=chatml"):
        finder(source).find(TALK)
