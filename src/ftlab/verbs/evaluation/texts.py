"""A model that writes, scored on texts: how likely it finds them, and what it writes in their place."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from torchmetrics import MetricCollection

from ftlab.build import build_metrics, build_module
from ftlab.datasets.examples import Examples
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.lm_sources import read_lm_test
from ftlab.decoding.options import seeded
from ftlab.results import Quality, RunResult
from ftlab.schema import EvaluateConfig
from ftlab.verbs.evaluation.evaluation import Evaluation
from ftlab.verbs.loading import load_writer
from ftlab.verbs.tasks.answered import intervals_of, with_answers
from ftlab.verbs.tasks.generation import write_texts
from ftlab.verbs.tasks.lm_pass import pass_over_test
from ftlab.verbs.tasks.written import is_wanted
from ftlab.verbs.tested import Tested

_MODULE = "ftlab.modules.causal_lm.CausalLMModule"


class TextEvaluation(Evaluation):
    """Scores a generator, with the template saved beside it."""

    def __init__(self, settings: EvaluateConfig, place: Path, trained: RunResult) -> None:
        super().__init__(settings, place, trained)
        self.options = seeded(settings.generation, settings.seed)
        splits = read_lm_test(settings.dataset)
        own = build_metrics(settings.metrics)
        self._metrics = MetricCollection(own) if own else None  # type: ignore[arg-type]
        self.model = load_writer(place, trained, settings.device, self.options, max_length=settings.dataset.max_length)
        self.model.merged = self.is_merged()
        nothing = Examples((), ())  # train and val are read where test is split off, and not looked at
        tests = dataclasses.replace(splits, train=nothing, val=nothing)
        self._data = LmDataModule(tests, self.model.tokenizer, self.model.template, settings.dataset, settings.seed)
        self.tokens = self._data.mean_prompt_tokens
        digest = splits.test_digest
        self.info = dataclasses.replace(
            self._data.info(),
            digest=digest,
            duplicate_rows=0,
            leaked_rows=self.leaked(splits.leaked_rows if len(splits.train) else None, digest),
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
        module = build_module(_MODULE, self.model.net, self._metrics, keep_argmax=is_wanted(self.options))
        tested = pass_over_test(module, self._data, self.device, self.model.precision)
        return with_answers(tested, self.model, self._data, self.options)

    def quality(self, tested: Tested) -> Quality:
        """Return loss, perplexity and the metrics of the answers."""
        assert self.trained.quality, "a finished run has it"
        return Quality(dict(self.trained.quality.main), {}, {}, dict(tested.metrics), intervals_of(tested))

    def write_rows(self, result: RunResult, tested: Tested, folder: Path) -> None:
        """Write each row's loss and, where it was answered, the answer."""
        write_texts(folder, self._data, tested, (), keep_text=self.settings.predictions.text, options=self.options)
