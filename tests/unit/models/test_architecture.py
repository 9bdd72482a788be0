from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from ftlab.errors import ModelError
from ftlab.models.architecture import classifier_types, model_class, read_config
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]


@pytest.mark.parametrize("model_type", ["bert", "distilbert", "roberta", "modernbert", "gpt2", "llama"])
def test_numbers_of_the_yaml_become_the_shape(tiny: Tiny, model_type: str) -> None:
    config = read_config(tiny(model_type), 3)
    assert (config.model_type, config.hidden_size, config.num_hidden_layers) == (model_type, 32, 2)
    assert (config.num_labels, config.problem_type, config.dtype) == (3, "single_label_classification", torch.float32)


def test_the_vocabulary_of_the_shape_is_kept(tiny: Tiny) -> None:
    assert read_config(tiny(architecture={"vocab_size": 30522})).vocab_size == 30522


@pytest.mark.parametrize("model_type", ["modernbert", "gpt2", "roberta", "llama"])
def test_special_tokens_fit_a_small_vocabulary(tiny: Tiny, model_type: str) -> None:
    config = read_config(tiny(model_type))
    ids = [getattr(config, f"{name}_token_id", None) for name in ("pad", "bos", "eos", "cls", "sep")]
    assert all(number is None or 0 <= number < 300 for number in ids)
    assert config.pad_token_id is not None


def test_the_tokenizers_padding_token_wins(tiny: Tiny) -> None:
    assert read_config(tiny("gpt2"), pad_token_id=7).pad_token_id == 7
    with pytest.raises(ModelError, match=r"padding token 300 .*vocabulary of 300.*type model\.tokenizer=null"):
        read_config(tiny("gpt2"), pad_token_id=300)


def test_a_decoder_without_padding_pads_with_its_end_of_text(tiny: Tiny, checkpoint: Callable[..., Path]) -> None:
    folder = checkpoint("llama")
    raw = json.loads((folder / "config.json").read_text())
    for end, expected in ((5, 5), ([6, 5], 6), (None, 0)):
        (folder / "config.json").write_text(json.dumps({**raw, "pad_token_id": None, "eos_token_id": end}))
        assert read_config(ModelConfig(name="x", checkpoint=str(folder))).pad_token_id == expected


def test_a_local_folder_gives_the_shape_of_a_random_model(tiny: Tiny, checkpoint: Callable[..., Path]) -> None:
    config = read_config(tiny("bert", checkpoint=str(checkpoint("distilbert"))))
    assert config.model_type == "distilbert"


def test_half_precision_and_settings_of_the_file_are_not_taken_over(checkpoint: Callable[..., Path]) -> None:
    folder = checkpoint("gpt2")
    raw = json.loads((folder / "config.json").read_text())
    raw |= {"dtype": "bfloat16", "return_dict": False, "use_cache": True, "problem_type": "multi_label_classification"}
    (folder / "config.json").write_text(json.dumps(raw))
    config = read_config(ModelConfig(name="x", checkpoint=str(folder)), 4)
    assert (config.dtype, config.return_dict, config.use_cache) == (torch.float32, True, False)
    assert (config.num_labels, config.problem_type) == (4, "single_label_classification")


def test_an_unknown_number_is_not_silently_forgotten(tiny: Tiny) -> None:
    with pytest.raises(ModelError, match=r"hiden_size is no number of model type bert; did you mean hidden_size"):
        read_config(tiny(architecture={"hiden_size": 8}))
    with pytest.raises(ModelError, match="its configuration in transformers lists them"):
        read_config(tiny(architecture={"zzzzzz": 8}))


def test_names_from_other_architectures_are_taken_where_transformers_maps_them(tiny: Tiny) -> None:
    assert read_config(tiny("distilbert", architecture={"num_hidden_layers": 3})).n_layers == 3


def test_a_wrong_type_is_one_sentence(tiny: Tiny) -> None:
    with pytest.raises(ModelError, match=r"model\.architecture describes no bert .*hidden_size.*expected int"):
        read_config(tiny(architecture={"hidden_size": "wide"}))


def test_an_unknown_architecture_is_answered_with_a_near_one() -> None:
    with pytest.raises(ModelError, match=r"model_type=robrta is not known; did you mean roberta\?"):
        read_config(ModelConfig(name="x", init="random", architecture={"model_type": "robrta"}))


def test_an_architecture_without_classifier_is_refused() -> None:
    with pytest.raises(ModelError, match="model type vit has no text classifier"):
        read_config(ModelConfig(name="x", init="random", architecture={"model_type": "vit"}))


def test_a_random_model_without_shape_says_what_to_type() -> None:
    with pytest.raises(ModelError, match=r"needs the shape of model=x; type model\.architecture\.model_type=bert"):
        read_config(ModelConfig(name="x", init="random", checkpoint="no-owner/no-model"))


def test_a_pretrained_model_without_checkpoint_says_what_to_type(tiny: Tiny) -> None:
    with pytest.raises(ModelError, match=r"model=tiny_bert names no checkpoint; type model\.checkpoint="):
        read_config(tiny(init="pretrained"))


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"init": "ramdom"}, r"model\.init=ramdom is not known; did you mean random\?"),
        ({"attention": "kernels-community/flash-attn"}, r"type model\.attention=sdpa or model\.attention=eager or"),
    ],
)
def test_an_unknown_choice_is_refused(tiny: Tiny, options: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        read_config(tiny(**options))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"model_type": "no_such"}, "of type no_such, which this transformers does not know"),
        ({"hidden_size": "wide"}, r"config\.json describes no bert"),
    ],
)
def test_a_foreign_config_is_one_sentence(checkpoint: Callable[..., Path], change: dict[str, Any], why: str) -> None:
    folder = checkpoint()
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**raw, **change}))
    with pytest.raises(ModelError, match=why):
        read_config(ModelConfig(name="x", checkpoint=str(folder)))


def test_numbers_of_deberta_that_its_configuration_class_does_not_list_are_taken(tiny: Tiny) -> None:
    config = read_config(tiny("deberta-v2", architecture={"position_buckets": 4, "share_att_key": True}))
    assert (config.position_buckets, config.share_att_key) == (4, True)
    with pytest.raises(ModelError, match="position_buckets is no number of model type bert"):
        read_config(tiny(architecture={"position_buckets": 4}))


def test_the_classifier_of_each_architecture_is_found() -> None:
    assert model_class(AutoConfig.for_model("modernbert")).__name__ == "ModernBertForSequenceClassification"
    assert {"bert", "llama", "modernbert", "xlm-roberta"} <= set(classifier_types())
