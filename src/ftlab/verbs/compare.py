"""``ftlab compare <folders>``: which of several finished runs to ship. Nothing is run again."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from ftlab.compare.pricing import NewPrice
from ftlab.compare.reading import LATEST, read_folders, read_runs
from ftlab.compare.types import Run
from ftlab.errors import ConfigError
from ftlab.inventory.entries import shown_path
from ftlab.paths import config_dir, make_folder, unlock
from ftlab.redact import redact_text
from ftlab.report.board.record import record
from ftlab.report.board.terminal import board_report
from ftlab.report.board.whole import Whole
from ftlab.report.terminal import Report, show
from ftlab.schema import CompareConfig
from ftlab.schema.comparing import ReportPriceConfig
from ftlab.verbs.comparison import Asked, compare_runs
from ftlab.verbs.report_files import write_report
from ftlab.yaml_file import read_yaml

SWEEP = "sweep.json"
_PLAIN = re.compile(r"[A-Za-z0-9_./:-]+")


def compare(cfg: DictConfig) -> None:
    """Print leaderboard and verdict, and write the report.

    Raises:
        ConfigError, DataError: words that name no run, nothing to compare, an axis or a constraint that cannot be.
    """
    settings = OmegaConf.to_object(cfg)
    assert isinstance(settings, CompareConfig)
    runs, inputs, notes = _runs(settings)
    whole = compare_runs(runs, _asked(settings), inputs=inputs, settings=_changed(settings), notes=notes)
    folder, sweep = _place(settings, runs)
    files = write_report(whole, folder, pictures=settings.pictures)
    _show(whole, files, as_json=settings.json)
    if sweep is not None and settings.tracking.enabled:
        from ftlab.verbs.sweep_report import log_report  # late: MLflow takes seconds to import

        log_report(settings.tracking.uri, sweep, files)


def _runs(settings: CompareConfig) -> tuple[tuple[Run, ...], list[str], list[str]]:
    """Return the runs, the words that name them as they can be typed again, and notes."""
    if settings.mlflow is None:
        return read_runs(settings.runs, settings.output_dir), settings.runs, []
    from ftlab.verbs.mlflow_runs import folders_of  # late: MLflow takes seconds to import

    words = [word.strip() for word in settings.mlflow.split(",") if word.strip()]
    folders, notes = folders_of(words, settings.tracking.uri, Path(settings.output_dir))
    named = [] if settings.runs == [LATEST] else settings.runs  # which is there where nothing was typed
    runs = {run.folder.resolve(): run for run in (*read_runs(named, settings.output_dir), *read_folders(folders))}
    return tuple(runs.values()), [*named, f"mlflow={settings.mlflow}"], notes


def _asked(settings: CompareConfig) -> Asked:
    price = settings.cost
    return Asked(
        metric=settings.metric,
        axes=tuple(word.strip() for word in (settings.axes or "").split(",") if word.strip()),
        objective=settings.objective,
        constraints=settings.constraints,
        price=NewPrice(
            name=price.name,
            device_class=price.device_class,
            usd_per_hour=price.usd_per_hour,
            price_source=price.price_source,
            price_date=price.price_date,
            utilisation=price.utilisation,
            batch_size=price.batch_size,
        ),
        api_prices=settings.api_prices,
        months=settings.months,
        requests_per_month=settings.requests_per_month,
    )


def _changed(settings: CompareConfig) -> list[str]:
    """Return what was asked for, as it can be typed again."""
    plain = CompareConfig()
    names = ("metric", "axes", "objective", "api_prices", "months", "requests_per_month")
    said = [f"{name}={value}" for name in names if (value := getattr(settings, name)) != getattr(plain, name)]
    said += [f"constraints.{name}={value}" for name, value in settings.constraints.items() if value is not None]
    said += _price_words(settings.cost)
    said += [] if settings.output_dir == plain.output_dir else [f"output_dir={_typed(settings.output_dir)}"]
    store = settings.tracking.uri
    return said + ([] if store is None else [f"tracking.uri={_typed(redact_text(store))}"])


def _price_words(price: ReportPriceConfig) -> list[str]:
    """Return the price file, and what was typed beside it; every key of a file that is not ftlab's own."""
    file = config_dir() / "cost" / f"{Path(price.name).name}.yaml"
    held = read_yaml(file) if file.is_file() else {}
    said = [f"cost={price.name}"] if held and price.name != "auto" else []
    values = {one.name: getattr(price, one.name) for one in fields(price)}
    return said + [f"cost.{name}={_typed(value)}" for name, value in values.items() if value != held.get(name)]


def _typed(value: object) -> str:
    """Return a value as it is typed: in quotes where Hydra would read something else."""
    text = "null" if value is None else str(value)
    quoted = text.replace("'", r"\'")
    return text if _PLAIN.fullmatch(text) else f"'{quoted}'"


def _place(settings: CompareConfig, runs: Sequence[Run]) -> tuple[Path, Path | None]:
    """Return the folder of the report, and the sweep that all runs are jobs of, if there is one.

    That is ``output``, else the sweep's own folder where all are of one, else a new one beside the runs' experiment.
    """
    parents = {run.folder.resolve().parent for run in runs}
    alone = next(iter(parents)) if len(parents) == 1 else None
    sweep = alone if alone is not None and (alone / SWEEP).is_file() else None
    if settings.output is not None:
        folder = Path(settings.output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"output={folder} cannot be written ({error.strerror}); give another folder") from None
        return folder.resolve(), sweep
    if sweep is not None and os.access(sweep, os.W_OK | os.X_OK):
        return sweep, sweep
    made = make_folder(Path(settings.output_dir), _experiment(runs), "compare")
    unlock(made.path)
    return made.path, sweep


def _experiment(runs: Sequence[Run]) -> str:
    """Return the experiment all runs are of, by the folder they lie in; ``compare`` where there are several."""
    names = set()
    for run in runs:
        home = run.folder.resolve().parent
        names.add((home.parent if (home / SWEEP).is_file() else home).name)
    return names.pop() if len(names) == 1 else "compare"


def _show(whole: Whole, files: Sequence[Path], *, as_json: bool) -> None:
    shown = [Path(shown_path(path)) for path in files]
    try:
        if as_json:
            print(json.dumps(record(whole), indent=2, ensure_ascii=False))
            show(Report([], [f"report  {path}" for path in shown]), sys.stderr)
        else:
            show(board_report(whole, Console().width, shown))
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
