from __future__ import annotations

import pytest

from ftlab.models.family import is_causal
from ftlab.schema import ModelConfig


@pytest.mark.parametrize(
    ("target", "causal"),
    [
        ("ftlab.modules.causal_lm.CausalLMModule", True),
        ("mine.MyCausalLMModule", True),
        ("ftlab.modules.classifier.ClassifierModule", False),
    ],
)
def test_the_target_tells_the_family(target: str, causal: bool) -> None:
    assert is_causal(ModelConfig(name="mine", _target_=target)) == causal
