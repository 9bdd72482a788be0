"""The model of a finished run, ready to answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlab.results import RunResult
from ftlab.schema import GenerationConfig

if TYPE_CHECKING:
    from ftlab.generator import TorchGenerator
    from ftlab.predictor import TorchPredictor


def writes(record: RunResult) -> bool:
    """Tell whether the model of a run writes texts; else it gives labels."""
    return record.model is not None and record.model.task == "causal_lm"


def load_labeller(folder: Path, record: RunResult, device: str, *, max_length: int | None = None) -> TorchPredictor:
    """Load the model of a run that is open and gives labels, with the length and precision it was measured with.

    Args:
        folder: of the run.
        record: of the run.
        device: auto, cpu, cuda, ...
        max_length: tokens; None: as measured.

    Raises:
        DataError, ModelError: the model folder cannot be read.
    """
    # Late: faults of the input need no torch.
    from ftlab.predictor import load_predictor

    return load_predictor(folder / "model", **_as_measured(record, device, max_length))


def load_writer(
    folder: Path, record: RunResult, device: str, options: GenerationConfig, *, max_length: int | None = None
) -> TorchGenerator:
    """Load the model of a run that is open and writes; arguments as ``load_labeller``'s, and how it writes."""
    from ftlab.generator import load_generator

    return load_generator(folder / "model", **_as_measured(record, device, max_length), options=options)


def _as_measured(record: RunResult, device: str, max_length: int | None) -> dict[str, Any]:
    """Return what the model of a run is loaded with."""
    from ftlab.modules.precision import inference_device, inference_precision, trained_on

    assert record.dataset is not None and record.model is not None, "open_run has looked"
    place = inference_device(device)
    return {
        "max_length": max_length or record.dataset.max_length,
        "device": place,
        "precision": inference_precision(record.model.precision, trained_on(record.environment), place),
        "attention": _attention(record),
    }


def _attention(record: RunResult) -> str:
    """Return what to compute attention with: flash may not be here."""
    return "eager" if record.model is not None and record.model.attention == "eager" else "sdpa"
