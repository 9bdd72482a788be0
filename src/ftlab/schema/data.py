"""Which rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class LimitConfig:
    """Largest number of rows per split, drawn stratified with the split seed. None: all."""

    train: Optional[int] = None
    val: Optional[int] = None
    test: Optional[int] = None


@dataclass
class DatasetConfig:
    """Which rows, how they are split, tokenised and batched. One YAML in ``conf/dataset`` each."""

    name: str = "???"
    bundled: Optional[str] = None  # name of a data set shipped with ftlab
    hub: Optional[str] = None  # hub id of a data set; then train/val/test are its split names
    subset: Optional[str] = None  # configuration of the hub data set, where it has several
    revision: str = "main"
    train: Optional[str] = None  # a file (csv, tsv, jsonl, json, parquet), 'part-*.csv', a folder, or a split of `hub`
    val: Optional[str] = None  # None: from the folder given as train, else made from train
    test: Optional[str] = None  # None: from the folder given as train, else made from train
    format: str = "auto"  # by the columns; or classification, messages, conversations, alpaca, prompt_completion, text
    text_column: str = "text"
    text_pair_column: Optional[str] = None
    label_column: str = "label"
    messages_column: Optional[str] = None  # of conversations; None: messages, or conversations
    prompt_column: str = "prompt"
    completion_column: str = "completion"
    loss_on: str = "completion"  # what a language model learns: completion (the assistant's turns), or all
    system: Optional[str] = None  # of conversations: the system line of every row; "": none; None: each row's own
    join_rows: bool = False  # plain text: the rows of a split are one text, with a blank line between them
    group_column: Optional[str] = None  # rows of one group (an author, a source) stay in one split
    labels: Optional[list[str]] = None  # label names in the order of their numbers; None: found in the data
    val_fraction: float = 0.1  # of train, where no val is given
    test_fraction: float = 0.2  # of train, where no test is given
    split_seed: int = 13  # splits do not move with the training seed
    tokenizer: Optional[str] = None  # from the model: a hub id, a folder, or "bytes"; None: the checkpoint's own
    max_length: int = 128  # tokens
    batch_size: Any = 16  # rows of a step; auto: effective_batch_size, done as many rows at a time as fit into memory
    effective_batch_size: int = 16  # rows of a step with batch_size=auto
    eval_batch_size: int = 32  # rows
    batching: str = "length_grouped"  # or shuffled, fixed (pad to max_length), packed (language models: full rows)
    sample_per_class: Optional[int] = None  # rows per label, from train and from test; saved as sample.csv
    limit: LimitConfig = field(default_factory=LimitConfig)
    on_leak: str = "warn"  # texts or groups that two splits share: warn, drop (from train, or val), fail
    samples: list[str] = field(default_factory=list)  # texts predicted before and after
    num_workers: int = 0  # loader processes
