import pytest
import torch
from peft import LoraConfig, get_peft_model

from ftlab.errors import ModelError
from ftlab.models.recompute import recompute_activations
from ftlab.models.virtual_tokens import are_keys_and_values, base_of, check_virtual_tokens, virtual_tokens
from tests.prompting import language_model
from tests.soft_prompts import METHODS, soften


@pytest.mark.parametrize("method", METHODS)
def test_virtual_tokens_are_counted_and_the_network_behind_them_found(method):
    net = language_model()
    soft = soften(net, method, 5)
    assert virtual_tokens(soft) == 5 and type(base_of(soft)) is type(net)
    assert are_keys_and_values(soft) == (method == "prefix_tuning")


def test_other_adapters_have_none_and_are_refused_nothing():
    net = language_model()
    lora = get_peft_model(net, LoraConfig(target_modules=["q_proj"]))
    for made in (net, lora):
        assert virtual_tokens(made) == 0 and not are_keys_and_values(made) and base_of(made) is net
        check_virtual_tokens(made, "lora", packed=True, recomputes=True)


def test_packed_texts_are_refused_with_what_to_type():
    net = soften(language_model(), "prompt_tuning")
    with pytest.raises(ModelError, match=r"adapter=mine puts in front; type dataset\.batching=length_grouped"):
        check_virtual_tokens(net, "mine", packed=True, recomputes=False)
    check_virtual_tokens(net, "mine", packed=False, recomputes=True)


def test_layers_computed_again_would_lose_a_prefix():
    net = soften(language_model(), "prefix_tuning")
    with pytest.raises(ModelError, match=r"type model\.gradient_checkpointing=false, or adapter=prompt_tuning"):
        check_virtual_tokens(net, "prefix_tuning", packed=False, recomputes=True)
    check_virtual_tokens(net, "prefix_tuning", packed=False, recomputes=False)
    recompute_activations(net.get_base_model())
    with pytest.raises(RuntimeError, match="size of tensor"):  # why it is refused
        net.train()(input_ids=torch.arange(5, 11)[None], use_cache=False)
