"""Which task a configuration asks for."""

from __future__ import annotations

from ftlab.schema import TrainConfig
from ftlab.task import TaskName, chosen_task
from ftlab.verbs.tasks.classification import ClassificationTask
from ftlab.verbs.tasks.generation import GenerationTask
from ftlab.verbs.tasks.prompted import PromptedTask
from ftlab.verbs.tasks.task import Task

TASKS: dict[TaskName, type[Task]] = {
    "classification": ClassificationTask,
    "prompted": PromptedTask,
    "generation": GenerationTask,
}


def task_of(settings: TrainConfig) -> Task:
    """Return the task of a configuration that has passed its check.

    Raises:
        ConfigError, DataError: model, data set and prompt do not go together.
    """
    return TASKS[chosen_task(settings.model, settings.dataset, settings.prompt)](settings)
