from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from transformers import AutoConfig, PreTrainedModel

from ftlab.adapters.lora import add_lora
from ftlab.errors import ModelError
from ftlab.models import attention
from ftlab.models.architecture import read_config
from ftlab.models.attention import attention_note, attention_of, attention_used
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]


def build(cfg: ModelConfig) -> PreTrainedModel:
    torch.manual_seed(2)
    return load_classifier(cfg, ["a", "b", "c"]).net.eval()


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta", "xlm-roberta", "electra", "modernbert"])
def test_sdpa_and_eager_give_the_same_logits(tiny: Tiny, kind: str) -> None:
    window = {"local_attention": 8} if kind == "modernbert" else {}
    nets = {name: build(tiny(kind, attention=name, architecture=window)) for name in ("sdpa", "eager")}
    assert {name: attention_used(net) for name, net in nets.items()} == {"sdpa": "sdpa", "eager": "eager"}
    ids = torch.arange(5, 85).reshape(2, 40)
    mask = torch.ones_like(ids)
    mask[1, 13:] = 0
    with torch.inference_mode():
        logits = [net(input_ids=ids, attention_mask=mask).logits for net in nets.values()]
    assert logits[0].std() > 1e-3
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=1e-6)


def test_an_architecture_without_sdpa_uses_eager_and_says_so(tiny: Tiny) -> None:
    deberta = tiny("deberta-v2")
    config = read_config(deberta)
    assert attention_of(deberta, config) == "eager"
    assert attention_note(deberta, config) == (
        "deberta-v2 has no sdpa attention in transformers; eager is used (model.attention=eager says so)"
    )
    assert attention_used(build(deberta)) == "eager"
    assert attention_note(tiny("deberta-v2", attention="eager"), config) is None
    assert attention_note(tiny(), AutoConfig.for_model("bert")) is None


def test_the_attention_is_found_inside_an_adapter(tiny: Tiny) -> None:
    assert attention_used(add_lora(build(tiny(attention="eager"))).net) == "eager"


def gpu(monkeypatch: pytest.MonkeyPatch, *, major: int = 8, name: str = "NVIDIA A10G") -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (major, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)


def test_flash_without_a_gpu_is_refused_before_a_weight_is_made(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match=r"needs a CUDA GPU, and torch sees none; type model\.attention=sdpa$"):
        meta_classifier(tiny(attention="flash"), ["a", "b"])


def test_flash_on_an_old_gpu_names_it(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, major=7, name="Tesla T4")
    with pytest.raises(ModelError, match=r"this is Tesla T4; type model\.attention=sdpa"):
        attention_of(tiny(attention="flash"), AutoConfig.for_model("bert"))


def test_flash_without_its_package_says_what_to_install(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch)
    monkeypatch.setattr(attention, "is_flash_attn_2_available", lambda: False)
    with pytest.raises(ModelError, match=r"type pip install flash-attn --no-build-isolation, or model\.attention=sdpa"):
        attention_of(tiny(attention="flash"), AutoConfig.for_model("bert"))


def test_flash_with_both_is_transformers_flash_attention_2(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch)
    monkeypatch.setattr(attention, "is_flash_attn_2_available", lambda: True)
    for kind in ("bert", "distilbert", "roberta", "xlm-roberta", "electra", "modernbert"):
        assert attention_of(tiny(kind, attention="flash"), AutoConfig.for_model(kind)) == "flash_attention_2"


@pytest.mark.parametrize("kind", ["deberta-v2", "gpt_oss"])  # the second lists kernels on the hub instead
def test_flash_is_never_taken_from_the_hub(tiny: Tiny, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(attention, "is_flash_attn_2_available", lambda: True)
    with pytest.raises(ModelError, match=rf"model type {kind} has no flash attention .*type model\.attention=sdpa"):
        attention_of(tiny(attention="flash"), AutoConfig.for_model(kind))


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_flash_computes_what_sdpa_does(tiny: Tiny, kind: str) -> None:
    pytest.importorskip("flash_attn")
    width = {"hidden_size": 128, "num_attention_heads": 2}
    nets = [build(tiny(kind, attention=name, architecture=width)).cuda() for name in ("sdpa", "flash")]
    ids = torch.arange(5, 85).reshape(2, 40).cuda()
    mask = torch.ones_like(ids)
    mask[1, 13:] = 0
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
        logits = [net(input_ids=ids, attention_mask=mask).logits for net in nets]
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=2e-2)
