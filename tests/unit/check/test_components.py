"""Options of the open groups, held against the source of what they are for."""

import pytest

from ftlab.check.components import RESERVED, RUNTIME, check_components, targets, typed
from ftlab.check.definitions import module_file

SOURCE = """
class Net:
    def __init__(self, net, size: int, rate: float = 0.1, on: bool = False, note: str = "", total_steps: int = 0,
                 free=None, either: int | list[int] = 1): ...
class Loose:
    def __init__(self, size: int = 1, **more): ...
"""


@pytest.fixture(autouse=True)
def parts(tmp_path, monkeypatch):
    (tmp_path / "parts.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FTLAB_ALLOW", "parts")
    module_file.cache_clear()


def check(group="adapter", defaults=None, raw=None, **options):
    node = {"_target_": "parts.Net", "name": "net", "size": 3, **options}
    return check_components({group: node}, {group: raw or node}, {group: defaults or {}}, {group: "net"})


def test_options_of_the_signature_and_reserved_ones_pass():
    assert check(rate=1, on=True, note=5, free=[1], either="x", learning_rate=1e-3, load={"q": 1}, merge="auto") == []
    assert check(rate=1e-3) == []


def test_an_unknown_option_lists_those_that_exist():
    assert check(sizee=4) == [
        "adapter.sizee is not an option of adapter=net; did you mean adapter.size? "
        "Options: either, free, learning_rate, load, merge, name, note, on, rate, size"
    ]
    assert check(zzz=4)[0].startswith("adapter.zzz is not an option of adapter=net. Options: either, free,")


def test_an_option_of_another_tool_or_another_choice_gets_its_name_here():
    assert check(lora_r=4) == ["adapter.lora_r is not an option of adapter=net; write adapter=lora adapter.rank=4"]
    # The remedy would be what was typed: say what there is instead.
    assert check(group="optimizer", lr=1)[-1].startswith("optimizer.lr is not an option of optimizer=net")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"size": "big"}, "adapter.size=big is not a whole number"),
        ({"size": 1.5}, "adapter.size=1.5 is not a whole number"),
        ({"size": True}, "adapter.size=true is not a whole number"),
        ({"size": [1, 2]}, "adapter.size=[1, 2] is not a whole number"),
        ({"size": None, "rate": None}, None),
        ({"rate": "fast"}, "adapter.rate=fast is not a number"),
        ({"on": 1}, "adapter.on=1 is not true or false"),
    ],
)
def test_types_of_the_signature_are_kept(options, sentence):
    assert check(**options) == ([sentence] if sentence else [])


def test_the_example_and_unannotated_types_come_from_the_yaml_file():
    defaults = {"size": 8, "free": 0.5, "learning_rate": 1e-3}
    assert check(size="big", defaults=defaults) == ["adapter.size=big is not a whole number; write e.g. adapter.size=8"]
    assert check(free="much", defaults=defaults) == ["adapter.free=much is not a number; write e.g. adapter.free=0.5"]
    assert check(learning_rate="fast", defaults=defaults)[0].startswith("adapter.learning_rate=fast is not a number")
    assert check(size=None, defaults=defaults) == ["adapter.size=null is not a whole number; write e.g. adapter.size=8"]
    assert check(note="x", defaults={"note": 3}) == []  # the signature says text
    assert check(either=[1], defaults={"either": 3}) == []  # and here something that only Python reads


def test_what_the_yaml_file_sets_for_another_target_is_to_be_left_out():
    defaults = {"_target_": "parts.Loose", "odd": 1}
    assert check(defaults=defaults, odd=1) == [
        "adapter.odd is not an option of parts.Net; leave it out with ~adapter.odd"
    ]
    assert check(defaults=defaults, odd=2)[0].startswith("adapter.odd is not an option of parts.Net. Options:")


def test_a_reference_has_the_type_of_what_it_refers_to():
    raw = {"_target_": "parts.Net", "size": "${seed}"}
    assert check(size="abc", raw=raw) == []


def test_what_is_set_at_run_time_is_refused_with_the_option_to_type():
    assert check(total_steps=5) == ["adapter.total_steps is set by ftlab itself; write trainer.max_epochs=... instead"]


def test_what_must_be_given_is_asked_for():
    values = {"callbacks": {"mine": {"_target_": "parts.Net"}}}
    assert check_components(values, values, {}, {}) == [
        "callbacks.mine.size is missing, and callbacks.mine needs it; add callbacks.mine.size=<value>"
    ]
    values = {"metrics": {"mine": {"_target_": "parts.Net"}}}
    assert check_components(values, values, {}, {}) == []  # the number of labels comes at run time


def test_keywords_and_unreadable_sources_take_any_name():
    assert check(_target_="parts.Loose", anything=1) == []
    assert check(_target_="parts.Loose", size="big") == ["adapter.size=big is not a whole number"]
    assert check(_target_="torchmetrics.Accuracy", anything=1) == []


def test_an_entry_may_be_left_out_but_must_be_a_component():
    values = {"callbacks": {"off": None, "wrong": 3, "half": {"k": 1}}, "metrics": None}
    assert check_components(values, values, {}, {}) == [
        "callbacks.wrong=3 is no component; write callbacks.wrong._target_=package.Class",
        "callbacks.half has no _target_; write callbacks.half._target_=package.Class",
    ]


def test_a_refused_target_is_said_once_wherever_it_stands():
    values = {
        "model": {"architecture": {"x": [{"_target_": "os.system"}]}},
        "adapter": {"_target_": "os.popen", "k": 1},
    }
    faults = check_components(values, values, {}, {})
    assert [fault.split(":")[0] for fault in faults] == ["model.architecture.x.0._target_", "adapter._target_"]
    assert list(targets(values)) == [("model.architecture.x.0._target_", "os.system"), ("adapter._target_", "os.popen")]


def test_reserved_names_are_never_runtime_names():
    assert not set(RUNTIME) & {name for names in RESERVED.values() for name in names}


def test_values_are_shown_as_they_are_typed():
    assert [typed(value) for value in (None, True, False, 3, 1e-3, "x", [1])] == "null true false 3 0.001 x [1]".split()
