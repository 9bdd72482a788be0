import pytest

from ftlab.check.composed import Composed
from ftlab.check.merge_rules import merge


def composed(shipped, typed, given=frozenset({"adapter.merge"})):
    values = {"adapter": {"name": "some", **shipped, **typed}}
    defaults = {"adapter": {"name": "some", **shipped}}
    return Composed("train", values, values, defaults, {"adapter": "some"}, frozenset(given))


@pytest.mark.parametrize(
    ("shipped", "said"), [({"merge": False}, "is read before each text"), ({}, "no weights beside the model's own")]
)
def test_a_merge_of_what_cannot_merge_is_one_sentence(shipped, said):
    (found,) = merge(composed(shipped, {"merge": True}))
    assert found.startswith("adapter=some cannot be merged: ") and said in found
    assert found.endswith("; leave out adapter.merge")


@pytest.mark.parametrize("wanted", [True, False, "auto"])
def test_what_merges_may_be_asked_to_and_what_does_not_may_be_told_so(wanted):
    assert not list(merge(composed({"merge": "auto"}, {"merge": wanted})))
    if wanted is not True:
        assert not list(merge(composed({"merge": False}, {"merge": wanted})))


def test_the_choice_of_an_adapter_is_no_merge():
    assert not list(merge(composed({"merge": "auto"}, {}, given={"adapter"})))
