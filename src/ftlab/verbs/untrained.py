"""What is measured before training: once, and read back when the run goes on."""

from __future__ import annotations

import json
import logging
import math
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import lightning as L

from ftlab.errors import DataError
from ftlab.modules.trained import TrainedModule
from ftlab.records import from_plain, to_plain
from ftlab.state import write_durably
from ftlab.verbs import stages
from ftlab.verbs.material import Data
from ftlab.verbs.recording import Recording
from ftlab.verbs.tasks.task import Task
from ftlab.verbs.tested import Answer, Tested

log = logging.getLogger(__name__)
NAME = "untrained.json"
_KEPT = 32  # measurements of this process; each is a few numbers


@dataclass(frozen=True, slots=True)
class Untrained:
    """The weights before training: metrics on the test split, answers to ``dataset.samples`` and to test rows."""

    metrics: dict[str, float]
    samples: list[Answer]
    written: list[str] = field(default_factory=list)  # answers to test rows, by a model that writes
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)  # of labels: precision, recall, f1, support

    @classmethod
    def of(
        cls, tested: Tested, samples: list[Answer], per_class: dict[str, dict[str, float]] | None = None
    ) -> Untrained:
        """Return what a pass over the test split and the samples have shown."""
        return cls(tested.metrics, samples, tested.written.texts if tested.written else [], per_class or {})

    def beside(self, tested: Tested) -> list[str]:
        """Return the answers to the rows that ``tested`` has answers to; none where other rows were answered then.

        A run that goes on with other options (``resume_policy=changed``) can have answered more rows, or fewer.
        """
        return self.written if tested.written and len(tested.written.rows) == len(self.written) else []


_measured: OrderedDict[str, Untrained] = OrderedDict()  # by fingerprint, the newest last


def measure_untrained(
    task: Task,
    trainer: L.Trainer,
    module: TrainedModule,
    data: Data,
    recording: Recording,
    known_as: str | None = None,
) -> Untrained:
    """Score the test split and the samples with the weights before training, or read what was found then.

    Args:
        task: of the run.
        trainer: logs the metrics as ``untrained/...``.
        module: with the weights before training.
        data: of the run.
        recording: of the run.
        known_as: the ``fingerprint`` of what is scored, if the metrics of an earlier job of this process may be taken;
            the samples are predicted all the same, and must come out equal.

    Raises:
        DataError: what was found then cannot be read.
    """
    path = recording.folder / NAME
    if is_measured(recording):
        return _read(path)
    # Several processes must all score, or none: each knows its own past only.
    known_as = known_as if known_as and trainer.world_size == 1 else None
    found = None if known_as is None else _taken(trainer, task.answers(module, data), known_as)
    if found is None:
        tested = task.beyond(module, data, stages.test_untrained(trainer, module, data))
        found = Untrained.of(tested, task.answers(module, data), task.per_class(data, tested))
    if known_as is not None:
        _measured[known_as] = found
        _measured.move_to_end(known_as)
        if len(_measured) > _KEPT:
            _measured.popitem(last=False)
    write_durably(path, json.dumps(to_plain(found), indent=2))
    return found


def _taken(trainer: L.Trainer, samples: list[Answer], known_as: str) -> Untrained | None:
    """Return what an earlier job found for the same weights and rows, logged as if measured; None: there is none."""
    before = _measured.get(known_as)
    if before is None or samples != before.samples:
        return None
    log.info("an earlier job has scored the same weights on the same rows before training; its metrics are taken")
    logged = {f"untrained/{name}": value for name, value in before.metrics.items()}
    for logger in trainer.loggers:
        logger.log_metrics({**logged, "epoch": 0}, step=0)
    return before


def is_measured(recording: Recording) -> bool:
    """Return whether the run, which goes on, has measured it before."""
    return recording.before is not None and (recording.folder / NAME).is_file()


def _read(path: Path) -> Untrained:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        found: Untrained = from_plain(Untrained, raw)
        # A metric that is no number was written as null.
        metrics = {name: math.nan if value is None else float(value) for name, value in found.metrics.items()}
        return Untrained(metrics, found.samples, found.written, found.per_class)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) or type(error).__name__
        raise DataError(f"{path} cannot be read ({why}); remove the file, and it is measured again") from None
