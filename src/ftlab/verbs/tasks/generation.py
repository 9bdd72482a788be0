"""Texts: a causal model learns to write them, and is measured by how likely it finds them and by what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn
from torchmetrics import MetricCollection

from ftlab.artefact import save_artefact
from ftlab.build import build_metrics, build_module
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.lm_sources import read_lm_splits
from ftlab.decoding.options import seeded
from ftlab.generator import TorchGenerator, load_generator
from ftlab.metrics.measures import direction
from ftlab.models.causal import load_causal_lm, meta_causal_lm
from ftlab.models.pretrained import LoadedNet
from ftlab.models.tokenizer import load_tokenizer, own_template
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.trained import TrainedModule
from ftlab.prompts.chat import ChatTemplate, load_template
from ftlab.report.generations import write_generations
from ftlab.report.report_card import write_report_card
from ftlab.report.usage import Form
from ftlab.results import RunResult
from ftlab.schema import GenerationConfig
from ftlab.verbs import stages
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Data, Material
from ftlab.verbs.preflight import check_model
from ftlab.verbs.tasks.answered import intervals_of, with_answers
from ftlab.verbs.tasks.lm_pass import pass_over_test
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tasks.written import columns, is_wanted
from ftlab.verbs.tested import Answer, Tested

VERIFIED_BATCHES = 1  # of test rows, the longest, that the reloaded artefact scores again


class GenerationTask(Task):
    """Fine-tunes a causal language model on texts."""

    task = "causal_lm"
    head = "lm"
    watches = "val/loss"

    @property
    def options(self) -> GenerationConfig:
        """How the model writes: a seed of its own, or the run's."""
        return seeded(self.settings.generation, self.settings.seed)

    def read(self, machine: Machine) -> Material:
        """Read the texts, write them as the template does, and try the network on the meta device."""
        settings = self.settings
        splits = read_lm_splits(settings.dataset)
        loaded = load_tokenizer(settings.model, settings.dataset.tokenizer)
        template = load_template(settings.model.chat_template, own_template(loaded.tokenizer))
        tried = check_model(settings, meta_causal_lm(settings.model, loaded.tokenizer.pad_token_id), loaded)
        own_metrics = build_metrics(settings.metrics)
        data = LmDataModule(
            splits,
            loaded.tokenizer,
            template,
            **self.loading_options(machine),
        )
        return Material(
            splits,
            loaded,
            tried.remarks,
            stages.price_here(settings.cost, machine.device),
            direction(self.monitor, own_metrics),
            MetricCollection(own_metrics) if own_metrics else None,  # type: ignore[arg-type]
            data,
            template,
            {
                "name": "none",
                "tokens_per_request": data.mean_prompt_tokens,
                "style": "plain" if data.raw_prompts else "chat",  # how predict writes a text to the model
                "chat_template": template.name,
                "chat_template_sha256": template.sha256,
                "virtual_tokens": tried.virtual_tokens,
            },
        )

    def load(self, material: Material) -> LoadedNet:
        """Load the network as it writes."""
        pad, load = material.tokenizer.tokenizer.pad_token_id, self.settings.adapter.get("load")
        return load_causal_lm(self.settings.model, pad, load)

    def module(self, net: nn.Module, machine: Machine, material: Material, **options: Any) -> TrainedModule:  # noqa: ANN401
        """Return the module that the model's YAML names."""
        settings = self.settings
        return build_module(
            settings.model._target_,
            net,
            material.metrics,
            label_smoothing=settings.model.label_smoothing,
            keep_argmax=is_wanted(self.options),
            predictor=lambda net: TorchGenerator(
                net,
                material.tokenizer.tokenizer,
                material.prompt,
                max_length=settings.dataset.max_length,
                device=machine.device,
                precision=machine.answers_in,
                options=self.options,
            ),
            **options,
        )

    def answers(self, module: TrainedModule, data: Data) -> list[Answer]:
        """Return what is written to each sample."""
        assert isinstance(data, LmDataModule), "texts"
        if not self.settings.dataset.samples:
            return []
        return [Answer(written.text) for written in module.predictor().generate(data.samples())]

    def beyond(self, module: TrainedModule, data: Data, tested: Tested) -> Tested:
        """Answer test rows, and score the answers."""
        assert isinstance(data, LmDataModule), "texts"
        return with_answers(tested, module.predictor(), data, self.options)

    def save(self, net: nn.Module, material: Material, folder: Path, **how: Any) -> Form:  # noqa: ANN401
        """Write the network with the template it was taught with."""
        template: ChatTemplate = material.prompt
        return save_artefact(
            net,
            material.tokenizer.tokenizer,
            folder,
            labels=None,
            template=template,
            max_length=self.settings.dataset.max_length,
            **how,
        )

    def load_saved(self, folder: Path, machine: Machine, precision: str) -> TorchGenerator:
        """Return the generator on the saved weights."""
        return load_generator(folder, **self.saved_options(machine, precision), options=self.options)

    def difference(self, saved: TorchGenerator, data: Data, tested: Tested) -> float:
        """Return the largest difference of a row's loss per token, over some rows: logits of all tokens are in it."""
        assert isinstance(data, LmDataModule), "texts"
        module = CausalLMModule(saved.net)
        again = pass_over_test(module, data, saved.device, saved.precision, batches=VERIFIED_BATCHES).scores
        rows = np.searchsorted(tested.scores.row_ids, again.row_ids)
        per_token = (again.loss_sums - tested.scores.loss_sums[rows]) / again.supervised_tokens.clip(min=1)
        return float(np.abs(per_token).max())

    def intervals(self, data: Data, tested: Tested) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
        """Return bootstrap intervals over rows, from the numbers of each."""
        return {}, intervals_of(tested)

    def write_rows(self, result: RunResult, data: Data, tested: Tested, before: Sequence[str], folder: Path) -> None:
        """Write each row's loss and, where it was answered, the answer; and the table of a few of them."""
        assert isinstance(data, LmDataModule), "texts"
        write_texts(folder, data, tested, before, keep_text=self.settings.predictions.text, options=self.options)
        write_report_card(result, folder)


def write_texts(
    folder: Path,
    data: LmDataModule,
    tested: Tested,
    before: Sequence[str],
    *,
    keep_text: bool,
    options: GenerationConfig,
) -> None:
    """Write ``predictions.parquet`` of rows that a model writes to, and the table of a few of them.

    Args:
        folder: of the run.
        data: of the run.
        tested: with the weights that ship.
        before: what the untrained weights wrote to the same rows; empty: unknown.
        keep_text: whether texts are kept.
        options: how many rows the table has.
    """
    answers = dict(zip(tested.written.rows.tolist(), tested.written.texts, strict=True)) if tested.written else {}
    write_generations(
        folder,
        data.ids("test"),
        data.shown("test"),
        data.references("test"),
        answers,
        dict(zip(answers, before, strict=True)) if before else {},
        columns(tested.scores, tested.written),
        keep_text=keep_text,
        table_rows=options.table_rows,
    )
