"""What a run is for: labels by a head, labels by a prompt, or text; told by model, data set and prompt together."""

from __future__ import annotations

from typing import Literal

from ftlab.datasets.kind import dataset_kind
from ftlab.errors import ConfigError
from ftlab.models.family import is_causal
from ftlab.schema import DatasetConfig, ModelConfig, PromptConfig

TaskName = Literal["classification", "prompted", "generation"]
HEADS = ("auto", "classification", "lm")


def chosen_task(model: ModelConfig, dataset: DatasetConfig, prompt: PromptConfig) -> TaskName:
    """Return what the run is for.

    ``generation``: a causal model on texts to write. ``prompted``: a causal model on labelled texts with a prompt; the
    answer it finds likeliest is the label. ``classification``: a head gives the label, of an encoder or, without a
    prompt or with ``model.head=classification``, of a causal model; a prompt is then only text around the text.

    Raises:
        ConfigError: the three do not go together.
        DataError: a file is not there or cannot be read; its columns fit nothing.
    """
    if model.head not in HEADS:
        raise ConfigError(f"model.head={model.head} must be one of {', '.join(HEADS)}; write model.head=auto")
    causal, asked = is_causal(model), prompt.name != "none"
    if not causal and model.head == "lm":
        raise ConfigError(
            f"model.head=lm needs a model that writes, and model={model.name} is none; write model.head=auto"
        )
    expected = causal and not asked and model.head != "classification"
    if dataset_kind(dataset, "lm" if expected else "classification") == "classification":
        return _labels(model, causal=causal, asked=asked)
    if not causal:
        raise ConfigError(
            f"dataset={dataset.name} holds texts to write, and model={model.name} gives labels; write "
            "model=smollm2_135m, or give a data set with labels, such as dataset=policy_stance"
        )
    if asked:
        raise ConfigError(
            f"prompt={prompt.name} asks for labels, and dataset={dataset.name} holds texts to write; write prompt=none"
        )
    if model.head == "classification":
        raise ConfigError(
            f"model.head=classification gives labels, and dataset={dataset.name} holds texts to write; write "
            "model.head=auto"
        )
    return "generation"


def _labels(model: ModelConfig, *, causal: bool, asked: bool) -> TaskName:
    if not causal or model.head == "classification":
        return "classification"
    if asked:
        return "prompted"
    if model.head == "lm":
        raise ConfigError("model.head=lm gives labels by a prompt only; write prompt=zero_shot, or model.head=auto")
    return "classification"
