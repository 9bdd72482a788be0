"""What ``evaluate`` takes over from the run: data set, length, ways of writing, names. All of it is read as data."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ftlab.check.composed import missing_run
from ftlab.command.assign import assign
from ftlab.command.composer import explain, leaves
from ftlab.command.overrides import Given
from ftlab.command.quoting import escape
from ftlab.datasets.formats import is_file_name
from ftlab.errors import ConfigError, UserError
from ftlab.finished import open_run
from ftlab.paths import slug
from ftlab.results import RunResult
from ftlab.schema import DatasetConfig, GenerationConfig, LimitConfig
from ftlab.yaml_file import read_yaml

_REFERENCE = re.compile(r"(\\*)\$\{([^${}]*)\}")
_MISSING = "???"
_DEEPEST = 10  # references followed from one to the next
_SOURCES = ("test", "train", "hub", "bundled")  # that name the rows


def looks_at_run(root: type | None) -> bool:
    """Return whether the verb with this schema starts from a run's own configuration."""
    return {"run", "dataset"} <= set(getattr(root, "__dataclass_fields__", ()))


def start_from_run(cfg: DictConfig, given: Sequence[Given], verbatim: Mapping[str, str], root: type) -> list[str]:
    """Put the run's data set, length, ways of writing, seed and names into ``cfg``, below what the user typed.

    Args:
        cfg: composed, group choices made, values not yet set; changed here.
        given: what the user typed.
        verbatim: values that are data, ``run`` among them.
        root: schema of the verb.

    Returns:
        the sentences that say why the run cannot be used.
    """
    if OmegaConf.is_missing(cfg.dataset, "name"):
        cfg.dataset.name = "own"  # until the run is read
    values = [one for one in given if not one.is_group and not one.override.is_hydra_override()]
    try:
        run, output_dir = _whose(cfg, values, verbatim, root)
    except OmegaConfBaseException:
        return []  # a reference to nothing: the check names its key
    if run != "latest" and not Path(run).is_dir():
        return [missing_run("run", run)]
    try:
        folder, record = open_run(run, output_dir)
        config = _read_config(folder)
        chosen = any(one.key == "dataset" and one.is_group for one in given)
        dataset = cfg.dataset if chosen else _own_dataset(config, folder)
    except UserError as error:
        return list(error.sentences)
    cfg.dataset = dataset
    typed = {key for one in values for key, _ in leaves(one.override.value(), one.key)}
    if not chosen:
        _leave_own_rows(cfg.dataset, typed, values)
    _settle(cfg, record, config)
    return []


def _whose(cfg: DictConfig, values: Sequence[Given], verbatim: Mapping[str, str], root: type) -> tuple[str, str]:
    """Return ``run`` and ``output_dir`` as the whole command line sets them."""
    trial = copy.deepcopy(cfg)
    for one in values:
        assign(trial, one, root)  # what is wrong with it is said when it is set in earnest
    return verbatim.get("run", str(trial.run)), str(trial.output_dir)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.yaml"
    if not path.is_file():
        raise ConfigError(f"{path} is missing, so {folder} does not say what it was trained on; give another run")
    config = read_yaml(path)
    if not isinstance(config, dict) or not isinstance(config.get("dataset"), dict):
        raise ConfigError(f"{path} holds no dataset, so it is no configuration of a run; give another run")
    return config


def _own_dataset(config: Mapping[str, Any], folder: Path) -> DictConfig:
    """Return the run's data set, of the schema's keys and types."""
    plain = resolve(config["dataset"], config)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(DatasetConfig), plain)
        assert isinstance(merged, DictConfig), "a mapping was merged"
        return merged
    except OmegaConfBaseException as error:
        raise ConfigError(
            f"{folder / 'config.yaml'} holds a data set that this ftlab cannot read ({explain(error)}); choose the "
            f"data set on the command line: ftlab evaluate {folder} dataset=files dataset.test=<file>"
        ) from None


def _own_writing(config: Mapping[str, Any]) -> DictConfig:
    """Return how the run wrote its answers, so that the same rows are answered alike; ftlab's ways where unreadable."""
    own = OmegaConf.structured(GenerationConfig)
    assert isinstance(own, DictConfig), "a mapping"
    plain = resolve(config.get("generation"), config)
    try:
        merged = OmegaConf.merge(own, plain) if isinstance(plain, dict) else own
    except OmegaConfBaseException:
        return own  # of another version: what it had there cannot be asked for here
    assert isinstance(merged, DictConfig), "a mapping was merged"
    return merged


def _leave_own_rows(dataset: DictConfig, typed: set[str], values: Sequence[Given]) -> None:
    """Where the user names other rows, forget what was said of the run's own: where they lie, how many, their labels.

    The columns stay. The run's label names are the model's, which stand for numbers where the new rows give no names.
    """
    if not typed & {f"dataset.{key}" for key in _SOURCES}:
        return
    if "dataset.hub" not in typed and "dataset.test" in typed:
        rest = ["bundled", "train", "val"]  # the value may be another split of the run's hub data set
    else:
        rest = ["bundled", "hub", "subset", "train", "val", "test"]
    for key in (*rest, "labels", "sample_per_class"):
        dataset[key] = None
    dataset.limit = OmegaConf.structured(LimitConfig)
    files = [one.override.value() for one in values if one.key in ("dataset.test", "dataset.train")]
    if files and (("dataset.hub" not in typed and dataset.hub is None) or any(is_file_name(str(f)) for f in files)):
        dataset.name = "files"


def _settle(cfg: DictConfig, record: RunResult, config: Mapping[str, Any]) -> None:
    assert record.dataset is not None, "a finished run has rows"
    if OmegaConf.is_missing(cfg.dataset, "train"):
        cfg.dataset.train = None  # files may be test rows alone
    cfg.dataset.tokenizer = None  # the model folder's
    cfg.dataset.samples = []
    cfg.dataset.max_length = record.dataset.max_length
    cfg.name = slug(f"{record.run.name}_evaluate")
    cfg.seed = record.run.seed
    cfg.generation = _own_writing(config)
    experiment = resolve(config.get("experiment_name"), config)
    if isinstance(experiment, str) and experiment == slug(experiment):
        cfg.experiment_name = experiment


def resolve(value: Any, tree: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401 - YAML
    """Return ``value`` with references such as ``${model.tokenizer}`` looked up in ``tree``; ``???`` for those in vain.

    No resolver is called, so nothing is read from the environment; what is returned holds no reference any more.
    """
    if isinstance(value, dict):
        return {str(key): resolve(inner, tree, depth) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, tree, depth) for inner in value]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole and not whole[1]:
        return _look_up(whole[2], tree, depth)
    parts, end = [], 0
    for found in _REFERENCE.finditer(value):
        slashes, literal = divmod(len(found[1]), 2)
        inner = f"${{{found[2]}}}" if literal else _look_up(found[2], tree, depth)
        if inner == _MISSING:
            return _MISSING
        parts += [value[end : found.start()], "\\" * slashes, str(inner)]
        end = found.end()
    return escape("".join([*parts, value[end:]]))


def _look_up(path: str, tree: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401 - YAML
    node: Any = tree
    for part in path.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return _MISSING
        node = node[part]
    return resolve(node, tree, depth + 1) if depth < _DEEPEST else _MISSING
