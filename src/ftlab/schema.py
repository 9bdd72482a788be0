"""The closed part of the configuration: every key with its type, default and unit.

Component groups that take options of foreign classes (adapter, optimizer, scheduler, trainer, callbacks, metrics)
are open: their YAML names a ``_target_`` whose signature says which options exist (``check`` reads it from source).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass
class ModelConfig:
    """Which network, from where. One YAML in ``conf/model`` each."""

    _target_: str = "ftlab.modules.classifier.ClassifierModule"
    name: str = "???"
    checkpoint: Optional[str] = None  # a hub id, or a local folder in the Hugging Face layout; None: random only
    revision: str = "main"  # of the hub repository
    embedded: Optional[str] = None  # importable package that carries the same weights
    tokenizer: Optional[str] = None  # a hub id, a folder, or "bytes" (bundled); None: the checkpoint's own
    init: str = "pretrained"  # pretrained, or random: built from `architecture`, no download
    head: str = "auto"  # auto, classification, or lm: a causal model writes, or labels by prompt, with its own output
    chat_template: Optional[str] = None  # plain, chatml, alpaca, llama2, or a .jinja file; None: the tokenizer's own
    dropout: Optional[float] = None  # every dropout of the network; None: the checkpoint's own
    attention: str = "sdpa"  # sdpa, eager, or flash (CUDA, half precision, and the package flash-attn)
    gradient_checkpointing: bool = False  # compute activations again in the backward pass: less memory, slower steps
    learning_rate: float = 5e-5  # of full fine-tuning; the other adapters have their own
    class_weights: Any = None  # None, "balanced", or one number per label
    label_smoothing: float = 0.0
    architecture: dict[str, Any] = field(default_factory=dict)  # transformers config numbers, for init=random


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
    join_rows: bool = False  # plain text: the rows of a split are one text, with a blank line between them
    group_column: Optional[str] = None  # rows of one group (an author, a source) stay in one split
    labels: Optional[list[str]] = None  # label names in the order of their numbers; None: found in the data
    val_fraction: float = 0.1  # of train, where no val is given
    test_fraction: float = 0.2  # of train, where no test is given
    split_seed: int = 13  # splits do not move with the training seed
    tokenizer: Optional[str] = None  # from the model: a hub id, a folder, or "bytes"; None: the checkpoint's own
    max_length: int = 128  # tokens
    batch_size: int = 16  # rows
    eval_batch_size: int = 32  # rows
    batching: str = "length_grouped"  # or shuffled, fixed (pad to max_length), packed (language models: full rows)
    sample_per_class: Optional[int] = None  # rows per label, from train and from test; saved as sample.csv
    limit: LimitConfig = field(default_factory=LimitConfig)
    on_leak: str = "warn"  # texts or groups that two splits share: warn, drop (from train, or val), fail
    samples: list[str] = field(default_factory=list)  # texts predicted before and after
    num_workers: int = 0  # loader processes


@dataclass
class PromptConfig:
    """What stands around each text, and how a label is asked for. One YAML in ``conf/prompt`` each."""

    name: str = "none"  # none: nothing stands around a text
    instruction: str = ""  # comes first; {labels} in it becomes the answers, one after the other
    text_prefix: str = ""  # before each text
    text_pair_prefix: str = ""  # before the second text of a pair, on a new line
    label_prefix: str = ""  # after each text, on a new line; the answer follows
    separator: str = "\n\n"  # between instruction, examples and text
    verbalisers: Optional[dict[str, str]] = None  # label: its answer, for all labels; None: names, with spaces for _
    shots_per_class: int = 0  # examples per label, drawn from the train rows
    seed: int = 13  # of that draw and its order; they do not move with the training seed
    chat: Any = "auto"  # in the model's chat template: true, false; auto: where the model has its own
    calibration: str = "none"  # none, or contextual: answers favoured whatever the text are weighed down
    cache: bool = True  # compute what stands before each text once, not per text; the answers are the same


@dataclass
class LatencyConfig:
    """How long inference is timed, per batch size."""

    enabled: bool = True
    batch_sizes: list[int] = field(default_factory=lambda: [1, 32])
    min_samples: int = 30
    min_seconds: float = 3.0
    max_seconds: float = 20.0
    new_tokens: int = 32  # written per call by a model that generates; an end it wants earlier is passed over


@dataclass
class GenerationConfig:
    """How a causal language model writes: in tests, in predict, in chat."""

    enabled: Any = "auto"  # write answers to test rows; auto: where the task is generation
    max_new_tokens: int = 128  # per answer, at most
    do_sample: bool = False  # False: the likeliest token each time (greedy)
    temperature: float = 1.0  # of sampling; below 1 keeps nearer to the likeliest
    top_p: float = 1.0  # draw from the likeliest tokens that hold this share of the probability
    top_k: int = 0  # draw from so many tokens, the likeliest; 0: from all
    stop: list[str] = field(default_factory=list)  # an answer ends before any of these strings
    batch_size: int = 8  # prompts
    limit: Optional[int] = 64  # test rows answered; None: all
    json_schema: Optional[str] = None  # a file: answers that are JSON are checked against this JSON schema
    table_rows: int = 8  # of the table of prompts, references and answers
    seed: Optional[int] = None  # of sampling; None: the run's


@dataclass
class CostConfig:
    """What the machine costs. One dated price file in ``conf/cost`` each."""

    name: str = "auto"
    device_class: Optional[str] = None  # cpu, t4, l4, a10g, a100, h100, ...
    usd_per_hour: Optional[float] = None  # None with name=auto: taken from the price file of the detected device
    price_source: Optional[str] = None
    price_date: Optional[str] = None
    utilisation: float = 0.5  # share of an hour in which the server is busy, in (0, 1]
    batch_size: int = 1  # the latency row the price rests on


@dataclass
class TrackingConfig:
    """Where MLflow writes."""

    enabled: bool = True
    uri: Optional[str] = None  # None: MLFLOW_TRACKING_URI, else the sqlite file in the outputs folder


@dataclass
class PredictionsConfig:
    """What predictions.parquet holds."""

    text: bool = True  # False: only the hash of each text


@dataclass
class TrainConfig:
    """Root of ``ftlab train``."""

    model: ModelConfig = field(default_factory=ModelConfig)
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    adapter: dict[str, Any] = field(default_factory=dict)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    optimizer: dict[str, Any] = field(default_factory=dict)
    scheduler: dict[str, Any] = field(default_factory=dict)
    trainer: dict[str, Any] = field(default_factory=dict)
    callbacks: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)  # your own: metrics.<name>._target_=package.Class
    cost: CostConfig = field(default_factory=CostConfig)
    latency: LatencyConfig = field(default_factory=LatencyConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    predictions: PredictionsConfig = field(default_factory=PredictionsConfig)
    experiment_name: str = "default"  # folder below outputs, and the MLflow experiment
    name: str = "???"  # of the run; default <model>_<adapter>
    output_dir: str = "outputs"
    seed: int = 42
    device: str = "auto"  # of inference: auto (the one that trains), cpu, cuda, cuda:1, mps
    threads: Any = "auto"  # of each process; auto: its share of the physical cores, or OMP_NUM_THREADS where it is set
    monitor: str = "auto"  # picks the best checkpoint and stops early: val/f1_macro of labels, val/loss of texts
    resume: Optional[str] = (
        None  # go on with a run that was killed or failed, or with a sweep (-m): a folder, or latest
    )
    resume_policy: str = (
        "same"  # same options only; strict: and no damaged checkpoint passed over; changed: go on anyway
    )
    dry_run: bool = False  # check the configuration, then stop


@dataclass
class PredictConfig:
    """Root of ``ftlab predict``."""

    run: str = "latest"  # a run folder, or latest
    text: Optional[str] = None  # one text; or give input
    input: Optional[str] = None  # a file (csv, tsv, txt, jsonl, json; .gz; parquet), or - for what is piped in
    input_format: Optional[str] = None  # csv, tsv, txt, jsonl; None: by the ending; of a pipe, by its first line
    output: Optional[str] = (
        None  # a file (jsonl, csv, tsv, parquet); broken off, the same command goes on; None: stdout
    )
    overwrite: bool = False  # replace an output that exists, or start one anew that was begun otherwise
    text_column: Optional[str] = None  # of input; None: the run's own
    text_pair_column: Optional[str] = None  # of input; None: the run's own
    prefix: str = ""  # before the names of the added columns: prediction, and p_<label> for each label
    batch_size: Any = "auto"  # rows; auto: by their length, so that a batch holds about as many tokens as any other
    generation: GenerationConfig = field(default_factory=GenerationConfig)  # of a model that writes
    output_dir: str = "outputs"  # where latest is looked for
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    threads: Any = "auto"  # auto: the physical cores, or OMP_NUM_THREADS where it is set
    dry_run: bool = False  # check the configuration, then stop


@dataclass
class ChatConfig:
    """Root of ``ftlab chat``."""

    run: str = "latest"  # a run folder, or latest; its key may be left out
    system: Optional[str] = None  # what the model is told before the conversation
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    output_dir: str = "outputs"  # where latest is looked for
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    threads: Any = "auto"  # auto: the physical cores, or OMP_NUM_THREADS where it is set
    dry_run: bool = False  # check the configuration, then stop


@dataclass
class EvaluateConfig:
    """Root of ``ftlab evaluate``. What stands in the run (data set, seed, experiment) is taken from there."""

    run: str = "latest"  # a finished run's folder; its key may be left out; latest: the newest below output_dir
    dataset: DatasetConfig = field(default_factory=DatasetConfig)  # None: the run's own
    metrics: dict[str, Any] = field(default_factory=dict)  # your own: metrics.<name>._target_=package.Class
    cost: CostConfig = field(default_factory=CostConfig)
    latency: LatencyConfig = field(default_factory=LatencyConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    predictions: PredictionsConfig = field(default_factory=PredictionsConfig)
    experiment_name: str = "default"  # unless given, the run's
    name: str = "evaluate"  # unless given, the run's with _evaluate
    output_dir: str = "outputs"
    seed: int = 42  # recorded only: unless given, the run's
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    threads: Any = "auto"  # auto: the physical cores, or OMP_NUM_THREADS where it is set
    dry_run: bool = False  # check the configuration, then stop


@dataclass
class ListConfig:
    """Root of ``ftlab list``. Filters hold one word or several, a,b: any of them will do."""

    output_dir: str = "outputs"  # the folder to look into; its key may be left out
    status: Optional[str] = None  # running, finished, failed, killed, pruned, skipped, broken
    verb: Optional[str] = None  # train, evaluate
    experiment: Optional[str] = None  # experiment_name of the runs
    model: Optional[str] = None
    adapter: Optional[str] = None
    dataset: Optional[str] = None
    sort: str = "started"  # started (newest first), main (best first), p50 (fastest first), usd (cheapest first)
    limit: Optional[int] = None  # at most so many runs; None: 20, and with json all
    json: bool = False  # print one JSON array instead of tables; also written --json
