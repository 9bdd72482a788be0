import re

import pytest

from ftlab.prompts.options import option_faults
from ftlab.schema import PromptConfig

GOOD = {"name": "mine", "instruction": "Choose."}


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"calibration": "contextal"}, "did you mean contextual"),
        ({"chat": "yes"}, "none of auto, true, false; type prompt.chat=auto"),
        ({"chat": 1}, "type prompt.chat=auto"),
        ({"shots_per_class": -1}, "type prompt.shots_per_class=0"),
        ({"instruction": " "}, "asks for nothing"),
        ({"verbalisers": {"a": "good", "b": " good "}}, "'good' for a and b.*prompt.verbalisers.b=<word>"),
        ({"verbalisers": {"a": " "}}, "prompt.verbalisers.a is empty"),
    ],
)
def test_an_impossible_option_is_one_sentence_with_its_remedy(changes, remedy):
    (fault,) = option_faults(PromptConfig(**{**GOOD, **changes}))
    assert re.search(remedy, fault), fault


@pytest.mark.parametrize("chat", ["auto", True, False])
def test_a_good_prompt_has_no_fault(chat):
    assert option_faults(PromptConfig(**GOOD, chat=chat, verbalisers={"a": "x", "b": "y"})) == []


def test_without_a_prompt_nothing_is_checked():
    assert option_faults(PromptConfig(name="none", calibration="nonsense")) == []
