from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn
from transformers import AutoConfig, PretrainedConfig

from ftlab.errors import ModelError
from ftlab.models.architecture import read_config
from ftlab.models.dropout import dropout_names, set_dropout
from ftlab.models.pretrained import meta_classifier
from ftlab.schema import ModelConfig


@pytest.mark.parametrize(
    "model_type", ["bert", "distilbert", "roberta", "xlm-roberta", "modernbert", "electra", "deberta-v2", "gpt2"]
)
def test_every_dropout_module_gets_the_number(tiny: Callable[..., ModelConfig], model_type: str) -> None:
    net = meta_classifier(tiny(model_type, dropout=0.37), ["a", "b"])
    found = [module.p for module in net.modules() if isinstance(module, nn.Dropout)]
    assert found
    assert set(found) == {0.37}


def test_without_a_number_the_architecture_keeps_its_own(tiny: Callable[..., ModelConfig]) -> None:
    assert read_config(tiny()).hidden_dropout_prob == 0.1


def test_zero_turns_dropout_off(tiny: Callable[..., ModelConfig]) -> None:
    config = read_config(tiny("distilbert", dropout=0))
    assert (config.dropout, config.attention_dropout, config.seq_classif_dropout) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_attention_dropout_of_decoders_is_set(model_type: str) -> None:
    config = AutoConfig.for_model(model_type)
    set_dropout(config, 0.2)
    assert config.attention_dropout == 0.2


def test_layers_left_out_whole_and_switches_are_no_dropout() -> None:
    assert "encoder_layerdrop" not in dropout_names(AutoConfig.for_model("bart"))
    assert "token_dropout" not in dropout_names(AutoConfig.for_model("esm", vocab_size=33))


def test_parts_of_a_composite_configuration_are_set_too() -> None:
    config = AutoConfig.for_model("t5gemma")
    set_dropout(config, 0.3)
    assert config.encoder.dropout_rate == config.decoder.dropout_rate == 0.3


@pytest.mark.parametrize("value", [-0.1, 1.0, 5])
def test_a_probability_outside_the_range_is_refused(tiny: Callable[..., ModelConfig], value: float) -> None:
    with pytest.raises(ModelError, match=r"at least 0 and below 1; type model\.dropout=0\.1"):
        read_config(tiny(dropout=value))


def test_an_architecture_without_dropout_says_so() -> None:
    with pytest.raises(ModelError, match=r"has no dropout to set; type model\.dropout=null"):
        set_dropout(PretrainedConfig(), 0.1)


def test_an_architecture_that_takes_whole_numbers_only_says_so() -> None:
    with pytest.raises(ModelError, match=r"mpt refuses model\.dropout=0\.3 .*type model\.dropout=null"):
        set_dropout(AutoConfig.for_model("mpt"), 0.3)
