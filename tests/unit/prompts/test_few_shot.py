from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.errors import DataError
from ftlab.prompts.few_shot import choose_shots

LABELS = ["a", "b", "c"]


def rows(texts, labels, pairs=None):
    return SimpleNamespace(texts=texts, labels=labels, pairs=pairs)


def numbered(name, count):
    return rows([f"{name} {i}" for i in range(count)], [i % 3 for i in range(count)])


def texts_of(train, label):
    """Return the texts that have this label and no other."""
    pairs = list(zip(train.texts, train.labels, strict=True))
    return {text for text, own in pairs if own == label} - {text for text, own in pairs if own != label}


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 2), min_size=0, max_size=40),
    words=st.integers(1, 60),
    per_class=st.integers(0, 4),
    seed=st.integers(0, 2**32 - 1),
    leaked=st.sets(st.integers(0, 59)),
)
def test_as_many_of_each_label_from_train_alone_by_the_seed(labels, words, per_class, seed, leaked):
    train = rows([f"text {i % words}" for i in range(len(labels))], labels)
    test = rows([f"text {i}" for i in sorted(leaked)], [0] * len(leaked))
    try:
        shots = choose_shots(train, LABELS, per_class, seed, [test])
    except DataError:
        own = [texts_of(train, label) - set(test.texts) for label in range(3)]
        assert min(map(len, own)) < per_class
        return
    assert shots == choose_shots(train, LABELS, per_class, seed, [test])
    assert Counter(shot.label for shot in shots) == (dict.fromkeys(LABELS, per_class) if per_class else {})
    assert not {shot.text for shot in shots} & set(test.texts)
    assert all(shot.text in texts_of(train, LABELS.index(shot.label)) for shot in shots)
    assert len({shot.text for shot in shots}) == len(shots)
    rounds = [shots[i : i + 3] for i in range(0, len(shots), 3)]
    assert all(sorted(shot.label for shot in part) == LABELS for part in rounds), "each round holds each label once"


def test_another_seed_draws_other_rows_in_another_order():
    train = numbered("train", 90)
    drawn = {tuple(choose_shots(train, LABELS, 2, seed)) for seed in range(8)}
    assert len(drawn) == 8
    assert len({tuple(shot.label for shot in shots) for shots in drawn}) > 1


def test_examples_are_whole():
    train = rows(["long " * 500 + name for name in LABELS], [0, 1, 2])
    assert {shot.text for shot in choose_shots(train, LABELS, 1, 0)} == set(train.texts)


def test_pairs_stay_pairs_and_are_hidden_as_pairs():
    train = rows(["t"] * 4, [0, 1, 2, 2], ["p", "q", "r", "s"])
    shots = choose_shots(train, LABELS, 1, 0, [rows(["t", "t"], [0, 1], ["r", "elsewhere"])])
    assert {shot.text for shot in shots} == {("t", "p"), ("t", "q"), ("t", "s")}


def test_too_few_rows_say_how_many_there_are():
    with pytest.raises(DataError, match=r"more than the 2 different train texts of label a .*shots_per_class=2"):
        choose_shots(numbered("train", 6), LABELS, 3, 0)
