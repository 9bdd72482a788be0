"""``ftlab train``: one run, from the configuration to its record. Each line makes what a later line uses."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import lightning as L
from omegaconf import DictConfig, OmegaConf

from ftlab.datasets.sample import write_sample
from ftlab.datasets.splits import Splits
from ftlab.processes.ranks import Ranks
from ftlab.results import RunResult
from ftlab.schema import TrainConfig
from ftlab.verbs import stages
from ftlab.verbs.finish import Outcome, finish_run
from ftlab.verbs.machine import pick_machine
from ftlab.verbs.parts import assemble
from ftlab.verbs.recording import Recording
from ftlab.verbs.show import show_run, show_start
from ftlab.verbs.tasks.choose import task_of
from ftlab.verbs.untrained import Untrained, is_measured, measure_untrained


def train(cfg: DictConfig, folder: Path) -> RunResult:
    """Fine-tune, measure and record one model; ``folder`` then holds everything.

    With several processes this is the first of them; ``verbs.rank`` is what the others do.

    Raises:
        ConfigError, DataError, ModelError: found before a weight is loaded.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, TrainConfig)
    with Recording(cfg, folder) as recording:
        L.seed_everything(settings.seed, verbose=False)
        machine, task = pick_machine(settings), task_of(settings)
        with Ranks(machine.part.processes, machine.accelerator, recording.fail) as ranks:
            material = task.read(machine)
            data = material.data
            show_start(material, f"{settings.name} on {machine.named()}, {machine.precision}", folder)
            recording.start({"ftlab.dataset_digest": material.splits.digest})
            if isinstance(material.splits, Splits) and settings.dataset.sample_per_class is not None:
                write_sample(material.splits, folder, keep_text=settings.predictions.text)

            state = recording.checkpoint
            ranks.tell(
                settings=dataclasses.asdict(settings),
                folder=str(folder),
                state=None if state is None else str(state),
                untrained=not is_measured(recording),
            )
            logger, in_sweep = recording.tracker or False, bool(recording.sweep)
            parts = assemble(task, machine, material, folder, logger, in_sweep)
            module, tester = parts.module, parts.tester
            if not machine.is_sharded:
                ranks.join()
            if parts.trains:
                untrained = measure_untrained(task, tester, module, data, recording, parts.known_as)
                ranks.join()
                stages.fit(parts.trainer, parts.learner, data, state)
            if machine.is_sharded:
                ranks.leave()
            tested = stages.test_best(tester, module, data)
            ranks.leave()  # what follows is timed, and written, by one process with the machine to itself
            stages.time_requests(tester, module)
            tested = task.beyond(module, data, tested)
            after = task.answers(module, data)
            if not parts.trains:
                untrained = Untrained.of(tested, after)
            outcome = Outcome(machine, material, parts.loaded, untrained, tested)
            result, notes = finish_run(task, recording, parts.trainer, module, outcome)
            show_run(result, folder, settings.dataset.samples, outcome, after, notes)
    return result
