"""Reads the rows of each split that the configuration names: bundled, in files, or on the hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.datasets.class_folders import read_class_folder
from ftlab.datasets.columns import Columns, join
from ftlab.datasets.compact import RowIds, Texts
from ftlab.datasets.faults import Faults
from ftlab.datasets.formats import read_file
from ftlab.datasets.hub import read_hub
from ftlab.datasets.places import short_names
from ftlab.datasets.plan import SPLITS, Source, plan_sources
from ftlab.errors import DataError, did_you_mean
from ftlab.schema import DatasetConfig

BUNDLED = Path(__file__).parent / "bundled"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one split as they stand in their source."""

    where: str  # for sentences: the file, or hub id and split
    columns: Columns
    ids: Sequence[str]


def read_parts(cfg: DatasetConfig, splits: Sequence[str] = SPLITS) -> dict[str, Part]:
    """Read train, and val and test where they are given or lie in train's folder; of these, ``splits``.

    Raises:
        DataError: the sources do not fit together, or one cannot be read; the faults of all splits together.
    """
    wanted = {"text_column": cfg.text_column, "label_column": cfg.label_column}
    for role in ("text_pair_column", "group_column"):
        if (column := getattr(cfg, role)) is not None:
            wanted[role] = column
    if cfg.bundled is not None:
        return _read_bundled(cfg, wanted)
    faults = Faults()
    plan = plan_sources(cfg, splits, faults)
    parts = {}
    for split, source in plan.local.items():
        try:
            parts[split] = _read_local(f"dataset.{split}", split, source, wanted, cfg.hub is not None)
        except DataError as error:
            faults.add_error(error)
    faults.raise_any()
    if plan.hub:
        assert cfg.hub is not None
        for split, columns in read_hub(cfg.hub, cfg.subset, cfg.revision, plan.hub, wanted).items():
            parts[split] = _part(split, f"{cfg.hub} split {plan.hub[split]}", columns, [""])
    next(iter(parts.values())).columns.notes.extend(plan.notes)
    return parts


def _read_local(key: str, split: str, source: Source, wanted: dict[str, str], own_names: bool) -> Part:
    if source.folder is not None:
        columns = read_class_folder(source.folder, wanted)
        names = [f"{Path(file).relative_to(source.folder).as_posix()}:" for file, _ in columns.files]
        return _part(split, source.where, columns, names)
    faults, read = Faults(), []
    for path in source.files:
        try:
            read.append(read_file(key, str(path), wanted, own_names))
        except DataError as error:
            faults.add_error(error)
    faults.raise_any()
    names = [""] if len(read) == 1 else [f"{name}:" for name in short_names(source.files)]
    return _part(split, source.where, join(read, key), names)


def _part(split: str, where: str, columns: Columns, names: list[str]) -> Part:
    starts = [start for _, start in columns.files] or [0]
    return Part(where, columns, RowIds([f"{split}:{name}" for name in names], starts, columns.rows))


def _read_bundled(cfg: DatasetConfig, wanted: dict[str, str]) -> dict[str, Part]:
    refuse_own(cfg)
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


def refuse_own(cfg: DatasetConfig) -> None:
    """Refuse sources beside a bundled data set.

    Raises:
        DataError: one is given.
    """
    own = [f"dataset.{split}={value}" for split in SPLITS if (value := getattr(cfg, split)) is not None]
    if own or cfg.hub is not None:
        given = " ".join(own) or f"dataset.hub={cfg.hub}"
        raise DataError(f"dataset={cfg.name} brings its own rows, so {given} has no effect; type dataset=files with it")


def _bundled_part(where: str, columns: Columns, positions: list[int]) -> Part:
    values = {
        role: [held[i] for i in positions] if isinstance(held, list) else Texts(held[i] for i in positions)
        for role, held in columns.values.items()
    }
    return Part(where, Columns(values, [columns.rows[i] for i in positions]), values["id"])
