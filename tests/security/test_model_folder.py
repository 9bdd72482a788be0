"""Model folders from elsewhere: no code of theirs runs, no pickle of theirs is read (T48)."""

import json
import shutil

import pytest
import torch
from peft import AutoPeftModel, PromptTuningConfig, get_peft_model
from transformers import AutoConfig, AutoTokenizer, dynamic_module_utils

from ftlab.adapters.lora import add_lora
from ftlab.artefact import Base, load_artefact, save_artefact
from ftlab.errors import DataError, ModelError
from ftlab.launch import main
from ftlab.models.folder import Reference, weight_files
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.schema import ModelConfig
from small import SMALL

LABELS = ["oppose", "neutral", "support"]
PRETRAINED = [word for word in SMALL if not word.startswith("model=")]


@pytest.fixture
def folder(run):
    """The model folder of a run."""
    return run / "model"


@pytest.fixture
def adapter(run, tmp_path):
    """An adapter folder with its base in it."""
    base = shutil.copytree(run / "model", tmp_path / "before")
    torch.manual_seed(0)
    wrapped = add_lora(load_classifier(ModelConfig(name="base", checkpoint=str(base)), LABELS).net, rank=2).net
    tokenizer = load_tokenizer(ModelConfig(name="base", checkpoint=str(base)), None).tokenizer
    save_artefact(wrapped, tokenizer, tmp_path / "adapter", labels=LABELS, base=Base())
    return tmp_path / "adapter"


@pytest.fixture
def hostile_code(folder, canary, tmp_path, monkeypatch):
    """A module in the model folder that fires the canary when it is imported."""
    (folder / "evil.py").write_text(
        f"from transformers import PretrainedConfig\n{canary.expression}\nclass Config(PretrainedConfig): ...\n"
    )
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))


def set_keys(path, **keys):
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def pickle_at(path, payload):
    torch.save({"classifier.weight": payload}, path)


FAULTS = {
    "auto_map": {"auto_map": {"AutoConfig": "evil.Config", "AutoModelForSequenceClassification": "evil.Model"}},
    "nested": {"text_config": {"inner": [{"auto_map": {"AutoConfig": "evil.Config"}}]}},
    "remote": {"auto_map": {"AutoConfig": "someone/evil--evil.Config"}},
    "trust": {"trust_remote_code": True},
    "attention": {"_attn_implementation_internal": "someone/kernel"},
    "kernel": {"_attn_implementation": "someone/kernel:evil"},
    "experts": {"_experts_implementation_internal": "someone/kernel"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_config_that_names_code_is_refused_as_checkpoint(name, folder, hostile_code, canary, capsys, tmp_path):
    set_keys(folder / "config.json", **FAULTS[name])
    words = [*PRETRAINED, f"model.checkpoint={folder}", f"output_dir={tmp_path / 'out'}"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert f"model.checkpoint={folder}: config.json sets " in said and "would run code from outside" in said
    assert not canary.fired() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", FAULTS)
def test_a_tampered_run_is_refused_by_predict(name, run, hostile_code, canary, capsys):
    set_keys(run / "model" / "config.json", **FAULTS[name])
    assert main(["predict", str(run), "text=Build the tram."]) == 2
    assert "would run code from outside" in capsys.readouterr().err
    assert not canary.fired()


def test_transformers_told_to_trust_runs_it_and_the_untouched_run_predicts(folder, run, hostile_code, canary, capsys):
    assert main(["predict", str(run), "text=Build the tram."]) == 0  # evil.py lies there and nothing names it
    assert not canary.fired()
    set_keys(folder / "config.json", **FAULTS["auto_map"])
    AutoConfig.from_pretrained(folder, trust_remote_code=True)
    assert canary.fired()


@pytest.mark.parametrize("file", ["tokenizer_config.json", "config.json"])
def test_a_tokenizer_that_names_code_is_refused(file, folder, run, hostile_code, canary, capsys, tmp_path):
    config = ModelConfig(name="x", init="random", architecture={"model_type": "bert", "vocab_size": 2048})
    assert load_tokenizer(config, str(folder)).name == str(folder)  # without the fault
    set_keys(folder / file, auto_map={"AutoTokenizer": ["evil.Config", None], "AutoConfig": "evil.Config"})
    if file == "config.json":
        set_keys(folder / file, model_type="unknown")
    with pytest.raises(ModelError, match=rf"model\.tokenizer=.*: {file} sets auto_map, which would run code"):
        load_tokenizer(config, str(folder))
    assert main([*SMALL, f"model.tokenizer={folder}", f"output_dir={tmp_path / 'out'}", "tracking=none"]) == 2
    assert main(["predict", str(run), "text=x"]) == 2
    assert not canary.fired() and not (tmp_path / "out").exists()  # before a run folder is made
    with pytest.raises((ValueError, AttributeError, TypeError)):  # it is no tokenizer, but it ran
        AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
        raise ValueError("loaded")
    assert canary.fired()


def test_pickled_weights_are_not_read(folder, run, canary, capsys, tmp_path):
    (folder / "model.safetensors").unlink()
    pickle_at(folder / "pytorch_model.bin", canary.system())
    said = "holds only pytorch_model.bin, a pickle that can run code when read; save the model as safetensors"
    assert main([*PRETRAINED, f"model.checkpoint={folder}", "tracking=none", f"output_dir={tmp_path / 'out'}"]) == 2
    assert said in capsys.readouterr().err
    assert main(["predict", str(run), "text=x"]) == 2
    assert said in capsys.readouterr().err
    assert not canary.fired()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert canary.fired()


def test_a_pickle_beside_safetensors_and_one_in_their_clothes_are_not_read(folder, run, canary, capsys):
    pickle_at(folder / "pytorch_model.bin", canary.system())
    pickle_at(folder / "training_args.bin", canary.system())
    assert main(["predict", str(run), "text=x"]) == 0
    pickle_at(folder / "model.safetensors", canary.system())
    assert main(["predict", str(run), "text=x"]) == 2
    assert "model.safetensors cannot be read" in capsys.readouterr().err
    assert not canary.fired()


@pytest.mark.parametrize("name", ["../evil.safetensors", "/etc/evil.safetensors", "evil.bin", "a/b.safetensors"])
def test_an_index_leads_to_no_file_outside_the_folder(name, folder):
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors"}}))
    assert weight_files(folder, Reference("model.checkpoint", "x")) == [folder / "model-1.safetensors"]
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": name}}))
    with pytest.raises(ModelError, match="is no index of safetensors files"):
        weight_files(folder, Reference("model.checkpoint", "x"))


def test_a_pickled_adapter_is_not_read(adapter, canary):
    assert load_artefact(adapter).labels == LABELS  # without the fault
    (adapter / "adapter_model.safetensors").unlink()
    pickle_at(adapter / "adapter_model.bin", canary.system())
    with pytest.raises(ModelError, match=r"holds only adapter_model\.bin, a pickle that can run code when read"):
        load_artefact(adapter)
    assert not canary.fired()
    torch.load(adapter / "adapter_model.bin", weights_only=False)
    assert canary.fired()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("auto_mapping", {"base_model_class": "X", "parent_library": "evil"}),
        ("megatron_config", {"a": 1}),
        ("megatron_core", "evil"),
        ("task_type", "CAUSAL_LM"),
        ("init_lora_weights", "pissa"),
        ("loftq_config", {"loftq_bits": 4}),
        ("tokenizer_kwargs", {"trust_remote_code": True}),
        ("target_modules", "(a+)+$"),
        ("target_modules", [["query"]]),
        ("r", "8"),
        ("r", True),
        ("adapters", {"x": "/somewhere"}),
        ("prompt_tuning_init_text", "someone/model"),
        ("tokenizer_name_or_path", "someone/model"),
    ],
)
def test_an_adapter_that_ftlab_would_not_have_written_is_refused(adapter, key, value):
    set_keys(adapter / "adapter_config.json", **{key: value})
    with pytest.raises(ModelError, match=rf"adapter_config\.json sets {key}=.*, which ftlab's LoRA never does"):
        load_artefact(adapter)


@pytest.mark.parametrize("kind", ["XLORA", "LOHA", "PROMPT_TUNING", "P_TUNING", "IA3", "ADALORA"])
def test_an_adapter_that_says_it_is_of_another_kind_is_refused(adapter, kind):
    set_keys(adapter / "adapter_config.json", peft_type=kind)
    with pytest.raises(
        ModelError, match=r"adapter_config\.json sets .* which ftlab.* never does and which may load code"
    ):
        load_artefact(adapter)


def test_a_prompt_whose_first_words_peft_would_fetch_a_tokenizer_for_is_refused(adapter, tmp_path):
    base = load_classifier(ModelConfig(name="base", checkpoint=str(tmp_path / "before")), LABELS).net
    config = PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=4)
    tokenizer = load_tokenizer(ModelConfig(name="base", checkpoint=str(tmp_path / "before")), None).tokenizer
    folder = tmp_path / "soft"
    save_artefact(get_peft_model(base, config), tokenizer, folder, labels=LABELS, base=Base())
    assert load_artefact(folder).labels == LABELS  # without the fault
    fetched = {"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "x", "tokenizer_name_or_path": "someone/model"}
    for key, value in fetched.items():
        before = (folder / "adapter_config.json").read_text()
        set_keys(folder / "adapter_config.json", **{key: value})
        with pytest.raises(ModelError, match=f"sets {key}={value}, which ftlab's prompt tuning never does"):
            load_artefact(folder)
        (folder / "adapter_config.json").write_text(before)


def test_peft_itself_imports_what_an_adapter_names(adapter, canary, tmp_path, monkeypatch):
    (tmp_path / "evil_library.py").write_text(f"{canary.expression}\nclass X: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    mapping = {"base_model_class": "X", "parent_library": "evil_library"}
    set_keys(adapter / "adapter_config.json", task_type=None, auto_mapping=mapping)
    with pytest.raises(ModelError, match="ftlab's LoRA never does"):
        load_artefact(adapter)
    assert not canary.fired()
    with pytest.raises(AttributeError):  # X is no model, but its module ran
        AutoPeftModel.from_pretrained(adapter, import_allowlist=["evil_library"])
    assert canary.fired()


def test_the_base_that_an_adapter_names_is_held_to_the_same_rules(adapter, tmp_path, canary):
    set_keys(adapter / "base" / "config.json", auto_map={"AutoConfig": "evil.Config"})
    with pytest.raises(ModelError, match=r"config\.json sets auto_map, which would run code"):
        load_artefact(adapter)
    for base in ("http://127.0.0.1:9/x", "../../nowhere/at/all", "../before", str(tmp_path / "before"), "/dev/null"):
        set_keys(adapter / "adapter_config.json", base_model_name_or_path=base)
        with pytest.raises(ModelError, match="neither a hub id nor the folder base beside it, and ftlab follows no"):
            load_artefact(adapter)
    for base in (None, "", 3, ["x"]):
        set_keys(adapter / "adapter_config.json", base_model_name_or_path=base)
        with pytest.raises(DataError, match="names no base model"):
            load_artefact(adapter)
    (adapter / "adapter_config.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="cannot be read"):
        load_artefact(adapter)
