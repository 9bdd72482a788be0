"""``ftlab.json`` beside a model's weights: what the folder is for. Data only: nothing of it is built or run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftlab.errors import DataError
from ftlab.models.architecture import Task
from ftlab.models.family import Head

NAME = "ftlab.json"


@dataclass(frozen=True, slots=True)
class About:
    """How a saved model was trained to be used."""

    task: Task = "classification"
    head: Head = "classification"  # lm: it labels by prompt, or writes
    labels: list[str] | None = None  # of a model that labels by prompt; a classification head's lie in config.json
    prompt: Mapping[str, Any] | None = None  # the settings of its prompt
    chat_template: Mapping[str, Any] | None = None  # name, sha256, chosen; its text lies with the tokenizer
    max_length: int | None = None  # tokens, in training
    base_digest: str | None = None  # of the weights that an adapter rests on
    adapter: str | None = None  # name of the method it was trained with
    quantization: Mapping[str, Any] | None = None  # adapter.load: how the base is held under the adapter; None: whole


def write_about(about: About, folder: Path) -> None:
    """Write ``about`` into ``folder``."""
    text = json.dumps(dataclasses.asdict(about), ensure_ascii=False, indent=2)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def read_about(folder: Path) -> About:
    """Return what ``folder`` says of itself; a folder without the file is a classifier's, as they were once saved.

    Raises:
        DataError: the file is broken.
    """
    path = folder / NAME
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return About()
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); train the run again") from None
    known = {field.name for field in dataclasses.fields(About)}
    about = About(**{name: value for name, value in raw.items() if name in known}) if isinstance(raw, dict) else None
    if about is None or not _fits(about):
        raise DataError(f"{path} does not say what the model is for; train the run again")
    return about


def _fits(about: About) -> bool:
    labels = about.labels
    named = labels is None or (isinstance(labels, list) and all(isinstance(label, str) for label in labels))
    uses = (about.task, about.head) in (
        ("classification", "classification"),
        ("classification", "lm"),
        ("causal_lm", "lm"),
    )
    told = about.head == "classification" or (about.task == "classification") == (labels is not None)
    texts = (about.prompt, about.chat_template, about.quantization)
    length = about.max_length is None or (isinstance(about.max_length, int) and about.max_length > 0)
    return named and uses and told and length and all(text is None or isinstance(text, dict) for text in texts)
