from __future__ import annotations

import pytest

from ftlab.errors import ModelError
from ftlab.models.family import head_of, is_causal
from ftlab.schema import ModelConfig

CAUSAL = "ftlab.modules.causal_lm.CausalLMModule"


def model(head: str = "auto", *, causal: bool) -> ModelConfig:
    options = {"_target_": CAUSAL} if causal else {}
    return ModelConfig(name="mine", head=head, **options)  # type: ignore[arg-type]


def test_the_target_tells_the_family() -> None:
    assert is_causal(model(causal=True))
    assert not is_causal(model(causal=False))


@pytest.mark.parametrize(
    ("causal", "head", "labelled", "prompted", "expected"),
    [
        (False, "auto", True, False, "classification"),
        (False, "auto", True, True, "classification"),  # the text is wrapped, nothing else changes
        (False, "classification", True, True, "classification"),
        (True, "auto", True, False, "classification"),
        (True, "classification", True, False, "classification"),
        (True, "auto", True, True, "lm"),
        (True, "lm", True, True, "lm"),
        (True, "auto", False, False, "lm"),
        (True, "lm", False, False, "lm"),
    ],
)
def test_the_output_follows_model_data_and_prompt(
    causal: bool, head: str, labelled: bool, prompted: bool, expected: str
) -> None:
    assert head_of(model(head, causal=causal), labelled=labelled, prompted=prompted) == expected


@pytest.mark.parametrize(
    ("causal", "head", "labelled", "prompted", "remedy"),
    [
        (False, "lm", True, True, "type model=smollm2_135m"),
        (False, "auto", False, False, "or dataset=policy_stance"),
        (True, "classification", False, False, "needs a data set with labels; type model.head=lm"),
        (True, "classification", True, True, "type prompt=none, or model.head=lm"),
        (True, "lm", True, False, "type prompt=zero_shot, or model.head=classification"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    causal: bool, head: str, labelled: bool, prompted: bool, remedy: str
) -> None:
    with pytest.raises(ModelError, match=rf"{remedy}$"):
        head_of(model(head, causal=causal), labelled=labelled, prompted=prompted)
