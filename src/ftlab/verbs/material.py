"""What is known of a run before a weight is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torchmetrics import MetricCollection

from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.examples import LmSplits
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.splits import Splits
from ftlab.models.tokenizer import LoadedTokenizer
from ftlab.schema import CostConfig

Data = TextDataModule | LmDataModule


@dataclass(frozen=True, slots=True)
class Material:
    """Rows, tokenizer and options, tried on each other: the faults of data and model are out of the way."""

    splits: Splits | LmSplits
    tokenizer: LoadedTokenizer
    remarks: list[str]
    price: CostConfig
    mode: str  # of the monitor: max or min
    metrics: MetricCollection | None  # of a pass over a split, but for the loss
    data: Data
    prompt: Any = None  # what the task puts around each text: of its own kind; None: nothing
    prompt_record: dict[str, Any] = field(default_factory=dict)  # for result.json
