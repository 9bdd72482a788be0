"""Rules on what a run is for: labels or texts, and what belongs to each."""

from __future__ import annotations

from collections.abc import Iterable

from ftlab.check.composed import Composed
from ftlab.check.generation_rules import writing
from ftlab.check.shared_rules import dataset_files, dataset_of
from ftlab.datasets.options import packed_labels
from ftlab.errors import UserError, closest
from ftlab.metrics.measures import CLASSIFICATION, LANGUAGE_MODEL
from ftlab.models.family import is_causal
from ftlab.prompts.chat import template_faults
from ftlab.prompts.options import option_faults as prompt_faults
from ftlab.schema import ModelConfig, PromptConfig
from ftlab.task import TaskName, chosen_task


def task(c: Composed) -> Iterable[str]:
    """Yield what in model, data set and prompt does not go together, and options of one task given to another."""
    model = ModelConfig(**c.values["model"])
    prompt = PromptConfig(**c.values["prompt"])
    yield from prompt_faults(prompt)
    yield from writing(c)
    yield from _template(c, model)
    name: TaskName = "generation" if is_causal(model) else "classification"  # as far as the model says
    if dataset_files(c) or not _has_source(c):  # said by another rule
        yield from _monitor(c, name)
        return
    try:
        name = chosen_task(model, dataset_of(c), prompt)
    except UserError as error:
        yield from error.sentences
        return
    yield from _monitor(c, name)
    if name != "generation":
        yield from packed_labels(dataset_of(c))
    yield from _of_another_task(c, name)


def _has_source(c: Composed) -> bool:
    dataset = c.values["dataset"]
    return any(dataset[key] not in (None, "???") for key in ("bundled", "hub", "train"))


def _template(c: Composed, model: ModelConfig) -> Iterable[str]:
    yield from template_faults(model.chat_template)
    if model.chat_template is not None and not is_causal(model):
        yield (
            f"model.chat_template={model.chat_template} is for models that write, and model={model.name} is none; "
            "leave it out"
        )


def _monitor(c: Composed, name: TaskName) -> Iterable[str]:
    monitor = str(c.values["monitor"])
    measured = LANGUAGE_MODEL if name == "generation" else CLASSIFICATION
    names = [f"val/{metric}" for metric in (*measured, *(c.values.get("metrics") or {}))]
    if monitor not in ("auto", *names):
        near = closest(monitor, names) or names[0 if name == "generation" else 2]
        yield f"monitor={monitor} is not measured; write monitor={near}, or one of {', '.join(names)}"


def _of_another_task(c: Composed, name: TaskName) -> Iterable[str]:
    """Yield keys that the user typed and that this task does not read."""
    if name != "generation":
        others = ("dataset.loss_on", "dataset.system")
        for key in sorted(key for key in c.given if key.startswith("generation.") or key in others):
            yield f"{key} is for texts that a model writes, and this run gives labels; leave it out"
    smoothing = c.values["model"]["label_smoothing"]
    if name == "prompted" and smoothing:
        yield (
            f"model.label_smoothing={smoothing} is for a head, and a prompted model learns the words of its answers; "
            "write model.label_smoothing=0"
        )
    if name == "generation":
        for key in sorted(c.given & {"model.class_weights", "dataset.sample_per_class"}):
            yield f"{key} is for labels, and this run learns to write; leave it out"
