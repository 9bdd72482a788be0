"""``ftlab predict <run> text="..."``: the answer to one text; with ``input=``, to each row of a file or pipe."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from ftlab.decoding.options import seeded
from ftlab.errors import ConfigError
from ftlab.finished import open_run
from ftlab.results import RunResult
from ftlab.schema import PredictConfig
from ftlab.verbs.answering import Labelling, Writing
from ftlab.verbs.loading import load_labeller, load_writer, writes
from ftlab.verbs.predict_rows import predict_rows


def predict(cfg: DictConfig) -> None:
    """Print the label of ``cfg.text`` with all probabilities, or what is written to it; or answer a file's rows.

    Raises:
        ConfigError: neither a text nor an input was given.
        DataError: the folder is no finished run with a model, or the input is not as it must be.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, PredictConfig)
    folder, record = open_run(settings.run, settings.output_dir)
    if writes(record):
        _write(settings, folder, record)
        return
    size = None if settings.batch_size == "auto" else int(settings.batch_size)
    if settings.input is not None:
        assert record.dataset is not None, "open_run has looked"
        added = Labelling.columns(settings.prefix, record.dataset.labels)
        model = lambda: Labelling(load_labeller(folder, record, settings.device), size)  # noqa: E731
        predict_rows(settings, folder, record, added, model)
        return
    found = load_labeller(folder, record, settings.device).predict([_text(settings)])[0]
    table = Table("label", "probability", title=str(folder), title_justify="left")
    for label, probability in sorted(found.probabilities.items(), key=lambda item: -item[1]):
        table.add_row(label, f"{probability:.4f}", style="bold" if label == found.label else None)
    Console().print(table)


def _write(settings: PredictConfig, folder: Path, record: RunResult) -> None:
    """Print what the model writes to the text while it is written; or write the rows of a file."""
    plain = record.prompt.get("style") == "plain"
    options = seeded(settings.generation, 0)
    if settings.batch_size != "auto":
        options = dataclasses.replace(options, batch_size=int(settings.batch_size))
    if settings.input is not None:
        added = Writing.columns(settings.prefix)
        model = lambda: Writing(load_writer(folder, record, settings.device, options), plain=plain)  # noqa: E731
        predict_rows(settings, folder, record, added, model)
        return
    text = _text(settings)
    generator = load_writer(folder, record, settings.device, options)
    try:
        for piece in generator.stream(generator.text_prompt(text, raw=plain)):
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads stdout has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text(settings: PredictConfig) -> str:
    if settings.text is None:
        raise ConfigError(f'text is missing; type: ftlab predict {settings.run} text="your text"')
    return settings.text
