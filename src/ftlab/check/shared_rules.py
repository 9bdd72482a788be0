"""Rules that several verbs share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ftlab.check.components import typed
from ftlab.check.composed import Composed, missing_path, sentences
from ftlab.check.ranges import select
from ftlab.datasets.formats import is_file_name
from ftlab.datasets.options import option_faults
from ftlab.datasets.places import is_pattern
from ftlab.datasets.plan import SPLITS, plan_sources
from ftlab.paths import check_writable, slug
from ftlab.redact import looks_secret
from ftlab.schema import DatasetConfig, LimitConfig


def dataset_options(c: Composed) -> list[str]:
    """Return what no data set could be read or batched with."""
    return option_faults(dataset_of(c))


def dataset_files(c: Composed, splits: Sequence[str] = SPLITS) -> list[str]:
    """Return the files, patterns and folders given for ``splits`` that name nothing."""
    cfg = dataset_of(c)
    given = {split: value for split in splits if (value := getattr(cfg, split)) is not None}
    missing = [
        missing_path(f"dataset.{split}", value, is_file_name)
        for split, value in given.items()
        if is_file_name(value) and not is_pattern(value) and not Path(value).expanduser().exists()
    ]
    if missing or cfg.bundled is not None or splits[0] not in given or given[splits[0]] == "???":
        return missing
    return sentences(lambda name: plan_sources(cfg, name), splits)


def dataset_of(c: Composed) -> DatasetConfig:
    """Return the data set of a composed configuration."""
    plain = dict(c.values["dataset"])
    return DatasetConfig(**{**plain, "limit": LimitConfig(**plain["limit"])})


def names(c: Composed) -> Iterable[str]:
    """Yield names that are no names of folders."""
    model = select(c.values, "model.name")
    keys = ["experiment_name"] if model is None else ["model.name", "experiment_name"]
    if model is None or slug(str(model)) == model:
        keys.append("name")  # is made of the model's name unless given
    for key in keys:
        name = str(select(c.values, key))
        if slug(name) != name:
            yield f"{key}={name} must be letters, digits, '.', '_' and '-', 80 at most; write {key}={slug(name)}"


def output(c: Composed) -> list[str]:
    """Return whether the outputs can be written."""
    return sentences(check_writable, Path(str(c.values["output_dir"])))


def latency(c: Composed) -> Iterable[str]:
    """Yield timings that measure nothing, or not what the price rests on."""
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


def budget(c: Composed) -> Iterable[str]:
    """Yield a budget that buys nothing."""
    dollars = c.values["budget_usd"]
    if dollars is not None and not dollars > 0:  # NaN neither
        yield f"budget_usd={typed(dollars)} must be above 0; write e.g. budget_usd=5, or leave it out"


def login(c: Composed) -> Iterable[str]:
    """Yield a login in the tracking address."""
    if looks_secret("uri", select(c.values, "tracking.uri")):
        yield (
            "tracking.uri holds a login; use the environment variables MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD instead"
        )
