"""Checks the options of ``dataset.*`` against each other, without reading a row."""

from __future__ import annotations

import re
from pathlib import Path

from ftlab.errors import ConfigError, did_you_mean
from ftlab.schema import DatasetConfig

AUTO = "auto"  # batch_size: the rows of a step are effective_batch_size
BATCHINGS = ("length_grouped", "shuffled", "fixed", "packed")
LEAK_ANSWERS = ("warn", "drop", "fail")
LM_FORMATS = ("messages", "conversations", "alpaca", "prompt_completion", "text")
FORMATS = ("auto", "classification", *LM_FORMATS)
LOSSES = ("completion", "all")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
# Names that the ``datasets`` library takes for readers of files in the working folder; pandas' reads pickles.
_READERS = ("arrow", "csv", "json", "pandas", "parquet", "pickle", "sql", "text", "webdataset", "xml")


def option_faults(cfg: DatasetConfig) -> list[str]:
    """Return one sentence per value that no data set could be read or batched with."""
    faults = []
    named = (
        ("batching", cfg.batching, BATCHINGS),
        ("on_leak", cfg.on_leak, LEAK_ANSWERS),
        ("format", cfg.format, FORMATS),
        ("loss_on", cfg.loss_on, LOSSES),
    )
    for key, value, choices in named:
        if value not in choices:
            near = did_you_mean(value, choices)
            near = near or f"; type dataset.{key}={choices[0]}"
            faults.append(f"dataset.{key}={value} is none of {', '.join(choices)}{near}")
    numbers = {
        "max_length": cfg.max_length,
        "effective_batch_size": cfg.effective_batch_size,
        "eval_batch_size": cfg.eval_batch_size,
        "sample_per_class": cfg.sample_per_class,
        "limit.train": cfg.limit.train,
        "limit.val": cfg.limit.val,
        "limit.test": cfg.limit.test,
    }
    for key, number in numbers.items():
        if number is not None and number < 1:
            unset = " or null for all" if key.startswith(("limit", "sample")) else ""
            faults.append(f"dataset.{key}={number} leaves no rows or tokens; type a number from 1{unset}")
    if cfg.batch_size != AUTO and (type(cfg.batch_size) is not int or cfg.batch_size < 1):
        faults.append(
            f"dataset.batch_size={cfg.batch_size} is no number of rows; type dataset.batch_size=auto or a number from 1"
        )
    faults += [*_hub_faults(cfg.hub), *_system_faults(cfg.system)]
    if cfg.num_workers < 0:
        faults.append(f"dataset.num_workers={cfg.num_workers} is negative; type dataset.num_workers=0")
    fractions = {}
    if cfg.bundled is None:  # a bundled data set brings its own splits
        fractions = {s: getattr(cfg, f"{s}_fraction") for s in ("val", "test") if getattr(cfg, s) is None}
    for split, fraction in fractions.items():
        if not 0 < fraction < 1:
            faults.append(
                f"dataset.{split}_fraction={fraction} is not between 0 and 1, and no {split} rows are given; "
                f"type dataset.{split}_fraction=0.1 or dataset.{split}=<file>"
            )
    if len(fractions) == 2 and max(fractions.values()) < 1 <= sum(fractions.values()):
        faults.append(
            f"dataset.val_fraction={cfg.val_fraction} and dataset.test_fraction={cfg.test_fraction} leave nothing to "
            "train on; type smaller ones, e.g. dataset.val_fraction=0.1 dataset.test_fraction=0.2"
        )
    return faults


def step_rows(cfg: DatasetConfig) -> int:
    """Return the rows of an optimizer step, of all processes together, before batches are accumulated."""
    return cfg.effective_batch_size if cfg.batch_size == AUTO else int(cfg.batch_size)


def packed_labels(cfg: DatasetConfig) -> list[str]:
    """Return why a data set of labels cannot be batched as ``dataset.batching`` says."""
    if cfg.batching != "packed":
        return []
    return [
        "dataset.batching=packed puts several texts into one row, and a label belongs to one text; type "
        "dataset.batching=length_grouped"
    ]


def _hub_faults(hub: str | None) -> list[str]:
    """Return why ``hub`` is no id: the library behind it also takes addresses, folders and names of its own readers."""
    if hub is None:
        return []
    if not _HUB_ID.fullmatch(hub) or ".." in hub or hub in _READERS:
        shown = "".join(c if c.isprintable() else "?" for c in hub)[:100]
        return [f"dataset.hub={shown} is no hub id; type dataset.hub=owner/name, or dataset.train=<file>"]
    if Path(hub).exists():
        return [
            f"dataset.hub={hub} lies on this machine, and a script in it would not be run; type dataset=files "
            f"dataset.train={hub} for its data files, or work in another folder"
        ]
    return []


def _system_faults(system: str | None) -> list[str]:
    if system is None or not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in system):
        return []
    return ["dataset.system holds a NUL character or half a surrogate pair, which is no text; take it out"]


def check_options(cfg: DatasetConfig) -> None:
    """Check the options of a data set.

    Raises:
        ConfigError: one sentence per fault.
    """
    if faults := option_faults(cfg):
        raise ConfigError(*faults)
