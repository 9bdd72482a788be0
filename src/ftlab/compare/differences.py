"""What sets the rows of a board apart: the configuration keys that vary, and a name for each row that is its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]  # dotted key: value

GROUPS = ("model", "adapter", "prompt", "compression")
ABSENT = "-"  # the configuration has no such key
_NOT_SAID = ("dataset.samples", "dataset.tokenizer", "name", "published_model", "seed", "resume")
_LONGEST = 80  # characters of a value
# Whose keys tell rows of one name apart first: what people vary.
_FIRST = ("adapter.", "model.", "prompt.", "compression.", "trainer.", "optimizer.", "scheduler.", "dataset.")


def varying(settings: Sequence[Settings], names: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return of each row the keys that vary between rows, with its values in words.

    What follows from the choice of a model, adapter, prompt or compression (its file says it) is left out: the columns
    of the board name these.

    Args:
        settings: of each row, by dotted key; empty where they are unknown, which then varies nothing.
        names: of each row: the choice in each of ``GROUPS``.
    """
    known = [one for one in settings if one]
    keys = sorted({key for one in known for key in one if not key.startswith(_NOT_SAID)})
    said = [{key: in_words(one[key]) for key in keys if key in one} for one in settings]
    kept = []
    for key in keys:
        values = [one.get(key, ABSENT) for one, whole in zip(said, settings, strict=True) if whole]
        if len(set(values)) < 2:
            continue
        group = key.partition(".")[0]
        if group in GROUPS:
            choices = [name[group] for name, whole in zip(names, settings, strict=True) if whole]
            if len(set(zip(choices, values, strict=True))) == len(set(choices)):
                continue
        kept.append(key)
    return [{key: one.get(key, ABSENT) for key in kept} if one else {} for one in said]


def unique_keys(
    names: Sequence[Mapping[str, str]], differs: Sequence[Mapping[str, str]], verbs: Sequence[str], ids: Sequence[str]
) -> list[str]:
    """Return a key of its own for each row: model and adapter, prompt and compression where there are any.

    Rows of one name are told apart by the verb, then by as few of the keys that vary among them as it takes
    (``minilm lora rank=16``), and at last by the id of their run.
    """
    bases = [" ".join(_words(name)) for name in names]
    keys = list(bases)
    for base in sorted(set(bases)):
        same = [row for row, one in enumerate(bases) if one == base]
        if len(same) == 1:
            continue
        extra = _fewest([{"verb": verbs[row], **differs[row]} for row in same])
        for row, words in zip(same, extra, strict=True):
            keys[row] = " ".join([base, *words])
    for names_of_own in (ids, [str(row) for row in range(len(ids))]):  # ids of copied records are alike
        counts = Counter(keys)
        keys = [f"{key} #{names_of_own[row]}" if counts[key] > 1 else key for row, key in enumerate(keys)]
    return keys


def _words(name: Mapping[str, str]) -> list[str]:
    return [name["model"], name["adapter"], *(name[g] for g in ("prompt", "compression") if name[g] != "none")]


def _fewest(rows: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """Return the words that tell ``rows`` apart; a key is taken only where it parts rows that are still alike."""
    keys = [key for key in dict.fromkeys(key for row in rows for key in row) if len({row.get(key) for row in rows}) > 1]
    keys.sort(key=_turn)
    chosen: list[str] = []
    parted = 1
    for key in keys:
        now = len({tuple(row.get(k) for k in (*chosen, key)) for row in rows})
        if now > parted:
            chosen, parted = [*chosen, key], now
        if parted == len(rows):
            break
    lasts = [key.rsplit(".", 1)[-1] for key in chosen]
    short = [last if lasts.count(last) == 1 else key for key, last in zip(chosen, lasts, strict=True)]
    told = [[_word(name, row.get(key, ABSENT)) for key, name in zip(chosen, short, strict=True)] for row in rows]
    return [[word for word in words if word] for words in told]


def _turn(key: str) -> tuple[bool, int, str]:
    place = next((n for n, start in enumerate(_FIRST) if key.startswith(start)), len(_FIRST))
    return key != "verb", place, key


def _word(name: str, value: str) -> str:
    if name == "verb":
        return value if value != "train" else ""
    if value == ABSENT:  # the others of its name say what they have of it
        return ""
    return f"{name}={value.rstrip('/').rsplit('/', 1)[-1] if name == 'run' else value}"


def in_words(value: Any) -> str:  # noqa: ANN401 - YAML
    """Return a value as an override would give it, cut to a readable length."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
