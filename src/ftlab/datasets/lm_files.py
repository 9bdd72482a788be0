"""Reads the examples of each split that the configuration names: bundled, in files, or on the hub."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftlab.datasets.columns import Columns
from ftlab.datasets.compact import RowIds, Texts
from ftlab.datasets.examples import unlabelled
from ftlab.datasets.faults import Faults
from ftlab.datasets.formats import file_ending, is_text_file, read_file
from ftlab.datasets.hub import read_hub
from ftlab.datasets.lm_checks import Read, read_examples
from ftlab.datasets.lm_formats import check_options_fit, detect_format, detected, needed_columns, wanted_columns
from ftlab.datasets.parts import BUNDLED, refuse_own
from ftlab.datasets.peek import file_columns
from ftlab.datasets.places import short_names
from ftlab.datasets.plan import SPLITS, Source, plan_sources
from ftlab.datasets.splits import Rows
from ftlab.datasets.text_files import open_text
from ftlab.errors import DataError, did_you_mean
from ftlab.schema import DatasetConfig

MAX_DOCUMENT = 100_000_000  # characters of a .txt file: a hundred books


@dataclass(slots=True)
class LmPart:
    """The examples of one split as they stand in its source, encoded."""

    where: str  # for sentences: the file, folder or pattern, or hub id and split
    rows: Rows
    blank: int = 0  # rows of plain text without a text, left out


@dataclass(slots=True)
class LmParts:
    """The examples of every split that is given."""

    format: str = ""
    first: str = ""  # the file that gave the format
    by_split: dict[str, LmPart] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def take(self, form: str, where: str) -> None:
        """Note the format of a source.

        Raises:
            DataError: another source has another.
        """
        if self.format and form != self.format:
            raise DataError(
                f"{where} is in the format {form}, and {self.first} in {self.format}; give files of one format, or say "
                "which all have with dataset.format=<format>"
            )
        self.format, self.first = form, self.first or where


def read_lm_parts(cfg: DatasetConfig, splits: Sequence[str] = SPLITS) -> LmParts:
    """Read train, and val and test where they are given or lie in train's folder; of these, ``splits``.

    Raises:
        ConfigError: an option that the format has no use for.
        DataError: the sources do not fit together, or rows of which no example can be made; all splits together.
    """
    parts, faults = LmParts(), Faults()
    if cfg.bundled is not None:
        _read_bundled(cfg, parts, faults)
        faults.raise_any()
        return parts
    plan = plan_sources(cfg, splits, faults, val_serves=True)
    for split, source in plan.local.items():
        try:
            parts.by_split[split] = _read_local(cfg, split, source, parts, faults)
        except DataError as error:
            faults.add_error(error)
    faults.raise_any()
    if plan.hub:
        _read_hub(cfg, plan.hub, parts, faults)
    faults.raise_any()
    parts.notes[:0] = plan.notes
    return parts


def _form(cfg: DatasetConfig, where: str, found: Sequence[str] | None, parts: LmParts) -> str:
    """Return the format of a source, and say where it was detected; ``found`` is None for a file without columns."""
    told = cfg.format != "auto"
    form = cfg.format if told else "text" if found is None else detect_format(found, cfg, where)
    new = not parts.format
    parts.take(form, where)
    if new:
        check_options_fit(form, cfg)
        if not told and found is None:
            parts.notes.append(f"{where} was read in the format text: the file is one document")
        elif not told and found is not None:
            parts.notes.append(detected(where, form, found, cfg))
    return form


def _read_local(cfg: DatasetConfig, split: str, source: Source, parts: LmParts, faults: Faults) -> LmPart:
    key = f"dataset.{split}"
    if source.folder is not None:
        raise DataError(
            f"{key}={source.where} holds folders of texts, one per label; type dataset.format=text to read them as "
            "plain text, or dataset.format=classification"
        )
    reads = []
    for path in source.files:
        try:
            reads.append(_read_one(cfg, key, path, parts, faults))
        except DataError as error:
            faults.add_error(error)
            reads.append(Read())
    names = [""] if len(reads) == 1 else [f"{name}:" for name in short_names(source.files)]
    return _part(split, source.where, reads, names)


def _read_one(cfg: DatasetConfig, key: str, path: Path, parts: LmParts, faults: Faults) -> Read:
    if is_text_file(path.name):
        if cfg.format not in ("auto", "text"):
            raise DataError(
                f"{path} is plain text, and dataset.format={cfg.format} needs columns; type dataset.format=text"
            )
        _form(cfg, str(path), None, parts)
        return _read_document(key, path, faults)
    if file_ending(path.name) is None or not path.is_file():
        read_file(key, str(path), {})  # says what is wrong with it
    found = file_columns(path, cfg)
    form = _form(cfg, str(path), found, parts)
    sparse = file_ending(path.name) in (".json", ".jsonl", ".ndjson")
    wanted = wanted_columns(form, cfg, str(path), found, sparse)
    columns = read_file(key, str(path), wanted)
    parts.notes += columns.notes
    return read_examples(form, cfg, str(path), columns, wanted, faults)


def _read_document(key: str, path: Path, faults: Faults) -> Read:
    """Read a file of plain text, which is one document with all its blank lines."""
    if not path.is_file():
        read_file(key, str(path), {})
    read = Read()
    with open_text(path) as file:
        text = file.read(MAX_DOCUMENT + 1)
    if len(text) > MAX_DOCUMENT:
        faults.add(f"{path} has more than {MAX_DOCUMENT:,} characters; split it into several files in a folder")
    elif not text.strip():
        faults.add(f"{path} is empty; give a file with text")
    elif "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        faults.add(f"{path} line {line} holds a NUL character; take it out")
    else:
        read.texts.append(text)
        read.rows.append(1)
    return read


def _part(split: str, where: str, reads: Sequence[Read], names: Sequence[str]) -> LmPart:
    """Join what was read from the files of one split."""
    texts, numbers, starts = Texts(), array("I"), []
    groups = None if any(read.groups is None for read in reads) else array("q")
    for read in reads:
        starts.append(len(texts))
        texts.extend(read.texts)
        numbers.extend(read.rows)
        if groups is not None and read.groups is not None:
            groups.extend(read.groups)
    ids = RowIds([f"{split}:{name}" for name in names], starts, numbers)
    return LmPart(where, unlabelled(texts, ids, groups), sum(read.blank for read in reads))


def _read_hub(cfg: DatasetConfig, splits: dict[str, str], parts: LmParts, faults: Faults) -> None:
    assert cfg.hub is not None
    wanted: dict[str, str] = {}

    def choose(where: str, found: list[str]) -> dict[str, str]:
        chosen = wanted_columns(_form(cfg, where, found, parts), cfg, where, found, sparse=False)
        wanted.update(chosen)
        return chosen

    for split, columns in read_hub(cfg.hub, cfg.subset, cfg.revision, splits, choose).items():
        where = f"{cfg.hub} split {splits[split]}"
        kept = {role: name for role, name in wanted.items() if role in columns.values}
        parts.notes += columns.notes
        parts.by_split[split] = _part(
            split, where, [read_examples(parts.format, cfg, where, columns, kept, faults)], [""]
        )


def _read_bundled(cfg: DatasetConfig, parts: LmParts, faults: Faults) -> None:
    """Read a data set shipped with ftlab: a jsonl file whose rows name their split and have an id."""
    refuse_own(cfg)
    path = BUNDLED / f"{cfg.bundled}.jsonl"
    if not path.is_file():
        names = sorted(entry.stem for entry in BUNDLED.glob("*.jsonl"))
        near = did_you_mean(str(cfg.bundled), names)
        raise DataError(
            f"dataset.bundled={cfg.bundled} is not shipped with ftlab for writing; there is: {', '.join(names)}{near}"
        )
    form = _form(cfg, path.name, file_columns(path, cfg), parts)
    wanted = needed_columns(form, cfg)
    columns = read_file("dataset.bundled", str(path), {**wanted, "split": "split", "id": "id"})
    read = read_examples(form, cfg, path.name, columns, wanted, faults)
    faults.raise_any()
    _deal(columns, read, path.name, parts)


def _deal(columns: Columns, read: Read, where: str, parts: LmParts) -> None:
    """Give each bundled row to the split that it names."""
    for split in SPLITS:
        chosen = [i for i, name in enumerate(columns.values["split"]) if name == split]
        ids = [columns.values["id"][i] for i in chosen]
        parts.by_split[split] = LmPart(where, unlabelled(Texts(read.texts[i] for i in chosen), ids))
