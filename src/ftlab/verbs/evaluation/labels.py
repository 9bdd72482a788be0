"""A model that gives labels, scored on labelled rows."""

from __future__ import annotations

from pathlib import Path

from ftlab.build import build_metrics
from ftlab.datasets.test_rows import ScoredRows, read_test
from ftlab.datasets.tokens import tokenize
from ftlab.errors import DataError
from ftlab.metrics import classification
from ftlab.results import DatasetInfo, Quality, RunResult
from ftlab.schema import EvaluateConfig
from ftlab.verbs.evaluation.evaluation import Evaluation
from ftlab.verbs.loading import load_labeller
from ftlab.verbs.scoring import measure_quality, score
from ftlab.verbs.tasks.labels import write_labelled_rows
from ftlab.verbs.tested import Tested


class LabelEvaluation(Evaluation):
    """Scores a predictor; labels are matched by name."""

    def __init__(self, settings: EvaluateConfig, place: Path, trained: RunResult) -> None:
        super().__init__(settings, place, trained)
        assert trained.dataset, "a finished run has one"
        self._rows = read_test(settings.dataset, trained.dataset.labels)
        self._metrics = classification.build_metrics(len(self._rows.labels), build_metrics(settings.metrics))
        self.model = load_labeller(place, trained, settings.device, max_length=settings.dataset.max_length)
        if self.model.labels != trained.dataset.labels:
            raise DataError(
                f"{place / 'result.json'} and {place / 'model'} name other labels "
                f"({', '.join(trained.dataset.labels)}; {', '.join(self.model.labels)}), so one of them was changed; "
                "train the run again"
            )
        self.model.merged = self.is_merged()
        wrapped = self._rows.test.mapped(lambda text: self.model.wrapped([text])[0])
        tokens = tokenize(wrapped, self.model.tokenizer, self.model.max_length)
        self.tokens = self.model.tokens_per_request(float(tokens.lengths.mean()))
        self.info = DatasetInfo(
            name=self._rows.name,
            digest=self._rows.digest,  # of all rows that were read for scoring, which are the test rows
            test_digest=self._rows.digest,
            labels=self._rows.labels,
            train_rows=0,
            val_rows=0,
            test_rows=len(self._rows.test),
            max_length=settings.dataset.max_length,
            truncated_rows=tokens.truncated,
            duplicate_rows=0,
            leaked_rows=self.leaked(self._rows.leaked_rows, self._rows.digest),
        )
        self.notes = list(self._rows.notes)
        if tokens.truncated:
            self.notes.append(
                f"{tokens.truncated} of {len(self._rows.test)} texts are longer than {self.info.max_length} tokens and "
                "lose their end; dataset.max_length=<n> keeps more"
            )

    @property
    def data(self) -> ScoredRows:
        """Give the rows."""
        return self._rows

    def score(self) -> Tested:
        """Return logits and losses of every row."""
        return Tested({}, score(self.model, self._rows, self.settings.dataset.eval_batch_size))

    def quality(self, tested: Tested) -> Quality:
        """Return every metric over the model's labels."""
        assert self.trained.quality, "a finished run has it"
        return measure_quality(tested.scores, self._rows.labels, self.trained.quality.main, self._metrics)

    def write_rows(self, result: RunResult, tested: Tested, folder: Path) -> None:
        """Write each row's label and probabilities; draw confusion and calibration."""
        write_labelled_rows(result, self._rows, tested, folder, keep_text=self.settings.predictions.text)
