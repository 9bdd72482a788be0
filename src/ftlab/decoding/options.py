"""What ``generation`` may hold. Imports nothing heavy."""

from __future__ import annotations

import dataclasses

from ftlab.errors import ConfigError
from ftlab.schema import GenerationConfig


def seeded(config: GenerationConfig, seed: int) -> GenerationConfig:
    """Return ``config`` with ``seed`` where it has none of its own."""
    return config if config.seed is not None else dataclasses.replace(config, seed=seed)


def generation_faults(config: GenerationConfig) -> list[str]:
    """Return one sentence per number of ``config`` that is out of range, each with its remedy."""
    faults = []
    if config.enabled not in ("auto", True, False):
        faults.append(
            f"generation.enabled={config.enabled} is not one of auto, true, false; type generation.enabled=auto"
        )
    for name, remedy in (("max_new_tokens", 128), ("batch_size", 16)):
        if (value := getattr(config, name)) < 1:
            faults.append(f"generation.{name}={value} writes nothing; give 1 or more: generation.{name}={remedy}")
    for name, remedy in (("limit", 32), ("table_rows", 8), ("top_k", 0)):
        if (value := getattr(config, name)) is not None and value < 0:
            faults.append(f"generation.{name}={value} is below 0; give 0 or more: generation.{name}={remedy}")
    if not 0 < config.temperature < float("inf"):
        faults.append(
            f"generation.temperature={config.temperature:g} is not above 0; for the likeliest token each time type "
            "generation.do_sample=false"
        )
    if not 0 < config.top_p <= 1:
        faults.append(
            f"generation.top_p={config.top_p:g} is no share; give a number above 0 and up to 1: generation.top_p=0.9"
        )
    if "" in config.stop:
        faults.append(
            "generation.stop has an empty string, which every text holds; give the text: generation.stop=[END]"
        )
    return faults + _without_effect(config)


def check_generation(config: GenerationConfig) -> None:
    """Raise ConfigError with all that ``generation_faults`` finds."""
    if faults := generation_faults(config):
        raise ConfigError(*faults)


def _without_effect(config: GenerationConfig) -> list[str]:
    if config.do_sample:
        return []
    defaults = GenerationConfig()
    changed = [name for name in ("temperature", "top_p", "top_k") if getattr(config, name) != getattr(defaults, name)]
    return [
        f"generation.{name}={getattr(config, name):g} changes nothing while the likeliest token is taken each time; "
        "type generation.do_sample=true"
        for name in changed[:1]
    ]
