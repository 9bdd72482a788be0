from __future__ import annotations

from typing import Any

import pytest

from ftlab.datasets.columns import Columns
from ftlab.datasets.faults import Faults
from ftlab.datasets.labels import check_gaps, check_names, name_labels, number_labels, read_labels
from ftlab.errors import DataError


def columns_of(values: list[Any]) -> Columns:
    return Columns({"text_column": ["t"] * len(values), "label_column": values}, range(1, len(values) + 1))


def numbers_of(values: list[Any], names: list[str], given: bool = True) -> list[int]:
    faults, columns = Faults(), columns_of(values)
    texts = read_labels("a.csv", columns, names, faults)
    numbers = number_labels("a.csv", columns, texts, names, given, faults)
    faults.raise_any()
    return list(numbers)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["b", " a ", "NA"], ["b", "a", "NA"]),
        ([0, 10, -1], ["0", "10", "-1"]),
        ([True, False], ["True", "False"]),
        (["1.5", "other"], ["1.5", "other"]),  # version 1.5 among names is a name
    ],
)
def test_labels_read_the_same_from_every_format(values: list[Any], expected: list[str]) -> None:
    faults = Faults()
    assert read_labels("a.csv", columns_of(values), None, faults) == expected and not faults


@pytest.mark.parametrize("empty", [None, "", "  ", float("nan")])
def test_a_null_label_names_its_row(empty: object) -> None:
    faults = Faults()
    read_labels("a.csv", columns_of(["x", empty, "y"]), None, faults)
    with pytest.raises(DataError, match=r"^a\.csv row 2: column 'label' is empty; label the row or delete it$"):
        faults.raise_any()


def test_a_label_that_is_a_list_names_its_type() -> None:
    faults = Faults()
    read_labels("a.jsonl", columns_of(["x", ["y"]]), None, faults)
    with pytest.raises(
        DataError, match=r"^a\.jsonl row 2: column 'label' holds a list, and several labels per row are not supported"
    ):
        faults.raise_any()


@pytest.mark.parametrize("values", [["1", "0.75", "0.5"], [1, 0.75, 0.5], ["1.0", "2.0"], ["1e-3", "0"], [1.0, 0.0]])
def test_decimal_labels_are_refused_in_one_sentence(values: list[Any]) -> None:
    faults = Faults()
    read_labels("a.csv", columns_of(values), None, faults)
    with pytest.raises(
        DataError,
        match=r"row [12]: column 'label' holds the decimal number .* not regress; supported is one label per row: text",
    ) as error:
        faults.raise_any()
    assert len(error.value.sentences) == 1


def test_decimals_that_the_user_names_are_labels() -> None:
    assert numbers_of(["2.0", "3.11"], ["3.11", "2.0"]) == [1, 0]


def test_found_names_are_sorted_numerically_for_integers_else_by_characters() -> None:
    assert name_labels(["10", "9", "-1"], None) == ["-1", "9", "10"]
    assert name_labels(["b", "a", "10"], None) == ["10", "a", "b"]
    assert name_labels(["07", "7"], None) == ["07", "7"]
    assert name_labels(["b"], ["b", "a"]) == ["b", "a"]


@pytest.mark.parametrize("values", [[0, 1, 2], ["0", "1", "2"], ["oppose", "neutral", "support"], ["0", "neutral", 2]])
def test_given_names_go_by_name_or_by_number(values: list[Any]) -> None:
    assert numbers_of(values, ["oppose", "neutral", "support"]) == [0, 1, 2]


@pytest.mark.parametrize("values", [[False, True], ["False", "True"]])
def test_booleans_go_by_number_to_two_given_names(values: list[Any]) -> None:
    assert numbers_of(values, ["safe", "phishing"]) == [0, 1]
    assert numbers_of(values, ["True", "False"]) == [1, 0]
    with pytest.raises(DataError, match="label 'False'"):
        numbers_of(values, ["a", "b", "c"])


def test_names_that_are_integers_are_never_taken_for_positions() -> None:
    assert numbers_of([1, 2, 3], ["1", "2", "3"]) == [0, 1, 2]
    with pytest.raises(DataError, match=r"row 1 has the label '0'; allowed: 1, 2, 3; correct the row"):
        numbers_of([0, 1], ["1", "2", "3"])
    with pytest.raises(DataError, match=r"label '1'; allowed: 0, 2"):  # found in train, not given: no positions
        numbers_of(["1"], ["0", "2"], given=False)


def test_an_unknown_label_names_value_row_file_and_what_is_allowed() -> None:
    with pytest.raises(DataError) as error:
        numbers_of(["pos", "positve", 3, -1], ["neg", "pos"])
    assert error.value.sentences == (
        "a.csv row 2 has the label 'positve'; allowed: neg, pos (or 0 to 1); did you mean pos?",
        "a.csv row 3 has the label '3'; allowed: neg, pos (or 0 to 1); correct the row, or dataset.labels",
        "a.csv row 4 has the label '-1'; allowed: neg, pos (or 0 to 1); correct the row, or dataset.labels",
    )


def test_many_allowed_labels_are_cut_short() -> None:
    with pytest.raises(DataError, match=r"l19, \.\.\. \(or 0 to 29\)"):
        numbers_of(["x"], [f"l{i:02d}" for i in range(30)])


@pytest.mark.parametrize(("names", "remedy"), [(["a"], "name two labels"), (["a", "b", "a"], "names 'a' twice")])
def test_given_names_are_two_at_least_and_each_once(names: list[str], remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        check_names(names)
    check_names(["a", "b"])


@pytest.mark.parametrize("values", [["['a']", '["b", "c"]'], [["a"], ["b"]], [{"a": 1}, {"b": 1}]])
def test_several_labels_per_row_are_refused_in_one_sentence(values: list[Any]) -> None:
    faults = Faults()
    read_labels("a.csv", columns_of(values), None, faults, "tags")
    with pytest.raises(DataError, match=r"row 1: column 'tags' holds a (list|dict), .* supported is one") as error:
        faults.raise_any()
    assert len(error.value.sentences) == 1


@pytest.mark.parametrize("values", [["[deleted]", "[kept]"], ["a|b", "c"], ["[1]", "other"], ["a, b", "c"]])
def test_names_with_brackets_bars_and_commas_are_names(values: list[str]) -> None:
    faults = Faults()
    assert read_labels("a.csv", columns_of(values), None, faults) == values and not faults


def test_lists_that_the_user_names_are_labels() -> None:
    assert numbers_of(["['a']", "['b']"], ["['a']", "['b']"]) == [0, 1]


@pytest.mark.parametrize("label", ["a\0", "half \ud83d"])
def test_a_label_with_a_character_that_is_none_is_refused(label: str) -> None:
    with pytest.raises(DataError, match="row 2: column 'label' holds a character that is none"):
        numbers_of(["x", label], ["x", label])


@pytest.mark.parametrize(("names", "typed"), [(["0", "2"], "0,2"), (["-1", "1"], "-1,1"), (["1", "2", "5"], "1,2,5")])
def test_integer_labels_with_a_gap_are_refused_with_what_to_type(names: list[str], typed: str) -> None:
    faults = Faults()
    check_gaps("a.csv", names, "label", faults)
    with pytest.raises(DataError, match=rf"no row of \d; .* with 'dataset\.labels=\[{typed}\]'$"):
        faults.raise_any()


@pytest.mark.parametrize("names", [["1", "2", "3"], ["0", "1"], ["-1", "0", "1"], ["a", "c"], ["0", "2", "x"], []])
def test_labels_without_a_gap_pass(names: list[str]) -> None:
    faults = Faults()
    check_gaps("a.csv", names, "label", faults)
    assert not faults


def test_a_split_without_labels_is_said_once() -> None:
    with pytest.raises(DataError, match=r"^a\.csv has the label -1 in every row, .* not labelled; give another split$"):
        numbers_of([-1, -1, -1], ["neg", "pos"])


def test_thousands_of_unknown_labels_take_no_time_and_no_page() -> None:
    with pytest.raises(DataError, match="and 29991 more faults") as error:
        numbers_of([f"{'long ' * 30}{i}" for i in range(30_000)], [f"n{i}" for i in range(5_000)])
    assert len(error.value.sentences) == 10 and max(map(len, error.value.sentences)) < 400
