"""Composing with Hydra, without running."""

import dataclasses
from typing import Any, Optional

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import OverrideParseException

from ftlab.command import composer as module
from ftlab.command.composer import Composer, explain, is_open, leaves, open_paths, plain, register_schema
from ftlab.errors import ConfigError
from ftlab.schema import PredictConfig, TrainConfig


@pytest.fixture(scope="module")
def composer():
    with Composer("train") as composer:
        yield composer


def test_groups_and_choices_leave_the_shared_files_out(composer):
    assert {"model", "dataset", "adapter", "trainer"} <= set(composer.groups()) and "hydra" not in composer.groups()
    assert composer.choices("tracking") == ["mlflow", "none"] and "_base" not in composer.choices("dataset")
    assert "_classifier" not in composer.choices("model") and composer.choices("nowhere") == []


def test_a_choice_is_composed_once_and_hydras_node_stands_apart(composer):
    loaded = composer.load(["adapter=lora"])
    assert composer.load(["adapter=lora"]) is loaded
    assert "hydra" not in loaded.cfg and loaded.hydra.runtime.choices.adapter == "lora"
    assert loaded.values["optimizer"]["lr"] == loaded.cfg.adapter.learning_rate


def test_what_hydra_cannot_compose_is_one_line(composer):
    with pytest.raises(ConfigError, match=r"^[^\n]*nowhere[^\n]*$"):
        composer.load(["adapter=nowhere"])


def test_overrides_are_parsed_once(composer):
    assert composer.parse("seed=1") is composer.parse("seed=1")
    with pytest.raises(OverrideParseException):
        composer.parse("a(b")


FIRST = ["model=minilm", "adapter=full", "trainer=cpu"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        ["model=tiny_bert", "adapter=lora", "trainer=debug"],
        ["model=bert_base", "adapter=full", "trainer=default"],
        ["model=tiny_bert", "adapter=full", "trainer=cpu"],
        ["model=tiny_bert"],
    ],
)
def test_a_near_configuration_equals_the_composed_one(chosen):
    with Composer("train") as near, Composer("train") as whole:
        quick, slow = near.load_near(FIRST, chosen), whole.load(chosen)
        assert plain(quick.cfg, resolve=False) == plain(slow.cfg, resolve=False)
        assert quick.values == slow.values


def test_choices_that_reach_beyond_their_group_are_composed_in_full(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "far.yaml").write_text("# @package _global_\nseed: 7\nmodel:\n  name: far\n")
    with Composer("train", tmp_path) as composer:
        calls = []
        compose = module.compose
        monkeypatch.setattr(
            module, "compose", lambda verb, words, **k: calls.append(words) or compose(verb, words, **k)
        )
        cfg = composer.load_near(["model=minilm", "adapter=full"], ["model=far", "adapter=lora"]).cfg
        assert (cfg.seed, cfg.adapter.name) == (7, "lora")
        assert [composer.search_path[0], "model=far", "adapter=lora"] in calls
        assert "far" in composer.choices("model") and "minilm" in composer.choices("model")


def test_a_session_inside_another_gives_it_back():
    with Composer("train") as outer:
        before = GlobalHydra.instance().hydra
        with Composer("predict") as inner:
            assert "run" in inner.load().cfg
        assert GlobalHydra.instance().hydra is before
        assert "model" in outer.load().cfg


def test_references_that_nothing_answers_stay_as_written(tmp_path):
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "odd.yaml").write_text("# Odd.\nlr: ${adapter.nothing}\n")
    with Composer("train", tmp_path) as composer:
        assert composer.load(["optimizer=odd"]).values["optimizer"]["lr"] == "${adapter.nothing}"


def test_each_verb_has_a_dataclass():
    assert register_schema("train") is TrainConfig and register_schema("predict") is PredictConfig


@dataclasses.dataclass
class Inner:
    free: dict[str, Any] = dataclasses.field(default_factory=dict)
    closed: int = 1


@dataclasses.dataclass
class Root:
    inner: Inner = dataclasses.field(default_factory=Inner)
    loose: dict[str, Any] = dataclasses.field(default_factory=dict)
    number: Optional[int] = None


def test_open_paths_are_the_free_dictionaries_of_the_schema():
    assert open_paths(Root) == {"inner.free", "loose"}
    assert {"adapter", "trainer", "callbacks", "metrics", "model.architecture"} <= open_paths(TrainConfig)
    assert is_open("loose.a.b", Root) and not is_open("loose", Root) and not is_open("looser.a", Root)


def test_leaves_are_dotted_keys_with_lists_whole():
    assert leaves({"a": {"b": [1, 2], "c": {}}, "d": None}) == [("a.b", [1, 2]), ("d", None)]


def test_explain_says_each_line_once():
    inner = ValueError("inner\n    full_key: a.b")
    outer = ValueError("outer\ninner")
    outer.__cause__ = inner
    assert explain(outer) == "outer inner"
    assert explain(ValueError()) == "ValueError"
