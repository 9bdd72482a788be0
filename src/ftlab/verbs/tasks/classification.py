"""Labels by a head: of an encoder, or of a causal model that reads to the end of the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ftlab.artefact import save_artefact
from ftlab.build import build_metrics, build_module
from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.sources import read_splits
from ftlab.datasets.splits import Splits
from ftlab.metrics import classification
from ftlab.metrics.measures import direction
from ftlab.models.family import is_causal
from ftlab.models.pretrained import LoadedNet, load_classifier, meta_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.modules.trained import TrainedModule
from ftlab.predictor import TorchPredictor
from ftlab.prompts.classification import check_wrapped
from ftlab.report.usage import Form
from ftlab.verbs import stages
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material
from ftlab.verbs.preflight import check_class_weights, check_model
from ftlab.verbs.tasks.asking import make_prompt, prompt_record
from ftlab.verbs.tasks.labels import LabelTask

_MODULE = "ftlab.modules.classifier.ClassifierModule"


class ClassificationTask(LabelTask):
    """Fine-tunes a network that has one output per label."""

    head = "classification"

    def read(self, machine: Machine) -> Material:
        """Read rows with labels, and try the network on the meta device."""
        settings = self.settings
        splits = read_splits(settings.dataset)
        tokenizer = load_tokenizer(settings.model, settings.dataset.tokenizer)
        check_class_weights(settings.model.class_weights, splits.labels)
        prompt = None
        if settings.prompt.name != "none":
            prompt = make_prompt(settings.prompt, None, splits, tokenizer.tokenizer, chat=False)
            check_wrapped(prompt, tokenizer.tokenizer, settings.dataset.max_length)
        net = meta_classifier(settings.model, splits.labels, tokenizer.tokenizer.pad_token_id)
        tried = check_model(settings, net, tokenizer)
        price = stages.price_here(settings.cost, machine.device)
        own_metrics = build_metrics(settings.metrics)
        data = TextDataModule(
            splits,
            tokenizer.tokenizer,
            **self.loading_options(machine),
            wrap=prompt.wrap if prompt else None,
        )
        read, virtual = data.mean_test_tokens, tried.read_tokens
        record: dict[str, Any] = {"name": "none", "tokens_per_request": read}
        around = 0
        if prompt is not None:
            around = len(tokenizer.tokenizer(prompt.prefix, add_special_tokens=False)["input_ids"])
            record = prompt_record(prompt, read, around, 0.0)
        # Virtual tokens are no tokens of the request, but they are computed with each.
        record |= {"virtual_tokens": tried.virtual_tokens, "computed_share": (around + virtual) / (read + virtual)}
        return Material(
            splits,
            tokenizer,
            tried.remarks,
            price,
            direction(self.monitor, own_metrics),
            classification.build_metrics(len(splits.labels), own_metrics),
            data,
            prompt,
            record,
        )

    def load(self, material: Material) -> LoadedNet:
        """Load the network, with a new head."""
        pad, load = material.tokenizer.tokenizer.pad_token_id, self.settings.adapter.get("load")
        return load_classifier(self.settings.model, _labels(material), pad, load)

    def module(self, net: nn.Module, machine: Machine, material: Material, **options: Any) -> TrainedModule:  # noqa: ANN401
        """Return the module that the model's YAML names; a causal model's is for writing, so the classifier's own."""
        settings, data = self.settings, material.data
        assert isinstance(data, TextDataModule), "rows with labels"
        return build_module(
            _MODULE if is_causal(settings.model) else settings.model._target_,
            net,
            material.metrics,
            class_weights=stages.class_weights(settings.model.class_weights, data.class_counts),
            label_smoothing=settings.model.label_smoothing,
            predictor=lambda net: TorchPredictor(
                net,
                material.tokenizer.tokenizer,
                data.labels,
                max_length=settings.dataset.max_length,
                device=machine.device,
                precision=machine.answers_in,
                prompt=material.prompt,
            ),
            **options,
        )

    def save(self, net: nn.Module, material: Material, folder: Path, **how: Any) -> Form:  # noqa: ANN401
        """Write the network with the names of its labels."""
        return save_artefact(
            net,
            material.tokenizer.tokenizer,
            folder,
            labels=_labels(material),
            prompt=material.prompt.to_json() if material.prompt else None,
            max_length=self.settings.dataset.max_length,
            **how,
        )


def _labels(material: Material) -> list[str]:
    assert isinstance(material.splits, Splits), "rows with labels"
    return material.splits.labels
