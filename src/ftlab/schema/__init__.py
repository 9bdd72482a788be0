"""The closed part of the configuration: every key with its type, default and unit.

Component groups that take options of foreign classes (adapter, optimizer, scheduler, trainer, callbacks, metrics)
are open: their YAML names a ``_target_`` whose signature says which options exist (``check`` reads it from source).
"""

from __future__ import annotations

from ftlab.schema.asking import GenerationConfig, PromptConfig
from ftlab.schema.comparing import AfterSweepConfig, CompareConfig, ReportPriceConfig
from ftlab.schema.data import DatasetConfig, LimitConfig
from ftlab.schema.measuring import CostConfig, LatencyConfig, PredictionsConfig, TrackingConfig
from ftlab.schema.model import ModelConfig
from ftlab.schema.verbs import ChatConfig, EvaluateConfig, ListConfig, PlanConfig, PredictConfig, TrainConfig

__all__ = [
    "AfterSweepConfig",
    "ChatConfig",
    "CompareConfig",
    "CostConfig",
    "DatasetConfig",
    "EvaluateConfig",
    "GenerationConfig",
    "LatencyConfig",
    "LimitConfig",
    "ListConfig",
    "ModelConfig",
    "PlanConfig",
    "PredictConfig",
    "PredictionsConfig",
    "PromptConfig",
    "ReportPriceConfig",
    "TrackingConfig",
    "TrainConfig",
]
