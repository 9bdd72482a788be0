"""What is measured before training: once, and read back when the run goes on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import lightning as L

from ftlab.datasets.datamodule import TextDataModule
from ftlab.errors import DataError
from ftlab.modules.classifier import ClassifierModule
from ftlab.predictor import Prediction
from ftlab.records import from_plain, to_plain
from ftlab.state import write_durably
from ftlab.verbs import stages
from ftlab.verbs.recording import Recording

NAME = "untrained.json"


@dataclass(frozen=True, slots=True)
class Untrained:
    """The weights before training: metrics on the test split, and predictions of ``dataset.samples``."""

    metrics: dict[str, float]
    samples: list[Prediction]


def measure_untrained(
    trainer: L.Trainer,
    module: ClassifierModule,
    data: TextDataModule,
    samples: list[str],
    recording: Recording,
) -> Untrained:
    """Score the test split and the samples with the weights before training, or read what was found then.

    Raises:
        DataError: what was found then cannot be read.
    """
    path = recording.folder / NAME
    if recording.before is not None and path.is_file():
        return _read(path)
    metrics = stages.test_untrained(trainer, module, data).metrics
    found = Untrained(metrics, stages.predict_samples(module, samples))
    write_durably(path, json.dumps(to_plain(found), indent=2))
    return found


def _read(path: Path) -> Untrained:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        found: Untrained = from_plain(Untrained, raw)
        # A metric that is no number was written as null.
        metrics = {name: math.nan if value is None else float(value) for name, value in found.metrics.items()}
        return Untrained(metrics, [Prediction(**to_plain(sample)) for sample in found.samples])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read ({why}); remove the file, and it is measured again") from None
