"""``ftlab predict <run> text="..."``: the label of one text; with ``input=``, of each row of a file or pipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from ftlab.errors import ConfigError
from ftlab.finished import open_run
from ftlab.results import RunResult
from ftlab.schema import PredictConfig
from ftlab.verbs.predict_rows import predict_rows

if TYPE_CHECKING:
    from ftlab.predictor import TorchPredictor


def predict(cfg: DictConfig) -> None:
    """Print the label of ``cfg.text``, its probability, and the other labels' below; or write those of a file's rows.

    Raises:
        ConfigError: neither a text nor an input was given.
        DataError: the folder is no finished run with a model, or the input is not as it must be.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, PredictConfig)
    folder, record = open_run(settings.run, settings.output_dir)
    if settings.input is not None:
        predict_rows(settings, folder, record, lambda: load_model(folder, record, settings.device))
        return
    if settings.text is None:
        raise ConfigError(f'text is missing; type: ftlab predict {settings.run} text="your sentence"')
    found = load_model(folder, record, settings.device).predict([settings.text])[0]
    table = Table("label", "probability", title=str(folder), title_justify="left")
    for label, probability in sorted(found.probabilities.items(), key=lambda item: -item[1]):
        table.add_row(label, f"{probability:.4f}", style="bold" if label == found.label else None)
    Console().print(table)


def load_run(folder: Path, device: str) -> TorchPredictor:
    """Load the model of a run folder, with the length and precision it was measured with.

    Raises:
        DataError: there is no such run, or it did not finish.
    """
    folder, record = open_run(str(folder), folder.parent)
    return load_model(folder, record, device)


def load_model(folder: Path, record: RunResult, device: str) -> TorchPredictor:
    """Load the model of a run that is open, with the length and precision it was measured with.

    Raises:
        DataError, ModelError: the model folder cannot be read.
    """
    # Late: faults of the input need no torch.
    from ftlab.modules.precision import inference_device, inference_precision, trained_on
    from ftlab.predictor import load_predictor

    assert record.dataset is not None and record.model is not None, "open_run has looked"
    place = inference_device(device)
    return load_predictor(
        folder / "model",
        max_length=record.dataset.max_length,
        device=place,
        precision=inference_precision(record.model.precision, trained_on(record.environment), place),
    )
