"""Faults of ``compare`` that are told before a run is read: one sentence each, with what to type."""

import pytest

from ftlab.check import compare_rules
from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.compare import objective


def faults(*words):
    arguments = parse(["compare", *words])
    with Composer("compare") as composer:
        order = make_order(arguments, composer)
    return [*order.typing_faults, *order.faults]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "objective=chepest",
            "objective=chepest is no objective; did you mean objective=cheapest? there are: balanced",
        ),
        ("constraints.f1_macro=0.9", "write constraints.f1_macro_min=0.9 or constraints.f1_macro_max=0.9"),
        ("constraints.p95_ms_max=fast", "constraints.p95_ms_max=fast is not a number"),
        ("axes=", "axes= names nothing; write axes=<word>"),
        ("metric=f1_macro,accuracy", "write metric=f1_macro axes=accuracy"),
        ("months=0", "months=0.0 is no span of time; give months above 0: months=12"),
        ("requests_per_month=-1", "requests_per_month=-1.0 is no volume"),
        ("api_prices=nowhere.yaml", "api_prices=nowhere.yaml is no price file"),
        ("cost.utilisation=2", "cost.utilisation=2.0 must be in (0, 1]"),
        ("runs=[]", "runs=[] names no run"),
        ("tracking.uri=http://me:secret@host", "tracking.uri"),
        ("objektive=best", "did you mean objective"),
        ("model=minilm", "model"),
    ],
)
def test_a_fault_is_one_sentence_with_the_next_thing_to_type(word, said):
    (sentence,) = faults(word)
    assert said in sentence


def test_bounds_that_contradict_each_other_are_told():
    (sentence,) = faults("constraints.f1_macro_min=0.9", "constraints.f1_macro_max=0.8")
    assert "constraints.f1_macro_min=0.9 lies above constraints.f1_macro_max=0.8" in sentence
    assert not faults("constraints.f1_macro_min=0.8", "constraints.f1_macro_max=0.8", "constraints.p95_ms_max=null")


def test_an_output_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    (sentence,) = faults(f"output={tmp_path / 'file'}")
    assert "is a file; give the folder" in sentence
    assert not faults(f"output={tmp_path / 'new' / 'deep'}")


def test_the_objectives_are_those_of_the_comparison():
    assert compare_rules.OBJECTIVES == objective.OBJECTIVES


def test_several_words_lists_and_folders_are_read():
    found = parse(["compare", "outputs/a", "outputs/*b", "latest", "axes=f1_macro,p95_ms", "mlflow=[one,two words]"])
    assert found.runs == ["outputs/a", "outputs/*b", "latest"] and not found.faults
    assert found.verbatim == {"axes": "f1_macro,p95_ms", "mlflow": "one,two words"}


def test_a_sweep_of_comparisons_is_refused():
    assert faults("-m") == ["-m is not for compare, which makes no run; leave it out"]
