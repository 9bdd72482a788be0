"""Estimated folders against saved weights."""

import pytest
from safetensors.torch import load_file

from ftlab.models.pretrained import load_classifier
from ftlab.planning.artefact_size import artefact_sizes
from ftlab.planning.memory import network_of
from ftlab.schema import ModelConfig
from planned_cells import BERT, FULL, LORA, build, cell

SOFT = {"name": "soft", "tokens": 4, "merge": False}
PROMPT = {**SOFT, "_target_": "ftlab.adapters.prompt_tuning.add_prompt_tuning"}
PREFIX = {**SOFT, "_target_": "ftlab.adapters.prefix_tuning.add_prefix_tuning"}
PERCEPTRON = {**SOFT, "_target_": "ftlab.adapters.p_tuning.add_p_tuning"}


def sizes(adapter, precision="32-true", **model):
    request = cell(adapter, model=model, trainer={"precision": precision})
    return artefact_sizes(request, network_of(request), precision)


@pytest.mark.parametrize("adapter", [LORA, PROMPT, PREFIX, PERCEPTRON], ids=["lora", "prompt", "prefix", "p"])
def test_an_adapter_takes_what_peft_writes(adapter, tmp_path):
    net = load_classifier(ModelConfig(name="made", init="random", architecture=BERT), ["a", "b", "c"]).net
    build(adapter, net).net.save_pretrained(tmp_path)
    written = sum(tensor.nbytes for tensor in load_file(tmp_path / "adapter_model.safetensors").values())
    assert sizes(adapter).adapter == written


def test_a_network_without_an_adapter_is_saved_whole():
    found = sizes(FULL)
    assert (found.merged, found.adapter) == (None, None)
    assert found.saved == network_of(cell()).weight_bytes
    assert sizes(FULL, "bf16-true").saved == found.saved / 2


def test_merged_or_apart_as_it_is_asked_for():
    merged = sizes({**LORA, "merge": True})
    apart = sizes({**LORA, "merge": False})
    assert merged.saved == merged.merged == sizes(FULL).saved
    assert apart.saved == apart.adapter + merged.merged  # random weights are kept beside it
    assert sizes(LORA).saved == merged.saved  # auto: this base is nobody else's


def test_virtual_tokens_have_no_merged_form():
    assert sizes(PROMPT).merged is None
