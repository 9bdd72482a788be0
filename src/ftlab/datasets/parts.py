"""Finds the rows of each split that the configuration names: bundled, in files, or on the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftlab.datasets.columns import Columns
from ftlab.datasets.faults import Faults
from ftlab.datasets.formats import is_file_name, read_file
from ftlab.datasets.hub import read_hub
from ftlab.errors import DataError, did_you_mean
from ftlab.schema import DatasetConfig

SPLITS = ("train", "val", "test")
BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one split as they stand in their source."""

    where: str  # for sentences: the file, or hub id and split
    columns: Columns
    ids: list[str]


def read_parts(cfg: DatasetConfig) -> dict[str, Part]:
    """Read train, and val and test where they are given.

    Raises:
        DataError: the sources do not fit together, or one cannot be read; the faults of all splits together.
    """
    wanted = {"text_column": cfg.text_column, "label_column": cfg.label_column}
    if cfg.text_pair_column is not None:
        wanted["text_pair_column"] = cfg.text_pair_column
    if cfg.bundled is not None:
        return _read_bundled(cfg, wanted)
    files, hub_splits = _plan(cfg)
    faults = Faults()
    parts = {}
    for split, value in files.items():
        try:
            parts[split] = _part(split, value, read_file(f"dataset.{split}", value, wanted))
        except DataError as error:
            faults.add_error(error)
    faults.raise_any()
    if hub_splits:
        assert cfg.hub is not None
        for split, columns in read_hub(cfg.hub, cfg.subset, cfg.revision, hub_splits, wanted).items():
            parts[split] = _part(split, f"{cfg.hub} split {hub_splits[split]}", columns)
    return parts


def _part(split: str, where: str, columns: Columns) -> Part:
    return Part(where, columns, [f"{split}:{row}" for row in columns.rows])


def _plan(cfg: DatasetConfig) -> tuple[dict[str, str], dict[str, str]]:
    """Return the files and the hub's split names, each by train, val and test.

    A value is a file where it ends or reads like one, or where there is no hub data set to have a split. A folder
    called train, lying where the user happens to be, is no reason to take ``train`` for a file.
    """
    values = {split: value for split in SPLITS if (value := getattr(cfg, split)) is not None}
    if "train" not in values:
        raise DataError("dataset.train is not given, so there is nothing to train on; type dataset.train=<file>")
    files = {
        split: value
        for split, value in values.items()
        if cfg.hub is None or is_file_name(value) or "/" in value or (Path(value).suffix and Path(value).is_file())
    }
    hub_splits = {split: value for split, value in values.items() if split not in files}
    if "train" in files and hub_splits:
        raise DataError(
            *(
                f"dataset.train={cfg.train} is a file, but dataset.{split}={value} is a split of {cfg.hub} on the hub; "
                f"type dataset.{split}=<file>, or dataset.{split}=null to split those rows off train"
                for split, value in hub_splits.items()
            )
        )
    return files, hub_splits


def _read_bundled(cfg: DatasetConfig, wanted: dict[str, str]) -> dict[str, Part]:
    own = [f"dataset.{split}={value}" for split in SPLITS if (value := getattr(cfg, split)) is not None]
    if own or cfg.hub is not None:
        given = " ".join(own) or f"dataset.hub={cfg.hub}"
        raise DataError(f"dataset={cfg.name} brings its own rows, so {given} has no effect; type dataset=files with it")
    path = BUNDLED / f"{cfg.bundled}.csv"
    if not path.is_file():
        names = sorted(entry.stem for entry in BUNDLED.glob("*.csv"))
        near = did_you_mean(str(cfg.bundled), names)
        raise DataError(f"dataset.bundled={cfg.bundled} is not shipped with ftlab; there is: {', '.join(names)}{near}")
    columns = read_file("dataset.bundled", str(path), {**wanted, "split": "split", "id": "id"})
    places: dict[str, list[int]] = {split: [] for split in SPLITS}
    for position, split in enumerate(columns.values["split"]):
        places[split].append(position)
    return {split: _bundled_part(path.name, columns, positions) for split, positions in places.items()}


def _bundled_part(where: str, columns: Columns, positions: list[int]) -> Part:
    values = {role: [held[i] for i in positions] for role, held in columns.values.items()}
    return Part(where, Columns(values, [columns.rows[i] for i in positions]), values["id"])
