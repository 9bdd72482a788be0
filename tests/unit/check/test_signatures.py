"""Reading arguments and their types from source."""

import pytest

from ftlab.check.signatures import Parameter, Signature, read_signature

INT, FLOAT, BOOL, STR, NONE = int, float, bool, str, type(None)


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    count = iter(range(100))

    def read_source(source, name="f"):
        module = f"source_{tmp_path.name.replace('-', '_')}_{next(count)}"
        (tmp_path / f"{module}.py").write_text(source)
        return read_signature(f"{module}.{name}")

    return read_source


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        ("int", {INT}),
        ("float | None", {FLOAT, NONE}),
        ("Optional[bool]", {BOOL, NONE}),
        ("typing.Union[int, float, None]", {INT, FLOAT, NONE}),
        ("'int | str'", {INT, STR}),
        ("Union[float, Tensor]", {FLOAT}),
        ("Tensor", {object}),
        ("list[int]", {object}),
        ("int | Strategy", {object}),
        ("Literal['a']", {object}),
        ("3", {object}),
    ],
)
def test_annotations_say_which_values_fit(read, annotation, kinds):
    found = read(f"def f(x: {annotation}): ...").parameters["x"].kinds
    assert found == frozenset(kinds)


def test_a_default_of_none_allows_null(read):
    found = read("def f(a: int = None, b: int = 3, c=None, *, d: float, e: str = 'x'): ...")
    assert found == Signature(
        {
            "a": Parameter(frozenset({INT, NONE}), False),
            "b": Parameter(frozenset({INT}), False),
            "c": Parameter(None, False),
            "d": Parameter(frozenset({FLOAT}), True),
            "e": Parameter(frozenset({STR}), False),
        },
        any_name=False,
    )


def test_keywords_mean_any_name(read):
    assert read("def f(a, **more): ...").any_name
    assert not read("def f(a, *more): ...").any_name


def test_a_class_takes_what_its_init_or_that_of_its_base_takes(read):
    base = "class B:\n    def __init__(self, k: int): ...\n"
    assert list(read(f"{base}class f(B):\n    def __init__(self, own): ...\n").parameters) == ["own"]
    assert list(read(f"{base}class f(B): ...\n").parameters) == ["k"]
    assert list(read(f"from abc import ABC\n{base}class f(ABC, Generic[T], B): ...\n").parameters) == ["k"]
    assert read("class f: ...\n") == Signature({}, any_name=False)
    assert list(read(f"{base}class G(B): ...\nclass f(G[int]): ...\n").parameters) == ["k"]


@pytest.mark.parametrize(
    "source",
    [
        "class f:\n    def __new__(cls, **k): ...\n",
        "@dataclass\nclass f:\n    k: int\n",
        "import a.b\nclass f(a.b.C): ...\n",
        "class f(dict): ...\n",
        "class f(B): ...\nB = make()\n",
        "def b(): ...\nclass f(b): ...\n",
        "f = make()\n",
    ],
)
def test_what_the_source_does_not_tell_is_unknown(read, source):
    found = read(source)
    assert found is None or found.parameters == {}


def test_a_target_that_does_not_exist_raises(read):
    with pytest.raises(LookupError):
        read("def g(): ...")


def test_the_trainer_and_the_optimizer_are_read_as_they_are():
    trainer = read_signature("lightning.Trainer")
    assert trainer.parameters["max_epochs"].kinds == {INT, NONE} and not trainer.any_name
    assert read_signature("torch.optim.AdamW").parameters["lr"].kinds == {FLOAT}
    assert read_signature("torchmetrics.Accuracy") is None
    assert read_signature("torchmetrics.classification.MulticlassAccuracy").any_name
