"""Rules of ``train``: what its configuration must hold before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ftlab.check.components import typed
from ftlab.check.composed import Composed, missing_path, options, sentences
from ftlab.check.ranges import select
from ftlab.datasets.formats import is_file_name
from ftlab.datasets.options import option_faults
from ftlab.errors import closest
from ftlab.metrics.measures import MEASURES
from ftlab.models.folder import Reference, local_folder, read_config_file
from ftlab.paths import check_writable, slug
from ftlab.redact import looks_secret
from ftlab.schema import DatasetConfig, LimitConfig

# These tokenise with the padding's position in front, so that the first two positions are never a token's.
_OFFSET_POSITIONS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2}


def _dataset(c: Composed) -> list[str]:
    plain = dict(c.values["dataset"])
    return option_faults(DatasetConfig(**{**plain, "limit": LimitConfig(**plain["limit"])}))


def _names(c: Composed) -> Iterable[str]:
    keys = ["model.name", "experiment_name"]
    if slug(str(select(c.values, "model.name"))) == select(c.values, "model.name"):
        keys.append("name")  # is made of the model's name unless given
    for key in keys:
        name = str(select(c.values, key))
        if slug(name) != name:
            yield f"{key}={name} must be letters, digits, '.', '_' and '-', 80 at most; write {key}={slug(name)}"


def _output(c: Composed) -> list[str]:
    return sentences(check_writable, Path(str(c.values["output_dir"])))


def _monitor(c: Composed) -> Iterable[str]:
    monitor = str(c.values["monitor"])
    names = [f"val/{name}" for name in (*MEASURES, *(c.values.get("metrics") or {}))]
    if monitor not in names:
        near = closest(monitor, names) or "val/f1_macro"
        yield f"monitor={monitor} is not measured; write monitor={near}, or one of {', '.join(names)}"


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
        yield from sentences(local_folder, Reference("model.tokenizer", str(tokenizer)))


def _read_folder(reference: Reference) -> None:
    folder = local_folder(reference)
    if folder is not None:
        read_config_file(folder, reference)


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
    positions = architecture.get("max_position_embeddings")
    if not isinstance(positions, int) or (model["init"] == "pretrained" and _is_other_checkpoint(c)):
        return
    positions -= _OFFSET_POSITIONS.get(str(architecture.get("model_type")), 0)
    if length > positions:
        yield (
            f"dataset.max_length={length} is beyond the {positions} positions of model={model['name']}; "
            f"write dataset.max_length={positions}"
        )


def _is_other_checkpoint(c: Composed) -> bool:
    return bool(select(c.values, "model.checkpoint") != select(c.defaults, "model.checkpoint"))


def _latency(c: Composed) -> Iterable[str]:
    latency, served = c.values["latency"], c.values["cost"]["batch_size"]
    if not latency["enabled"]:
        return
    sizes = latency["batch_sizes"]
    if not sizes or any(size < 1 for size in sizes) or len(set(sizes)) < len(sizes):
        yield f"latency.batch_sizes={sizes} must be different numbers from 1; write latency.batch_sizes=[1,32]"
    elif served not in sizes:
        more = ",".join(str(size) for size in sorted({*sizes, served}))
        yield f"cost.batch_size={served} is not timed; write latency.batch_sizes=[{more}]"
    if latency["max_seconds"] < latency["min_seconds"]:
        yield (
            f"latency.max_seconds={latency['max_seconds']} is less than latency.min_seconds={latency['min_seconds']}; "
            f"write latency.min_seconds={latency['max_seconds']}"
        )


def _files(c: Composed) -> Iterable[str]:
    dataset = c.values["dataset"]
    if dataset["bundled"] is None and dataset["hub"] is None and dataset["train"] in (None, "???"):
        chosen = c.choices.get("dataset", dataset["name"])
        yield f"dataset.train is missing, and dataset={chosen} needs it; write dataset.train=<file>"
    for split in ("train", "val", "test"):
        value = c.values["dataset"][split]
        if isinstance(value, str) and is_file_name(value) and not Path(value).expanduser().exists():
            yield missing_path(f"dataset.{split}", value, is_file_name)


def _endless(c: Composed) -> Iterable[str]:
    trainer = c.values["trainer"]
    limits = (trainer.get("max_epochs"), trainer.get("max_steps"))
    if limits == (-1, -1) and trainer.get("max_time") is None and c.values["adapter"].get("name") != "none":
        yield "trainer.max_epochs=-1 and trainer.max_steps=-1 never end; write trainer.max_epochs=5"


def _devices(c: Composed) -> Iterable[str]:
    # The batch samplers deal rows out to one process; Lightning cannot share them out among several.
    devices = c.values["trainer"].get("devices", 1)
    one = devices in (1, "1") or (isinstance(devices, list) and len(devices) == 1)
    if not one or isinstance(devices, bool):
        yield f"trainer.devices={typed(devices)} is more than the one device a run takes; write trainer.devices=1"


def _login(c: Composed) -> Iterable[str]:
    if looks_secret("uri", select(c.values, "tracking.uri")):
        yield (
            "tracking.uri holds a login; use the environment variables MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD instead"
        )


TRAIN_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(options, _dataset, _files, _weights, _positions, _class_weights),
    *(_monitor, _endless, _devices, _latency, _names, _output, _login),
)
