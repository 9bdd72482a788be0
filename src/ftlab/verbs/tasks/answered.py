"""A pass over test rows, with the answers to them: the same after a training and in ``evaluate``."""

from __future__ import annotations

import dataclasses

from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.generator import TorchGenerator
from ftlab.metrics.generation.bootstrap import generation_ci95
from ftlab.schema import GenerationConfig
from ftlab.verbs.tasks.written import columns, is_wanted, write_answers
from ftlab.verbs.tested import Tested


def with_answers(tested: Tested, generator: TorchGenerator, data: LmDataModule, options: GenerationConfig) -> Tested:
    """Return ``tested`` with answers to test rows and their metrics, where ``options`` want them."""
    if not is_wanted(options):
        return tested
    written = write_answers(generator, data, tested.scores, options)
    return dataclasses.replace(tested, metrics={**tested.metrics, **written.metrics}, written=written)


def intervals_of(tested: Tested) -> dict[str, tuple[float, float]]:
    """Return the 95% interval of each metric that the numbers of the rows tell, bootstrapped over them."""
    found = generation_ci95(columns(tested.scores, tested.written))
    return {name: interval for name, interval in found.items() if name in tested.metrics}
