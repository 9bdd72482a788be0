from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.datasets.examples import Example, Examples, asked, decode, encode, without_system
from ftlab.prompts.turns import Turn

SAID = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
PAIRS = st.builds(lambda prompt, completion: Example(prompt=prompt, completion=completion), SAID, SAID)
TEXTS = st.builds(lambda text: Example(text=text), SAID)


@st.composite
def chats(draw: st.DrawFn) -> Example:
    turns = [Turn("system", draw(SAID))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns += [Turn("user", draw(SAID)), Turn("assistant", draw(SAID))]
    return Example(tuple(turns))


@settings(deadline=None, max_examples=50)
@given(example=st.one_of(chats(), PAIRS, TEXTS))
def test_an_example_comes_back_as_it_was(example: Example) -> None:
    assert decode(example.kind, encode(example)) == example
    (held,) = Examples([example], ["train:1"])
    assert held == example


CHAT = Example((Turn("system", "Be s"), Turn("user", "hi"), Turn("assistant", "yo")))


def test_what_is_compared_and_what_is_asked_leave_the_system_turn_out() -> None:
    bare = Example(CHAT.turns[1:])
    assert without_system("chat", encode(CHAT)) == without_system("chat", encode(bare)) == encode(bare)
    assert (
        asked("chat", encode(CHAT)) == asked("chat", encode(bare)) != asked("chat", encode(Example(CHAT.turns[:0:-1])))
    )
    pair = encode(Example(prompt="s", completion="x"))
    assert without_system("pair", pair) == pair and asked("pair", pair) == "s"


def test_examples_read_as_a_sequence_with_their_ids() -> None:
    held = Examples([Example(text=text) for text in "abc"], ["train:1", "train:2", "train:3"])
    assert len(held) == 3 and held[-1] == Example(text="c") and held[:2] == list(held)[:2]
    kept = held.where(np.array([True, False, True]))
    assert [example.text for example in kept] == ["a", "c"] and list(kept.ids) == ["train:1", "train:3"]


@pytest.mark.parametrize("parts", [{}, {"prompt": "a"}, {"text": "a", "turns": CHAT.turns}])
def test_an_example_is_exactly_one_of_the_three(parts: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="an example is"):
        Example(**parts)  # type: ignore[arg-type]
