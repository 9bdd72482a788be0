"""The root of each verb's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ftlab.schema.asking import GenerationConfig, PromptConfig
from ftlab.schema.comparing import AfterSweepConfig
from ftlab.schema.data import DatasetConfig
from ftlab.schema.measuring import CostConfig, LatencyConfig, PredictionsConfig, TrackingConfig
from ftlab.schema.model import ModelConfig


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
    published_model: Optional[str] = None  # of a study: the model it names; the report says what stands in for it
    monitor: str = "auto"  # picks the best checkpoint and stops early: val/f1_macro of labels, val/loss of texts
    resume: Optional[str] = (
        None  # go on with a run that was killed or failed, or with a sweep (-m): a folder, or latest
    )
    resume_policy: str = (
        "same"  # same options only; strict: and no damaged checkpoint passed over; changed: go on anyway
    )
    budget_usd: Optional[float] = None  # dollars for training, over all jobs of -m: one that would break it is left out
    skip_unfit: bool = False  # leave out the jobs of -m that do not fit the memory of the device they train on
    compare: AfterSweepConfig = field(default_factory=AfterSweepConfig)
    dry_run: bool = False  # check the configuration, then stop


@dataclass
class PlanConfig(TrainConfig):
    """Root of ``ftlab plan``: what ``train`` takes, and the device to plan for."""

    device: str = "auto"  # auto (this machine), cpu, a data sheet such as t4_16gb, or a file such as mine.yaml
    json: bool = False  # print one JSON array instead of a table; also written --json


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
