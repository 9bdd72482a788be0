from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftlab.errors import ModelError
from ftlab.models.folder import (
    Reference,
    check_tokenizer_files,
    has_weights,
    local_folder,
    read_config_file,
    weight_files,
)


def reference(folder: Path | str) -> Reference:
    return Reference("model.checkpoint", str(folder))


def write(folder: Path, name: str = "config.json", **values: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(values), encoding="utf-8")
    return folder


def test_local_folder_returns_an_existing_folder_and_none_for_a_hub_id(tmp_path: Path) -> None:
    assert local_folder(reference(tmp_path)) == tmp_path
    assert local_folder(reference("no-such-owner/no-such-model")) is None
    assert local_folder(reference("no-such-model")) is None


@pytest.mark.parametrize("value", ["/nowhere/at/all", "./nowhere", "~/nowhere-at-all", "a/b/c", "a//b", "a\\b"])
def test_a_path_where_nothing_lies_is_never_taken_for_a_hub_id(value: str) -> None:
    with pytest.raises(ModelError, match=r"does not exist; give model\.checkpoint=<local folder>"):
        local_folder(reference(value))


def test_a_file_instead_of_a_folder_is_answered_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.touch()
    with pytest.raises(ModelError, match=rf"is a file; .*model\.checkpoint={tmp_path}$"):
        local_folder(reference(path))


def test_a_plain_config_is_returned_as_data(tmp_path: Path) -> None:
    write(tmp_path, model_type="bert", trust_remote_code=False, hidden_size=8)
    assert read_config_file(tmp_path, reference(tmp_path))["hidden_size"] == 8


@pytest.mark.parametrize("key", ["auto_map", "trust_remote_code", "_attn_implementation_internal"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_config_that_names_foreign_code_is_refused(tmp_path: Path, key: str, nested: bool) -> None:
    bad = {key: {"AutoConfig": "evil.Config"}}
    write(tmp_path, model_type="bert", **({"text_config": [bad]} if nested else bad))
    with pytest.raises(ModelError, match=rf"config\.json sets {key}, which would run code"):
        read_config_file(tmp_path, reference(tmp_path))


def test_a_hub_repository_may_name_remote_code_that_is_never_fetched(tmp_path: Path) -> None:
    write(tmp_path, model_type="bert", auto_map={"AutoConfig": "x.Y"})
    assert read_config_file(tmp_path, reference("a/b"), from_hub=True)["model_type"] == "bert"
    write(tmp_path, model_type="bert", _attn_implementation_internal="evil/kernel")
    with pytest.raises(ModelError, match="_attn_implementation_internal"):
        read_config_file(tmp_path, reference("a/b"), from_hub=True)


def test_an_adapter_folder_is_refused_before_its_base_is_followed(tmp_path: Path) -> None:
    write(tmp_path, model_type="bert")
    write(tmp_path, "adapter_config.json", base_model_name_or_path="evil/base")
    with pytest.raises(ModelError, match="holds an adapter, not a model; give the base model"):
        read_config_file(tmp_path, reference(tmp_path))


def test_a_run_folder_is_answered_with_its_model_folder(tmp_path: Path) -> None:
    write(tmp_path / "model", model_type="bert")
    with pytest.raises(ModelError, match=rf"type model\.checkpoint={tmp_path}/model$"):
        read_config_file(tmp_path, reference(tmp_path))


def test_a_folder_without_config_lists_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it is empty"):
        read_config_file(tmp_path, reference(tmp_path))
    for number in range(8):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(ModelError, match=r"found: 0\.txt, .*, and 2 more"):
        read_config_file(tmp_path, reference(tmp_path))


@pytest.mark.parametrize(("text", "why"), [("{", "cannot be read"), ("[1]", "no JSON object"), ("{}", "no model_type")])
def test_a_broken_config_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=why):
        read_config_file(tmp_path, reference(tmp_path))


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    write(tmp_path, model_type="bert", quantization_config={"quant_method": "gptq"})
    with pytest.raises(ModelError, match="quantised weights"):
        read_config_file(tmp_path, reference(tmp_path))


def test_pickled_weights_alone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ModelError, match=r"only pytorch_model\.bin, a pickle that can run code.*safetensors"):
        weight_files(tmp_path, reference(tmp_path))
    assert not has_weights(tmp_path)


def test_a_folder_without_weights_names_the_random_shape(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.init=random"):
        weight_files(tmp_path, reference(tmp_path))


def test_a_git_lfs_pointer_is_not_taken_for_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ModelError, match="git lfs pull"):
        weight_files(tmp_path, reference(tmp_path))


def test_shards_are_returned_in_order_and_a_missing_one_is_named(tmp_path: Path) -> None:
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    write(tmp_path, "model.safetensors.index.json", weight_map={"b": names[1], "a": names[0], "c": names[0]})
    (tmp_path / names[0]).touch()
    with pytest.raises(ModelError, match=f"lacks {names[1]}"):
        weight_files(tmp_path, reference(tmp_path))
    (tmp_path / names[1]).touch()
    assert weight_files(tmp_path, reference(tmp_path)) == [tmp_path / name for name in names]
    assert has_weights(tmp_path)


@pytest.mark.parametrize("weight_map", [{"a": "../other.safetensors"}, {"a": "pytorch_model.bin"}, {}, [1]])
def test_an_index_cannot_point_outside_or_to_pickles(tmp_path: Path, weight_map: Any) -> None:
    write(tmp_path, "model.safetensors.index.json", weight_map=weight_map)
    with pytest.raises(ModelError, match="no index of safetensors files"):
        weight_files(tmp_path, reference(tmp_path))


def test_a_tokenizer_that_names_foreign_code_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer .*model\.tokenizer=<hub id or folder>"):
        check_tokenizer_files(tmp_path, reference(tmp_path))
    (tmp_path / "vocab.txt").touch()
    check_tokenizer_files(tmp_path, reference(tmp_path))
    write(tmp_path, "tokenizer_config.json", auto_map={"AutoTokenizer": ["x.Y", None]})
    with pytest.raises(ModelError, match=r"tokenizer_config\.json sets auto_map"):
        check_tokenizer_files(tmp_path, reference(tmp_path))
    check_tokenizer_files(tmp_path, reference("a/b"), from_hub=True)
