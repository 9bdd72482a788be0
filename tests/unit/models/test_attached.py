import pytest
from safetensors.torch import save_file

from ftlab.errors import ModelError
from ftlab.models.adapter_file import BESIDE, WEIGHTS, read_adapter
from ftlab.models.attached import attach_adapter
from ftlab.models.portable import portable, write_adapter
from peft_kinds import LABELS, base, trained


@pytest.fixture
def folder(tmp_path):
    (tmp_path / BESIDE).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "key"), [("lora", "r"), ("prompt_tuning", "num_virtual_tokens"), ("p_tuning", "token_dim")]
)
def test_numbers_are_compared_with_the_weights_before_anything_is_built(folder, kind, key):
    write_adapter(trained(kind, "bert", LABELS), folder, BESIDE, None)
    file = read_adapter(folder)
    setattr(file.config, key, 900_000)
    with pytest.raises(
        ModelError, match=rf"\({key}=900000 in adapter_config\.json, \d+ in adapter_model\.safetensors\)"
    ):
        attach_adapter(base("bert", LABELS), folder, file)


def test_an_adapter_for_another_architecture_is_refused(folder):
    net = trained("lora", "bert", LABELS)
    write_adapter(net, folder, BESIDE, None)
    with pytest.raises(ModelError, match=r"adapter_config\.json does not fit its base model .*; train the run again"):
        attach_adapter(base("modernbert", LABELS), folder, read_adapter(folder))
    tensors = portable(net).tensors
    save_file({name: t.contiguous() for name, t in tensors.items() if "lora_" not in name}, folder / WEIGHTS)
    with pytest.raises(ModelError, match=r"r=4 in adapter_config\.json, 0 in"):
        attach_adapter(base("bert", LABELS), folder, read_adapter(folder))
