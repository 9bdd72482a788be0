"""Every adapter file of the configuration, on every architecture."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from transformers import PreTrainedModel

from ftlab.adapters.adapted import Adapted
from ftlab.errors import ModelError
from ftlab.paths import config_dir

FILES = sorted((config_dir() / "adapter").glob("[!_]*.yaml"))
CANNOT = {("prefix_tuning", "distilbert"), ("prefix_tuning", "modernbert"), ("bitfit", "modernbert")}
RESERVED = ("_target_", "name", "learning_rate", "load", "merge")


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "modernbert"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_gives_all_options_of_its_adapter_and_works(
    build: Callable[..., PreTrainedModel], path: Path, kind: str
) -> None:
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    if values["name"] == "stack":
        pytest.skip("made of others, composed by Hydra")
    if "defaults" in values:
        plain = yaml.safe_load(path.with_stem(values.pop("defaults")[0]).read_text(encoding="utf-8"))
        values = {**plain, **values}
    module, _, function = values["_target_"].rpartition(".")
    add = getattr(importlib.import_module(module), function)
    options = {key: value for key, value in values.items() if key not in RESERVED}
    assert options.keys() == inspect.signature(add).parameters.keys() - {
        "net",
        "total_steps",
        "tokenizer",
        "max_length",
    }
    if (values["name"], kind) in CANNOT:
        with pytest.raises(ModelError, match="type adapter="):
            add(build(kind, device="meta"), total_steps=10, **options)
        return
    assert isinstance(add(build(kind, device="meta"), total_steps=10, **options), Adapted)
