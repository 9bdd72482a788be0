"""The formats in which people keep what a language model is to learn, and how their columns tell them apart."""

from __future__ import annotations

from collections.abc import Sequence

from ftlab.datasets.columns import OPTIONAL, USUAL, check_columns, listed_columns
from ftlab.datasets.options import LM_FORMATS
from ftlab.errors import ConfigError, DataError, closest
from ftlab.schema import DatasetConfig

_CHATS = ("messages", "conversations")
# Options that only some formats read.
_OWN = {
    "messages_column": _CHATS,
    "prompt_column": ("prompt_completion",),
    "completion_column": ("prompt_completion",),
    "text_column": ("text",),
    "join_rows": ("text",),
    "system": (*_CHATS, "alpaca"),
}
_OF_CLASSIFICATION = ("label_column", "labels", "text_pair_column", "sample_per_class")
_DEFAULTS = DatasetConfig()


def needed_columns(form: str, cfg: DatasetConfig) -> dict[str, str]:
    """Return the columns a format cannot do without, by role."""
    if form in _CHATS:
        return {"messages_column": cfg.messages_column or form}
    if form == "alpaca":
        return {"instruction": "instruction", "output": "output"}
    if form == "prompt_completion":
        return {"prompt_column": cfg.prompt_column, "completion_column": cfg.completion_column}
    assert form == "text", form
    return {"text_column": cfg.text_column}


def fitting_formats(columns: Sequence[str], cfg: DatasetConfig) -> list[str]:
    """Return the formats whose columns are all among ``columns``, the most telling first."""
    forms = [form for form in LM_FORMATS if form != "conversations" or cfg.messages_column is None]
    return [form for form in forms if set(needed_columns(form, cfg).values()) <= set(columns)]


def detect_format(columns: Sequence[str], cfg: DatasetConfig = _DEFAULTS, where: str = "the file") -> str:
    """Return the format that ``columns`` fit.

    Args:
        columns: of a file, a hub split or a record.
        cfg: names the columns of the formats that leave them to the user.
        where: the file, for the sentence.

    Raises:
        DataError: none fits; the sentence lists the formats and the override to type.
    """
    fitting = fitting_formats(columns, cfg)
    if fitting:
        return fitting[0]
    forms = ", ".join(f"{form} ({', '.join(needed_columns(form, cfg).values())})" for form in LM_FORMATS)
    raise DataError(
        f"{where} has the columns {listed_columns(columns)}, which fit no format; formats and their columns: {forms}; "
        f"{_remedy(columns, cfg)}"
    )


def _remedy(columns: Sequence[str], cfg: DatasetConfig) -> str:
    """Return what to type or rename so that the nearest format fits."""
    lowered = {name.lower(): name for name in columns}
    found = {
        role: next((lowered[usual] for usual in USUAL[role] if usual in lowered), None)
        for role in ("messages_column", "prompt_column", "completion_column", "text_column")
    }
    if (column := found["messages_column"] or closest("messages", columns)) is not None:
        return f"type dataset.messages_column={column} where it holds the turns"
    if found["prompt_column"] and found["completion_column"]:
        prompt, completion = found["prompt_column"], found["completion_column"]
        given = f"dataset.prompt_column={prompt} " if prompt != cfg.prompt_column else ""
        return f"type {given}dataset.completion_column={completion}"
    for name in ("instruction", "output", "prompt", "completion"):
        if name not in columns and (near := closest(name, columns)) is not None:
            return f"did you mean {name}? Then call the column {near} so"
    return f"type dataset.format=text dataset.text_column={found['text_column'] or [*columns, '<column>'][0]}"


def wanted_columns(form: str, cfg: DatasetConfig, where: str, found: Sequence[str], sparse: bool) -> dict[str, str]:
    """Return the columns to read, by role.

    Args:
        form: of the file.
        cfg: the data set.
        where: the file, for sentences.
        found: its columns, of jsonl and json those of the first record.
        sparse: a record may have columns that the first has not, so that optional ones are asked for in any case.

    Raises:
        DataError: one that the format needs is missing.
    """
    wanted = needed_columns(form, cfg)
    if cfg.group_column is not None:
        wanted["group_column"] = cfg.group_column
    if form == "alpaca":
        if missing := [name for name in ("instruction", "output") if name not in found]:
            raise DataError(
                f"{where} has no column {missing[0]!r}, which the format alpaca needs; it has: "
                f"{listed_columns(found)}; call one of them so, or type dataset.format=auto"
            )
        wanted |= {name: name for name in OPTIONAL if sparse or name in found}
    check_columns(where, wanted, found)
    return wanted


def check_options_fit(form: str, cfg: DatasetConfig) -> None:
    """Check that no option is given which the format has no use for.

    Raises:
        ConfigError: one sentence per option.
    """
    faults = []
    for key in (*_OF_CLASSIFICATION, *_OWN):
        value = getattr(cfg, key)
        if value == getattr(_DEFAULTS, key) or form in _OWN.get(key, ()):
            continue
        shown = "..." if isinstance(value, list) else value
        if key in _OF_CLASSIFICATION:
            faults.append(
                f"dataset.{key}={shown} is for labelled texts, and the format {form} has no labels; leave it out, or "
                "type dataset.format=classification"
            )
        else:
            belongs = " and ".join(_OWN[key])
            faults.append(f"dataset.{key}={shown} belongs to the format {belongs}, and this is {form}; leave it out")
    if faults:
        raise ConfigError(*faults)


def other_format(columns: Sequence[str], form: str, cfg: DatasetConfig) -> str | None:
    """Return the format of a record whose columns do not fit ``form``; None where they fit it, or none."""
    fitting = fitting_formats(columns, cfg)
    return fitting[0] if fitting and form not in fitting else None


def detected(where: str, form: str, columns: Sequence[str], cfg: DatasetConfig) -> str:
    """Return the sentence that says how a file was read, and how to have it read otherwise."""
    names = " and ".join(needed_columns(form, cfg).values())
    others = [other for other in fitting_formats(columns, cfg) if other != form]
    another = others[0] if others else "<format>"
    rest = f"; it has the columns of {' and '.join(others)} too" if others else ""
    if form == "text" and cfg.label_column in columns:
        rest, another = f"; its labels ({cfg.label_column}) are not read", "classification"
    plural = "columns" if len(needed_columns(form, cfg)) > 1 else "column"
    told = f"{where} was read in the format {form}, by its {plural} {names}"
    return f"{told}{rest}; for another type dataset.format={another}"
