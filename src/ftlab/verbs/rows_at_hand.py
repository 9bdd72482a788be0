"""What a plan knows of the rows: how many train rows there are and how long, where that is quick to tell offline."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ftlab.datasets.batching import EpochBatches, padding_fraction
from ftlab.datasets.examples import Examples, LmSplits
from ftlab.datasets.lm_sources import read_lm_splits
from ftlab.datasets.lm_tokens import tokenize_examples
from ftlab.datasets.options import step_rows
from ftlab.datasets.plan import SPLITS, plan_sources
from ftlab.datasets.sources import read_splits
from ftlab.datasets.splits import Splits
from ftlab.errors import ModelError
from ftlab.models.source import find_here
from ftlab.models.tokenizer import BYTES, load_tokenizer
from ftlab.prompts.chat import load_template
from ftlab.schema import DatasetConfig, TrainConfig
from ftlab.task import TaskName, chosen_task

_MOST_BYTES = 100_000_000  # of files that a plan reads
_SAMPLE = 1000  # rows whose tokens are counted
_MOST_BATCHED = 20_000  # rows that are put into batches, to see what padding adds
_CHARACTERS = 4.5  # of English per token of a vocabulary of 30,000 to 50,000
_ALWAYS = 2  # tokens around every text

Lengths = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowsAtHand:
    """What is known of the train rows. None: only the rows themselves could tell."""

    task: TaskName
    rows: int | None  # of an epoch; texts to write count as the blocks they are cut into
    labels: int
    tokens: float | None  # computed per row, padding included, mean
    around: int = 0  # tokens that a prompt puts around each text beyond its own `dataset.max_length`
    notes: tuple[str, ...] = ()


class RowReader:
    """Looks at the rows of one configuration after the other; a data set is read once."""

    def __init__(self) -> None:
        self._read: dict[str, Splits | LmSplits | None] = {}
        self._known: dict[str, RowsAtHand] = {}

    def look(self, settings: TrainConfig) -> RowsAtHand:
        """Return what is known of the rows.

        Raises:
            ConfigError, DataError: model, data set and prompt do not go together; files are not as they must be.
        """
        fields = [dataclasses.asdict(one) for one in (settings.dataset, settings.prompt)]
        model = settings.model
        named = [model.name, model.checkpoint, model.init, model.tokenizer, model.head, model.chat_template]
        key = json.dumps([fields, named, settings.seed], default=str)
        if key not in self._known:
            self._known[key] = self._look(settings)
        return self._known[key]

    def _look(self, settings: TrainConfig) -> RowsAtHand:
        cfg, task = settings.dataset, chosen_task(settings.model, settings.dataset, settings.prompt)
        splits = self._splits(cfg, task)
        if splits is None:
            return _unread(cfg, task)
        labels = len(splits.labels) if isinstance(splits, Splits) else 0
        around = _around(settings, splits) if task == "prompted" else 0
        lengths, notes = _lengths(settings, splits, _around(settings, splits) - around)
        shares = max(1.0, len(splits.train) / _SAMPLE)  # rows that one of the sample stands for
        rows = max(1, round(len(lengths) * shares))
        if cfg.batching == "packed":
            whole = max(1, math.ceil(float(lengths.sum()) * shares / cfg.max_length))
            return RowsAtHand(task, whole, labels, float(cfg.max_length), around, notes)
        many = np.resize(lengths, min(rows, max(len(lengths), _MOST_BATCHED)))  # as many as are put into batches
        return RowsAtHand(task, rows, labels, _padded(many, settings), around, notes)

    def _splits(self, cfg: DatasetConfig, task: TaskName) -> Splits | LmSplits | None:
        key = json.dumps([dataclasses.asdict(cfg), task == "generation"], default=str)
        if key not in self._read:
            read = read_lm_splits if task == "generation" else read_splits
            self._read[key] = read(cfg) if _is_at_hand(cfg) else None
        return self._read[key]


def _is_at_hand(cfg: DatasetConfig) -> bool:
    """Tell whether the rows lie on this machine and are few enough to be read for a plan."""
    if cfg.bundled is not None:
        return True
    plan = plan_sources(cfg, SPLITS)
    if plan.hub:
        return False
    files = [path for source in plan.local.values() for path in source.files]
    return sum(path.stat().st_size for path in files if Path(path).is_file()) <= _MOST_BYTES


def _unread(cfg: DatasetConfig, task: TaskName) -> RowsAtHand:
    labels = 0 if task == "generation" else len(cfg.labels or ()) or 2
    where = f"the hub data set {cfg.hub}" if cfg.hub else f"dataset.train={cfg.train}"
    rows = cfg.limit.train
    if rows is None and cfg.sample_per_class is not None and labels:
        rows = cfg.sample_per_class * labels
    if rows is None:
        note = (
            f"{where} is not read for a plan, so time and money are not known; give the number of its rows with "
            "dataset.limit.train=<rows>"
        )
    else:
        note = f"{where} is not read for a plan: {rows:,} rows are taken, each of {cfg.max_length} tokens"
    if task != "generation" and cfg.labels is None:
        note += f", and {labels} labels"
    return RowsAtHand(task, rows, labels, None, notes=(note,))


def _sampled(count: int) -> NDArray[np.bool_]:
    """Return which rows are looked at, (count,): all, or ``_SAMPLE`` of them in equal steps."""
    mask = np.zeros(count, dtype=np.bool_)
    mask[np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).astype(int))] = True
    return mask


def _lengths(settings: TrainConfig, splits: Splits | LmSplits, around: int) -> tuple[Lengths, tuple[str, ...]]:
    """Return the tokens of each sampled train row, and what is not certain of them.

    ``around`` tokens of a prompt are cut with the text.
    """
    tokenizer, most = _tokenizer(settings), settings.dataset.max_length
    mask = _sampled(len(splits.train))
    if isinstance(splits, LmSplits):
        examples = splits.train.where(mask)
        if tokenizer is not None:
            template = load_template(settings.model.chat_template, None)
            tokens = tokenize_examples(examples, tokenizer, template, most, settings.dataset.loss_on)
            return tokens.lengths, ()
        return _cut(_letters(examples), most, blocks=examples.kind == "text"), (_guessed(settings),)
    rows = splits.train.where(mask)
    pairs = rows.pairs or [""] * len(rows)
    if tokenizer is None:
        letters = [len(a) + len(b) for a, b in zip(rows.texts, pairs, strict=True)]
        return _cut(letters, most, around), (_guessed(settings),)
    told = tokenizer(list(rows.texts), *([] if rows.pairs is None else [list(rows.pairs)]))["input_ids"]
    return np.minimum(np.array([len(ids) for ids in told]) + around, most), ()


def _letters(examples: Examples) -> list[int]:
    return [len(text) for text in examples.rows.texts]


def _cut(letters: Sequence[int], most: int, around: int = 0, *, blocks: bool = False) -> Lengths:
    """Return tokens from characters; longer rows are cut, or with ``blocks`` go on in a further row."""
    tokens = np.ceil(np.array(letters) / _CHARACTERS).astype(np.int64) + _ALWAYS + around
    if not blocks:
        return np.minimum(tokens, most)
    whole = [length for row in tokens.tolist() for length in [most] * (row // most) + [row % most] * bool(row % most)]
    return np.array(whole, np.int64)


def _around(settings: TrainConfig, splits: Splits | LmSplits) -> int:
    """Return about how many tokens the prompt, its examples included, puts around each text."""
    prompt = settings.prompt
    if prompt.name == "none" or isinstance(splits, LmSplits):
        return 0
    answers = sum(map(len, splits.labels))
    written = sum(map(len, (prompt.instruction, prompt.text_prefix, prompt.label_prefix))) + answers
    shown = splits.train.texts[:_SAMPLE]
    example = sum(map(len, shown)) / max(1, len(shown)) + len(prompt.text_prefix) + len(prompt.label_prefix)
    return math.ceil((written + prompt.shots_per_class * len(splits.labels) * example) / _CHARACTERS)


def _guessed(settings: TrainConfig) -> str:
    return (
        f"the tokenizer of {settings.model.name} is not on this machine, so tokens are counted as one per "
        f"{_CHARACTERS:g} characters"
    )


def _tokenizer(settings: TrainConfig) -> Any:  # noqa: ANN401 - a tokenizer, or None
    """Return the tokenizer of the run where it is on this machine; no network."""
    model, name = settings.model, settings.dataset.tokenizer
    own = name in (None, model.checkpoint)
    if model.init != "random" and own and find_here(model, "tokenizer") is None and not _is_bert(settings):
        return None
    if not own and name != BYTES and not Path(str(name)).expanduser().is_dir():
        return None
    try:
        # As if random: such a model reaches for no network, and MiniLM's vocabulary stands in where it is the same.
        return load_tokenizer(dataclasses.replace(model, init="random"), None if own else name).tokenizer
    except ModelError:  # the run itself says what is wrong with it; here a guess will do
        return None


def _is_bert(settings: TrainConfig) -> bool:
    shape = settings.model.architecture
    return shape.get("model_type") in ("bert", "distilbert", "electra") and shape.get("vocab_size") == 30522


def _padded(lengths: Lengths, settings: TrainConfig) -> float:
    """Return the tokens computed per row of a batch, mean: padding makes all rows of a batch as long as the longest."""
    cfg = settings.dataset
    if cfg.batching == "fixed":
        return float(cfg.max_length)
    batches = EpochBatches(lengths, step_rows(cfg), settings.seed, cfg.batching == "length_grouped")
    share = padding_fraction(batches.batches(0), lengths, None)
    return float(lengths.mean()) / (1 - share)
