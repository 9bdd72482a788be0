"""A model that writes, scored on texts: how likely it finds them, and what it writes in their place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ftlab.build import build_metrics, build_module
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.lm_sources import read_lm_test
from ftlab.metrics.generation.bootstrap import generation_ci95
from ftlab.results import Quality, RunResult
from ftlab.schema import EvaluateConfig
from ftlab.verbs.evaluation.evaluation import Evaluation
from ftlab.verbs.loading import load_writer
from ftlab.verbs.tasks.generation import write_texts
from ftlab.verbs.tasks.lm_pass import score_rows
from ftlab.verbs.tasks.written import columns, is_wanted, say_what_takes_long, write_answers
from ftlab.verbs.tested import Tested

_MODULE = "ftlab.modules.causal_lm.CausalLMModule"


class TextEvaluation(Evaluation):
    """Scores a generator, with the template saved beside it."""

    def __init__(self, settings: EvaluateConfig, place: Path, trained: RunResult) -> None:
        super().__init__(settings, place, trained)
        given = settings.generation
        self.options = given if given.seed is not None else dataclasses.replace(given, seed=settings.seed)
        splits = read_lm_test(settings.dataset)
        build_metrics(settings.metrics)
        self.model = load_writer(place, trained, settings.device, self.options, max_length=settings.dataset.max_length)
        self.model.merged = self.is_merged()
        tests_only = dataclasses.replace(settings.dataset, batching="shuffled")
        self._data = LmDataModule(splits, self.model.tokenizer, self.model.template, tests_only, settings.seed)
        self.tokens = self._data.mean_prompt_tokens
        digest = splits.test_digest
        self.info = dataclasses.replace(
            self._data.info(),
            digest=digest,
            train_rows=0,
            val_rows=0,
            duplicate_rows=0,
            leaked_rows=self.leaked(splits.leaked_rows if len(splits.train) else None, digest),
            truncated_rows=self._data.tokens("test").truncated + self._data.tokens("test").truncated_answers,
        )
        self.notes = list(splits.notes)
        if self.info.truncated_rows:
            self.notes.append(
                f"{self.info.truncated_rows} texts are longer than {self.info.max_length} tokens and are cut; "
                "dataset.max_length=<n> keeps more"
            )

    @property
    def data(self) -> LmDataModule:
        """Give the prompts."""
        return self._data

    def score(self) -> Tested:
        """Return the losses of every row, and the answers to some."""
        module = build_module(_MODULE, self.model.net, None, keep_argmax=is_wanted(self.options))
        scores = score_rows(module, self._data, self.device, self.model.precision)
        metrics = {"loss": scores.loss, "perplexity": scores.perplexity}
        if not is_wanted(self.options):
            return Tested(metrics, scores)
        say_what_takes_long(self._data, self.options)
        written = write_answers(self.model, self._data, scores, self.options)
        return Tested({**metrics, **written.metrics}, scores, written)

    def quality(self, tested: Tested) -> Quality:
        """Return loss, perplexity and the metrics of the answers."""
        assert self.trained.quality, "a finished run has it"
        intervals = generation_ci95(columns(tested.scores, tested.written))
        intervals = {name: interval for name, interval in intervals.items() if name in tested.metrics}
        return Quality(dict(self.trained.quality.main), {}, {}, dict(tested.metrics), intervals)

    def write_rows(self, result: RunResult, tested: Tested, folder: Path) -> None:
        """Write each row's loss and, where it was answered, the answer."""
        write_texts(folder, self._data, tested, (), keep_text=self.settings.predictions.text, options=self.options)
