"""Decides where the rows of each split come from: files, folders of texts, or the hub. Opens none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftlab.datasets.class_folders import is_class_folder
from ftlab.datasets.faults import Faults
from ftlab.datasets.formats import is_file_name, is_text_file, missing_file, wrong_ending
from ftlab.datasets.places import CALLED, folder_files, is_pattern, no_split, pattern_files, text_files
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Source:
    """Where one split lies on this machine."""

    where: str  # for sentences
    files: list[Path]  # in the order of their rows; empty for a folder of texts
    folder: Path | None = None  # of texts, one folder per label


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every split lies that is not made from train."""

    local: dict[str, Source] = field(default_factory=dict)  # by train, val, test
    hub: dict[str, str] = field(default_factory=dict)  # the hub's split name, by train, val, test
    notes: list[str] = field(default_factory=list)


def plan_sources(
    cfg: DatasetConfig, splits: Sequence[str] = SPLITS, faults: Faults | None = None, val_serves: bool = False
) -> Plan:
    """Find the files of train, and of val and test where they are given or lie in train's folder.

    Only those of ``splits`` are looked for: a trained model is scored on test alone.

    Args:
        cfg: the data set.
        splits: those that are wanted.
        faults: collects values that name nothing, so that the other splits are still read; None: they are raised.
        val_serves: val rows that are given serve as test where that is not given.

    Raises:
        DataError: the sources do not fit together, or files that a value names are not there.
    """
    values = {split: value for split in splits if (value := getattr(cfg, split)) is not None}
    if "train" in splits and "train" not in values:
        raise DataError("dataset.train is not given, so there is nothing to train on; type dataset.train=<file>")
    local = {split: value for split, value in values.items() if cfg.hub is None or _is_local(value)}
    plan = Plan(hub={split: value for split, value in values.items() if split not in local})
    wrong = Faults() if faults is None else faults
    for split, value in local.items():
        try:
            plan.local[split] = _source(f"dataset.{split}", value, split, cfg.format == "text")
        except DataError as error:
            wrong.add_error(error)
    if faults is None:
        wrong.raise_any()
    if "train" in plan.local:
        _add_neighbours(plan, local["train"], cfg.format == "text", val_serves)
    if "train" in local and plan.hub:
        raise DataError(
            *(
                f"dataset.train={cfg.train} is a file, but dataset.{split}={value} is a split of {cfg.hub} on the hub; "
                f"type dataset.{split}=<file>, or dataset.{split}=null to split those rows off train"
                for split, value in plan.hub.items()
            )
        )
    return plan


def _is_local(value: str) -> bool:
    """Say whether a value beside a hub data set is a file or folder and no split name.

    It ends or reads like one. A folder called train, lying where the user happens to be, is no reason to take
    ``train`` for a folder.
    """
    path = Path(value).expanduser()
    if is_file_name(value) or is_text_file(value) or "/" in value or "*" in value or (path.suffix and path.is_file()):
        return True
    return path.is_dir() and not any(pattern.search(value.casefold()) for pattern in CALLED.values())


def _source(key: str, value: str, split: str, plain: bool) -> Source:
    path = Path(value).expanduser()
    if is_pattern(value):
        return Source(value, pattern_files(key, value))
    if not path.is_dir():
        if not is_file_name(value) and not path.exists():
            raise DataError(missing_file(key, path))
        if not is_file_name(value) and not is_text_file(value):
            raise DataError(wrong_ending(key, value))
        return Source(value, [path])
    found = _in_folder(key, path, split, plain)
    if found is None:
        raise no_split(key, path, split)
    return found


def _in_folder(key: str, folder: Path, split: str, plain: bool) -> Source | None:
    """Return what ``folder`` holds for a split; a folder of texts without splits is train.

    Args:
        key: the option that names the folder.
        folder: to look into.
        split: train, val or test.
        plain: its .txt files are documents of plain text, not texts with labels.
    """
    files = folder_files(key, folder, split)
    if plain and not files:
        texts = text_files(folder, split)
        return Source(str(texts[0] if len(texts) == 1 else folder), texts) if texts else None
    if files:
        return Source(str(files[0] if len(files) == 1 else folder), files)
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and CALLED[split].fullmatch(entry.name.casefold()) and is_class_folder(entry):
            return Source(str(entry), [], entry)
    if f"dataset.{split}" == key and is_class_folder(folder):
        return Source(str(folder), [], folder)
    return None


def _add_neighbours(plan: Plan, train: str, plain: bool, val_serves: bool) -> None:
    """Take val and test from train's folder, where they lie there and no file is given for them; say so."""
    folder = Path(train).expanduser()
    if is_pattern(train) or not folder.is_dir():
        return
    for split in ("val", "test"):
        if split not in plan.local and (found := _in_folder("dataset.train", folder, split, plain)) is not None:
            plan.local[split] = found
            plan.hub.pop(split, None)
    taken = [f"{split} from {_told(source, folder)}" for split, source in plan.local.items()]
    made = [split for split in SPLITS if split not in plan.local and split not in plan.hub]
    if val_serves and "val" not in made and "test" in made:
        made.remove("test")
    rest = f"; {' and '.join(made)} will be split off train" if made else ""
    plan.notes.append(f"dataset.train={train} is a folder: {', '.join(taken)}{rest}")


def _told(source: Source, folder: Path) -> str:
    if source.folder is not None:
        return f"the folders in {source.folder}"
    names = [str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path) for path in source.files]
    return names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} to {names[-1]}"
