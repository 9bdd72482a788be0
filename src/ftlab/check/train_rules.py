"""Rules of ``train``: what its configuration must hold before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftlab.check.compiler import compiler
from ftlab.check.components import typed
from ftlab.check.composed import Composed, options, sentences
from ftlab.check.device_rules import device, precision, threads
from ftlab.check.load_rules import load
from ftlab.check.memory_rules import memory
from ftlab.check.merge_rules import merge
from ftlab.check.process_rules import processes
from ftlab.check.ranges import select
from ftlab.check.resume_rules import resume
from ftlab.check.shared_rules import budget, dataset_files, dataset_options, latency, login, names, output
from ftlab.check.stack_rules import stack
from ftlab.check.task_rules import task
from ftlab.models.folder import Reference, check_tokenizer_files, local_folder, read_config_file, weight_files

# These tokenise with the padding's position in front, so that the first two positions are never a token's.
_OFFSET_POSITIONS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2}


def _weights(c: Composed) -> Iterable[str]:
    model = c.values["model"]
    chosen = f"model={c.choices.get('model', model['name'])}"
    if model["init"] == "random":
        if "model_type" not in (model["architecture"] or {}):
            yield "model.init=random needs an architecture; add model.architecture.model_type=bert"
        if "model.checkpoint" in c.given and "model.init" not in c.given:
            yield f"model.checkpoint={model['checkpoint']} is not read, since {chosen} is random; leave out {chosen}"
    elif model["checkpoint"] is None:
        yield f"{chosen} has no weights to start from; write model.init=random, or model.checkpoint=<hub id or folder>"
    else:
        yield from sentences(_read_folder, Reference("model.checkpoint", str(model["checkpoint"])))
    tokenizer = model["tokenizer"]
    if tokenizer not in (None, "bytes"):
        yield from sentences(_read_tokenizer, Reference("model.tokenizer", str(tokenizer)))


def _read_folder(reference: Reference) -> None:
    folder = local_folder(reference)
    if folder is not None:
        read_config_file(folder, reference)
        weight_files(folder, reference)


def _read_tokenizer(reference: Reference) -> None:
    folder = local_folder(reference)
    if folder is not None:
        check_tokenizer_files(folder, reference)


def _class_weights(c: Composed) -> Iterable[str]:
    weights, labels = select(c.values, "model.class_weights"), select(c.values, "dataset.labels")
    if weights is None or weights == "balanced":
        return
    numbers = isinstance(weights, list) and all(type(w) in (int, float) and w >= 0 for w in weights)
    if not numbers or not sum(weights):
        yield (
            f"model.class_weights={typed(weights)} must be balanced, null, or one number per label; "
            "write model.class_weights=balanced"
        )
    elif labels is not None and len(weights) != len(labels):
        listed = ", ".join(labels)
        yield f"model.class_weights has {len(weights)} numbers for the {len(labels)} labels {listed}; give one each"


def _positions(c: Composed) -> Iterable[str]:
    model, length = c.values["model"], c.values["dataset"]["max_length"]
    architecture = model["architecture"] or {}
    positions = architecture.get("max_position_embeddings", architecture.get("n_positions"))  # GPT-2 calls them so
    if not isinstance(positions, int) or (model["init"] == "pretrained" and _is_other_checkpoint(c)):
        return
    if architecture.get("position_biased_input") is False:
        return  # relative positions only: no table that ends
    positions -= _OFFSET_POSITIONS.get(str(architecture.get("model_type")), 0)
    if length > positions:
        yield (
            f"dataset.max_length={length} is beyond the {positions} positions of model={model['name']}; "
            f"write dataset.max_length={positions}"
        )


def _flash(c: Composed) -> Iterable[str]:
    if c.values["model"]["attention"] != "flash":
        return
    trainer = c.values["trainer"]
    places = {"device": c.values["device"], "trainer.accelerator": trainer.get("accelerator")}
    for key, place in places.items():
        if place in ("cpu", "mps"):
            yield f"model.attention=flash needs a CUDA GPU, and {key}={place} is none; write model.attention=sdpa"
            return
    precision = str(trainer.get("precision", "auto"))
    if precision != "auto" and "16" not in precision:
        yield (
            f"model.attention=flash computes in half precision only, not in trainer.precision={precision}; write "
            "trainer.precision=bf16-mixed"
        )


def _is_other_checkpoint(c: Composed) -> bool:
    return bool(select(c.values, "model.checkpoint") != select(c.defaults, "model.checkpoint"))


def _files(c: Composed) -> Iterable[str]:
    dataset = c.values["dataset"]
    if dataset["bundled"] is None and dataset["hub"] is None and dataset["train"] in (None, "???"):
        chosen = c.choices.get("dataset", dataset["name"])
        yield f"dataset.train is missing, and dataset={chosen} needs it; write dataset.train=<file>"
    yield from dataset_files(c)


def _endless(c: Composed) -> Iterable[str]:
    trainer = c.values["trainer"]
    limits = (trainer.get("max_epochs"), trainer.get("max_steps"))
    if limits == (-1, -1) and trainer.get("max_time") is None and c.values["adapter"].get("name") != "none":
        yield "trainer.max_epochs=-1 and trainer.max_steps=-1 never end; write trainer.max_epochs=5"


TRAIN_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(options, stack, load, dataset_options, _files, task, _weights, _positions, _flash, _class_weights),
    *(compiler, merge, _endless, processes, latency, names, output, login, resume, budget),
    *(device, precision, threads, memory),
)
