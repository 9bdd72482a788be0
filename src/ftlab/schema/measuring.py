"""What is measured, at what price, and where it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


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
