"""``ftlab predict <run> text="..."``: the label of one text."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from ftlab.errors import ConfigError, DataError
from ftlab.modules.precision import pick_device
from ftlab.paths import latest_run
from ftlab.predictor import TorchPredictor, load_predictor
from ftlab.results import load_result
from ftlab.schema import PredictConfig


def predict(cfg: DictConfig) -> None:
    """Print the label of ``cfg.text``, its probability, and the other labels' below.

    Raises:
        ConfigError: no text was given.
        DataError: the folder is no finished run with a model.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, PredictConfig)
    if settings.text is None:
        raise ConfigError(f'text is missing; type: ftlab predict {settings.run} text="your sentence"')
    folder = latest_run(Path(settings.output_dir)) if settings.run == "latest" else Path(settings.run)
    predictor = load_run(folder, settings.device)
    found = predictor.predict([settings.text])[0]
    table = Table("label", "probability", title=str(folder), title_justify="left")
    for label, probability in sorted(found.probabilities.items(), key=lambda item: -item[1]):
        table.add_row(label, f"{probability:.4f}", style="bold" if label == found.label else None)
    Console().print(table)


def load_run(folder: Path, device: str) -> TorchPredictor:
    """Load the model of a run folder, with the length and precision it was measured with.

    Raises:
        DataError: there is no such run, or it did not finish.
    """
    result = load_result(folder)
    if result.run.status != "finished" or result.artefact is None or result.artefact.path is None:
        raise DataError(
            f"{folder} is {result.run.status}, so it holds no verified model; `ls outputs` shows other runs"
        )
    assert result.dataset is not None and result.model is not None, "a finished run has both"
    return load_predictor(
        folder / "model",
        max_length=result.dataset.max_length,
        device=pick_device(device, "auto"),
        precision=result.model.precision if device == "auto" else "32-true",
    )
