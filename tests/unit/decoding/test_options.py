"""Options that cannot be meant are refused, each with the override to type."""

from __future__ import annotations

from typing import Any

import pytest

from ftlab.decoding.options import check_generation, generation_faults
from ftlab.errors import ConfigError
from ftlab.schema import GenerationConfig


def test_defaults_have_no_fault() -> None:
    check_generation(GenerationConfig())
    check_generation(GenerationConfig(do_sample=True, temperature=0.7, top_p=0.9, top_k=40, limit=None, stop=["END"]))


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"enabled": "maybe"}, "generation.enabled=auto"),
        ({"max_new_tokens": 0}, "generation.max_new_tokens=128"),
        ({"batch_size": 0}, "generation.batch_size=16"),
        ({"limit": -1}, "generation.limit=32"),
        ({"table_rows": -1}, "generation.table_rows=8"),
        ({"do_sample": True, "top_k": -1}, "generation.top_k=0"),
        ({"do_sample": True, "temperature": 0.0}, "generation.do_sample=false"),
        ({"do_sample": True, "top_p": 0.0}, "generation.top_p=0.9"),
        ({"do_sample": True, "top_p": 1.5}, "generation.top_p=0.9"),
        ({"stop": ["a", ""]}, "generation.stop=[END]"),
        ({"temperature": 0.7}, "generation.do_sample=true"),
    ],
)
def test_each_fault_names_its_value_and_the_remedy(options: dict[str, Any], remedy: str) -> None:
    (fault,) = generation_faults(GenerationConfig(**options))
    assert f"generation.{list(options)[-1]}" in fault
    assert fault.endswith(remedy)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        check_generation(GenerationConfig(max_new_tokens=0, batch_size=0))
    assert len(caught.value.sentences) == 2
