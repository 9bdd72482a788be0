"""Labels by a prompt: a causal model takes the answer it finds likeliest."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from torch import nn

from ftlab.artefact import save_artefact
from ftlab.build import build_metrics, build_module
from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.sources import read_splits
from ftlab.decoding.label_scores import LabelScorer
from ftlab.decoding.prompt_tokens import PromptTokens
from ftlab.metrics import classification
from ftlab.metrics.measures import direction
from ftlab.models.causal import load_causal_lm, meta_causal_lm
from ftlab.models.positions import max_positions
from ftlab.models.pretrained import LoadedNet
from ftlab.models.tokenizer import load_tokenizer
from ftlab.modules.trained import TrainedModule
from ftlab.predictor import PromptedPredictor
from ftlab.prompts.classification import ClassificationPrompt
from ftlab.report.usage import Form
from ftlab.verbs import stages
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.preflight import Tried, check_class_weights, check_model
from ftlab.verbs.tasks.asking import make_prompt, prompt_record
from ftlab.verbs.tasks.labels import LabelTask

_MODULE = "ftlab.modules.prompted.PromptedModule"


class PromptedTask(LabelTask):
    """Asks a causal language model for the label; with an adapter that trains, teaches it to answer."""

    head = "lm"

    def read(self, machine: Machine) -> Material:
        """Read rows with labels, draw the examples, and try network and prompt on the meta device."""
        settings = self.settings
        splits = read_splits(settings.dataset)
        loaded = load_tokenizer(settings.model, settings.dataset.tokenizer)
        prompt = make_prompt(settings.prompt, settings.model.chat_template, splits, loaded.tokenizer)
        check_class_weights(settings.model.class_weights, splits.labels)
        net = meta_causal_lm(settings.model, loaded.tokenizer.pad_token_id)
        tried = check_model(settings, net, loaded)
        tokens = PromptTokens.of(
            prompt,
            loaded.tokenizer,
            max_length=settings.dataset.max_length,
            positions=max_positions(net.config),
            virtual_tokens=tried.virtual_tokens,
        )
        remarks = list(tried.remarks)
        if tokens.max_length < settings.dataset.max_length:
            remarks.append(
                f"the prompt leaves {tokens.max_length} of the {settings.dataset.max_length} tokens that "
                "dataset.max_length allows a text"
            )
        own_metrics = build_metrics(settings.metrics)
        shorter = dataclasses.replace(settings.dataset, max_length=tokens.max_length)
        data = TextDataModule(
            splits,
            tokens.tokenizer,
            **{**self.loading_options(machine), "cfg": shorter},
        )
        return Material(
            splits,
            loaded,
            remarks,
            stages.price_here(settings.cost, machine.device),
            direction(self.monitor, own_metrics),
            classification.build_metrics(len(splits.labels), own_metrics),
            data,
            tokens,
            _record(tokens, data.mean_test_tokens, tried),
        )

    def load(self, material: Material) -> LoadedNet:
        """Load the network as it writes."""
        pad, load = material.tokenizer.tokenizer.pad_token_id, self.settings.adapter.get("load")
        return load_causal_lm(self.settings.model, pad, load)

    def module(self, net: nn.Module, machine: Machine, material: Material, **options: Any) -> TrainedModule:  # noqa: ANN401
        """Return the module that scores answers."""
        settings, data = self.settings, material.data
        assert isinstance(data, TextDataModule), "rows with labels"
        return build_module(
            _MODULE,
            net,
            material.metrics,
            scorer=LabelScorer(net, material.prompt),
            class_weights=stages.class_weights(settings.model.class_weights, data.class_counts),
            label_smoothing=settings.model.label_smoothing,
            predictor=lambda net: PromptedPredictor(
                net, material.prompt, device=machine.device, precision=machine.answers_in
            ),
            **options,
        )

    def save(self, net: nn.Module, material: Material, folder: Path, **how: Any) -> Form:  # noqa: ANN401
        """Write the network with its prompt."""
        prompt: ClassificationPrompt = material.prompt.prompt
        return save_artefact(
            net,
            material.tokenizer.tokenizer,
            folder,
            labels=prompt.labels,
            prompt=prompt.to_json(),
            max_length=self.settings.dataset.max_length,
            **how,
        )


def _record(tokens: PromptTokens, mean_suffix: float, tried: Tried) -> dict[str, Any]:
    """Return the record of the prompt; with a cache, what stands before every text is not computed per request."""
    whole, virtual = tokens.per_request(mean_suffix), tried.read_tokens
    computed = tokens.after / mean_suffix if tokens.prompt.cache else (tokens.overhead + virtual) / (whole + virtual)
    return {**prompt_record(tokens.prompt, whole, tokens.overhead, computed), "virtual_tokens": tried.virtual_tokens}
