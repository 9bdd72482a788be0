"""``adapter_config.json`` of every kind: what ftlab writes comes back, what it would not have written is refused."""

import json

import pytest

from ftlab.errors import DataError, ModelError
from ftlab.models.adapter_file import BESIDE, CONFIG, WEIGHTS, read_adapter, write_adapter_config
from ftlab.models.hub import is_hub_id
from peft_kinds import KINDS, LABELS, settings

WRITTEN = [kind for kind in KINDS if kind != "adalora"]  # which is saved as LoRA


@pytest.fixture
def folder(tmp_path):
    """An adapter's folder as far as its settings go."""
    (tmp_path / "model" / BESIDE).mkdir(parents=True)
    (tmp_path / "model" / WEIGHTS).touch()
    return tmp_path / "model"


def write(folder, kind, **keys):
    write_adapter_config(folder, settings(kind, "bert", LABELS), BESIDE, None)
    path = folder / CONFIG
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_is_written_is_read(folder, kind):
    wanted = settings(kind, "bert", LABELS)
    write(folder, kind)
    found = read_adapter(folder)
    assert (found.base, found.revision, found.config.inference_mode) == (None, None, True)
    past = ("base_model_name_or_path", "inference_mode", "init_lora_weights")
    said, meant = ({k: v for k, v in c.to_dict().items() if k not in past} for c in (found.config, wanted))
    assert said == meant
    assert getattr(found.config, "init_lora_weights", True) is True, "what is loaded takes nothing out of its base"
    with pytest.raises(ModelError, match="sets task_type=SEQ_CLS"):
        read_adapter(folder, "lm")


def test_a_text_to_begin_with_and_its_tokenizer_are_not_written(folder):
    config = settings("prompt_tuning", "bert", LABELS)
    config.prompt_tuning_init, config.prompt_tuning_init_text = "TEXT", "Say what it is"
    config.tokenizer_name_or_path = "someone/model"
    write_adapter_config(folder, config, "owner/model", "0" * 40)
    raw = json.loads((folder / CONFIG).read_text())
    assert (raw["prompt_tuning_init"], raw["prompt_tuning_init_text"], raw["tokenizer_name_or_path"]) == (
        "RANDOM",
        None,
        None,
    )
    assert (read_adapter(folder).base, read_adapter(folder).revision) == ("owner/model", "0" * 40)


EVERYWHERE = {
    "auto_mapping": {"base_model_class": "X", "parent_library": "evil"},
    "peft_type": "XLORA",
    "task_type": None,
    "adapters": {"x": "/somewhere"},
    "modules_to_save": "classifier",
    "tokenizer_kwargs": {"trust_remote_code": True},
    "runtime_config": {"ephemeral_gpu_offload": True},
    "unheard_of": "x",
}
OWN = {
    "lora": {
        "init_lora_weights": "pissa",
        "r": 10**9,
        "lora_alpha": float("inf"),
        "target_modules": "(a+)+$",
        "layers_to_transform": [0],
        "layers_pattern": "layer",
        "rank_pattern": {"(a+)+$": 4},
        "megatron_config": {"a": 1},
        "megatron_core": "evil",
        "loftq_config": {"loftq_bits": 4},
        "eva_config": {"rho": 2.0},
        "trainable_token_indices": [1],
        "bias": "all",
        "use_dora": "yes",
        "lora_bias": True,
        "target_parameters": ["x"],
    },
    "ia3": {"feedforward_modules": ".*", "init_ia3_weights": "x", "r": 8},
    "prompt_tuning": {
        "prompt_tuning_init": "TEXT",
        "prompt_tuning_init_text": "someone/model",
        "tokenizer_name_or_path": "someone/model",
        "num_virtual_tokens": 10**9,
        "num_transformer_submodules": 2,
        "token_dim": -1,
    },
    "prefix_tuning": {"prefix_projection": "x", "init_weights": "zero", "num_layers": 10**9},
    "p_tuning": {"encoder_reparameterization_type": "evil", "encoder_num_layers": 0, "encoder_hidden_size": True},
}


@pytest.mark.parametrize("kind", OWN)
def test_options_that_ftlab_never_sets_are_refused(folder, kind):
    for key, value in {**EVERYWHERE, **OWN[kind]}.items():
        write(folder, kind, **{key: value})
        with pytest.raises(ModelError, match=rf"sets {key}=.* never does and which may load code; .*train the run ag"):
            read_adapter(folder)
    write(folder, kind, inference_mode=False, revision="../../x", peft_version="evil")
    found = read_adapter(folder)  # neither of which is looked at
    assert (found.config.inference_mode, found.revision) == (True, None)


@pytest.mark.parametrize(
    "base", ["../../x", "/etc", "./base", "base/", "~/x", "http://127.0.0.1/x", "a/b/c", "..", "base\n", "C:\\x"]
)
def test_a_base_anywhere_else_is_refused(folder, base):
    write(folder, "lora", base_model_name_or_path=base)
    with pytest.raises(ModelError, match="neither a hub id nor the folder base beside it, and ftlab follows no other"):
        read_adapter(folder)
    assert not is_hub_id(base)


def test_a_base_that_is_missing_or_leads_elsewhere_is_refused(folder, tmp_path):
    write(folder, "lora")
    (folder / BESIDE).rmdir()
    with pytest.raises(ModelError, match="lacks its folder base, which holds the base model; copy the whole folder"):
        read_adapter(folder)
    (tmp_path / "elsewhere").mkdir()
    (folder / BESIDE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="lacks its folder base"):
        read_adapter(folder)


@pytest.mark.parametrize("base", [None, "", 3, ["x"]])
def test_a_file_without_a_base_is_broken(folder, base):
    write(folder, "lora", base_model_name_or_path=base)
    with pytest.raises(DataError, match="names no base model"):
        read_adapter(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_a_file_that_is_no_object_is_broken(folder, text):
    (folder / CONFIG).write_text(text)
    with pytest.raises(DataError, match="train the run again"):
        read_adapter(folder)


@pytest.mark.parametrize("kind", WRITTEN)
def test_pickled_weights_are_refused(folder, kind):
    write(folder, kind)
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"holds only adapter_model\.bin, a pickle that can run code when read"):
        read_adapter(folder)
