"""What ``adapter.load`` may ask for: each sentence of the rule, and what passes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ftlab.check import load_rules
from ftlab.errors import ConfigError

NF4 = "adapter.load.quantization=nf4"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["adapter=qlora", "adapter.load.quantization=int3"], "int3 is not one of nf4, fp4, int8, none; write"),
        (["adapter=lora", "adapter.load.quantization=fp44"], "write adapter.load.quantization=fp4"),
        (["adapter=qlora", "adapter.load.double_quantization=2"], "=2 is not one of true, false; write"),
        (["adapter=qlora", "adapter.load.compute_dtype=bf16"], "write adapter.load.compute_dtype=bfloat16"),
        (["adapter=qlora", "adapter.load.quantisation=nf4"], "did you mean adapter.load.quantization?"),
        (["adapter=lora", "adapter.load=fp4"], "is no set of options; write adapter.load.quantization=fp4"),
        (["adapter=full", NF4], "does not go with adapter=full, which trains weights of the base"),
        (["adapter=freeze", NF4], "does not go with adapter=freeze, which trains weights of the base"),
        (["adapter=none", NF4], "adapter=none, which trains nothing"),
        (["adapter=pissa", NF4], "adapter=pissa, which begins by taking its update out of the base's weights"),
        (["adapter=olora", NF4], "write adapter=qlora, or adapter.load.quantization=none"),
        (["adapter=qlora", "adapter.variant=pissa"], "adapter.variant=pissa, which begins by taking"),
        (["adapter=qlora", "trainer=fsdp"], "write trainer=ddp, or adapter.load.quantization=none"),
        (["load_in_4bit=true"], "write adapter=qlora"),
        (["load_in_8bit=true"], "write adapter=qlora adapter.load.quantization=int8"),
    ],
)  # fmt: skip
def test_faults(cfg: Any, words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        cfg("model=tiny_bert", *words)
    assert len(caught.value.sentences) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["adapter=qlora"],
        ["adapter=qlora", "adapter.load.quantization=int8"],
        ["adapter=qlora", "adapter.load.quantization=none"],
        ["adapter=dora", "+adapter.load.quantization=fp4"],
        *([f"adapter={name}", NF4] for name in ("lora", "rslora", "adalora", "ia3", "head", "bitfit", "layernorm")),
        ["adapter=full", "adapter.load.quantization=none"],
    ],
)
def test_what_passes(cfg: Any, words: list[str]) -> None:
    assert cfg("model=tiny_bert", *words).adapter.load.quantization


def test_a_missing_package_names_what_to_type_and_what_does_without(cfg: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    find = load_rules.importlib.util.find_spec
    monkeypatch.setattr(
        load_rules.importlib.util, "find_spec", lambda top: None if top == "bitsandbytes" else find(top)
    )
    with pytest.raises(ConfigError, match=r"type: pip install bitsandbytes==0\.50\.2, or write .*=int8"):
        cfg("model=tiny_bert", "adapter=qlora")
    cfg("model=tiny_bert", "adapter=qlora", "adapter.load.quantization=int8")
