"""A network built with a few layers has the numbers of the whole one."""

import pytest
import torch

from ftlab.errors import ModelError
from ftlab.models.load_options import LoadOptions
from ftlab.models.pretrained import load_classifier
from ftlab.models.quantization import count_parameters, quantize_base, stored_bytes
from ftlab.planning.memory import network_of
from ftlab.planning.network import build_network, hold
from ftlab.schema import ModelConfig
from planned_cells import BERT, FULL, LLAMA, LORA, QLORA, build, cell

MODERNBERT = {
    "model_type": "modernbert", "hidden_size": 32, "num_hidden_layers": 9, "num_attention_heads": 2,
    "intermediate_size": 48, "vocab_size": 400, "max_position_embeddings": 64,
}  # fmt: skip
GPT2 = {"model_type": "gpt2", "n_embd": 32, "n_layer": 7, "n_head": 2, "n_positions": 64, "vocab_size": 400}


@pytest.mark.parametrize("adapter", [FULL, QLORA], ids=["full", "qlora"])
@pytest.mark.parametrize("architecture", [BERT, MODERNBERT, GPT2, LLAMA], ids=lambda numbers: numbers["model_type"])
def test_numbers_are_those_of_all_layers(architecture, adapter):
    short = network_of(cell(adapter, architecture=architecture, task="classification"))
    model = ModelConfig(name="made", init="random", architecture=dict(architecture))
    net = load_classifier(model, ["a", "b", "c"], load=adapter.get("load")).net
    base = count_parameters(net)
    net = build(adapter, net).net
    assert short.stack.missing > 0
    assert short.base_parameters == base
    assert short.parameters == count_parameters(net)
    assert short.trainable == sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert short.weight_bytes == stored_bytes(net)
    assert short.gradient_bytes == 4 * short.trainable


@pytest.mark.parametrize(
    "options",
    [LoadOptions("nf4"), LoadOptions("fp4", double_quantization=False), LoadOptions("int8")],
    ids=["nf4", "fp4", "int8"],
)
def test_layers_in_few_bits_take_what_real_ones_take(options):
    model = ModelConfig(name="made", init="random", architecture=GPT2)
    real, empty = (load_classifier(model, ["a", "b"]).net for _ in range(2))
    quantize_base(real, options)
    empty.to("meta")
    hold(empty, options, None)
    assert stored_bytes(empty) == stored_bytes(real)
    assert count_parameters(empty) == count_parameters(real)


def test_weights_are_held_in_the_precision_of_the_training():
    single, half = (network_of(cell(trainer={"precision": p})) for p in ("32-true", "bf16-true"))
    assert half.weight_bytes == single.weight_bytes / 2
    assert next(half.net.parameters()).dtype == torch.bfloat16


def test_a_target_with_a_number_in_its_name_needs_all_layers():
    assert network_of(cell({**LORA, "targets": r".*layer\.[67]\..*query"})).stack.missing == 0


def test_what_does_not_go_together_says_so_as_the_training_would():
    model = ModelConfig(name="made", init="random", architecture=BERT)
    with pytest.raises(ModelError, match=r"adapter.rank=64 is more than the 32"):
        build_network(model, {**LORA, "rank": 64}, "classification", 3, "32-true", build)
