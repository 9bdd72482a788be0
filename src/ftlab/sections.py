"""The sections of result.json; ``results.RunResult`` puts them together.

Every key is present; None stands only where a value cannot be known on this machine or for this kind of run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Who ran what, when, and how it ended."""

    id: str
    name: str
    verb: str
    status: str  # finished, failed, killed, pruned, skipped
    error: str | None
    log: str | None
    started: str  # ISO 8601, UTC
    finished: str | None
    seed: int
    sweep: str | None
    parent: str | None
    overrides: list[str]
    config_digest: str  # without the seed
    git_commit: str | None
    mlflow: dict[str, str | None]  # uri, experiment_id, run_id, parent_run_id


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The network that was measured."""

    name: str
    checkpoint: str
    revision: str | None  # resolved commit of the hub repository; None: not from the hub
    init: str
    weights_digest: str | None  # sha256 of the weights before training
    tokenizer: str
    task: str  # classification or causal_lm
    head: str
    max_positions: int | None  # tokens
    parameters: int
    trainable_parameters: int
    trainable_percent: float
    size_mb: float  # weights in memory, 1e6 bytes
    precision: str
    attention: str | None = None  # sdpa, eager or flash: the one really used; None: an older record
    gradient_checkpointing: bool | None = None  # in training; None: an older record
    weights: str | None = None  # from: hub, folder, package, package_4bit, random; None: an older record
    stands_for: str | None = None  # of a study: the model it names, where this is another one
    quantization: str | None = None  # of the base while the adapter trained: nf4, fp4, int8; None: as loaded


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The rows the numbers rest on."""

    name: str
    digest: str  # sha256 over all rows of all splits
    test_digest: str
    labels: list[str]
    train_rows: int
    val_rows: int
    test_rows: int
    max_length: int  # tokens
    truncated_rows: int
    duplicate_rows: int
    leaked_rows: int | None  # None: train was not read


@dataclass(frozen=True, slots=True)
class Quality:
    """How good the predictions are, before and after."""

    main: dict[str, str]  # name, split, direction (max or min)
    untrained: dict[str, Any]
    val: dict[str, Any]
    test: dict[str, Any]
    test_ci95: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class TrainingStats:
    """What training took. All None for adapter=none."""

    seconds: float | None = None
    seconds_to_first_step: float | None = None
    epochs: float | None = None
    steps: int | None = None
    step_p50_ms: float | None = None
    examples_per_second: float | None = None
    tokens_per_second: float | None = None
    padding_fraction: float | None = None  # of all tokens computed, in [0, 1)
    loader_wait_fraction: float | None = None  # of the time of all steps, waiting for their batch; None: not known
    peak_memory_mb: float | None = None
    gpu_utilisation: float | None = None  # in [0, 1]; None: no GPU counter
    compile_seconds: float | None = None  # part of `seconds`, and of no step; None: not compiled
    optimizer: str | None = None  # class, e.g. torch.optim.AdamW
    learning_rate: float | None = None  # the optimizer's, before the schedule
    processes: int = 1  # that trained together
    micro_batch_size: int | None = None  # rows that one process computes at a time
    accumulation: int = 1  # passes per step: parts of a batch x accumulated batches
    out_of_memory: list[dict[str, int]] = field(default_factory=list)  # where rows were halved: step, from, to
    optimizer_in_backward: bool = False
    activation_offload: bool = False


@dataclass(frozen=True, slots=True)
class LatencyRow:
    """Inference time at one batch size, tokenisation included."""

    protocol: str  # full or short
    backend: str
    device: str
    batch_size: int
    merged: bool  # adapter weights folded into the base
    dtype: str
    threads: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float
    ci95_p50_ms: tuple[float, float]
    samples: int
    total_seconds: float
    tokenization_ms: float  # median, part of the total
    throughput_per_second: float  # texts
    shared_from: str | None = None  # id of the run that measured it
    ttft_ms: float | None = None
    inter_token_ms: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, in US dollars, from a dated price."""

    device: str
    usd_per_hour: float | None
    price_source: str | None
    price_date: str | None
    utilisation: float
    batch_size: int
    training_usd: float | None = None
    usd_per_1k_requests: float | None = None
    usd_per_1m_tokens: float | None = None  # generated tokens; None for classifiers
    prompt_tokens: float | None = None  # mean tokens read per request
    completion_tokens: float | None = None
    usd_prompt_share: float | None = None


@dataclass(frozen=True, slots=True)
class Energy:
    """Electrical energy; None for unknown, never 0."""

    training_wh: float | None = None
    wh_per_1k_requests: float | None = None
    method: str = "none"  # counter, estimate, none
    scope: str | None = None  # what the number covers


@dataclass(frozen=True, slots=True)
class Artefact:
    """The model folder, reloaded and scored again."""

    path: str | None
    size_mb: float | None
    verified: bool
    max_abs_logit_difference: float | None
    form: str | None = None  # full (merged too) or adapter; None: an older record
    base: str | None = None  # of an adapter: hub, or beside it in `model/base`; none: the folder is whole
    merge_seconds: float | None = None  # folding the adapter into its base; None: not merged


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a run, as far as its own numbers tell."""

    name: str  # overfitting, class collapse, ...
    evidence: str  # one sentence with the numbers that show it
    remedy: str  # the overrides that would help, as they are typed
