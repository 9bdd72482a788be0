"""From the words of the command line to what will run: the cells, what Hydra is told, and every fault."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ftlab.check.composed import Composed
from ftlab.check.hydra_node import hydra_faults
from ftlab.check.rules import check
from ftlab.command.arguments import Arguments
from ftlab.command.assign import assign
from ftlab.command.composer import Composer, Loaded, explain, leaves, plain
from ftlab.command.from_run import looks_at_run, start_from_run
from ftlab.command.grid import TOO_MANY, expand
from ftlab.command.overrides import Given, Reader
from ftlab.command.quoting import escape, quote
from ftlab.errors import ConfigError
from ftlab.paths import slug

# A sweep over checkpoints names each job by its own.
RESOLVER = "ftlab.last_part"
NAME_OF_CHECKPOINT = f"model.name=${{{RESOLVER}:${{model.checkpoint}}}}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One job: its configuration, its group choices, and what the user set for it."""

    cfg: DictConfig
    choices: Mapping[str, str]
    given: tuple[Given, ...]

    def describe(self) -> str:
        """Return the choices and overrides in one line."""
        main = {g: self.choices[g] for g in ("model", "dataset", "adapter") if g in self.choices}
        if looks_at_run(OmegaConf.get_type(self.cfg)):
            main = {"run": str(self.cfg.run), **main}
        hidden = (*main, "dry_run")
        more = [g.text for g in self.given if g.key not in hidden and g.text != NAME_OF_CHECKPOINT]
        return " ".join([*(f"{group}={choice}" for group, choice in main.items()), *more])


@dataclass(slots=True)
class Order:
    """What to run.

    Args:
        cells: the jobs that were looked at; the first one stands for a single run.
        every: all jobs in the order of their numbers, where each must be looked at; else empty.
        jobs: how many jobs there are.
        overrides: what Hydra is told.
        launcher: Hydra's node of what starts the jobs of a sweep.
        sweeper: Hydra's node of what chooses their options.
        typing_faults: sentences about overrides that cannot be read or set.
        faults: sentences about the configurations that come out.
    """

    cells: list[Cell] = field(default_factory=list)
    every: list[Cell] = field(default_factory=list)
    jobs: int = 1
    overrides: list[str] = field(default_factory=list)
    launcher: Mapping[str, Any] = field(default_factory=dict)
    sweeper: Mapping[str, Any] = field(default_factory=dict)
    typing_faults: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def apart(self) -> list[str]:
        """Return, per job, what was typed for it and not for all; model, adapter and device are told anyway."""
        known = ("model", "adapter", "device")
        typed = [[g.text for g in cell.given if g.key not in known] for cell in self.every or self.cells]
        shared = set.intersection(*(set(words) for words in typed)) if typed else set()
        return [" ".join(word for word in words if word not in shared) for words in typed]

    def raise_faults(self, *, typing_only: bool = False) -> None:
        """Raise every fault at once.

        Raises:
            ConfigError: there is one.
        """
        found = list(dict.fromkeys([*self.typing_faults, *([] if typing_only else self.faults)]))
        if found:
            raise ConfigError(*found)


def last_part(checkpoint: object) -> str:
    """Return the name of a run on ``checkpoint``: the last part of the hub id or path, fit for a folder's name."""
    return slug(PurePath(str(checkpoint)).name)


OmegaConf.register_new_resolver(RESOLVER, last_part, replace=True)


def make_order(arguments: Arguments, composer: Composer, most: int | None = None) -> Order:
    """Compose and check what the arguments ask for. Faults are gathered in the order; none is raised.

    Of a grid with more cells than ``most`` (None: ``grid.MOST``) some stand for the others.
    """
    reader = Reader(composer, multirun=arguments.multirun)
    givens = _name_checkpoints(reader.read(arguments.overrides), composer)
    grid = expand(composer, givens, most)
    order = Order(
        jobs=grid.jobs,
        overrides=[*composer.search_path, *(given.passed for given in givens), *_quoted(arguments, composer)],
        typing_faults=[*arguments.faults, *reader.faults],
    )
    if grid.jobs == TOO_MANY:
        order.typing_faults.append(f"-m asks for {TOO_MANY} jobs or more; sweep over fewer values")
    for given in grid.cells:
        try:
            base = composer.load_near(_chosen(grid.cells[0]), _chosen(given))
        except ConfigError as error:
            order.typing_faults += error.sentences
            continue
        cell = _make_cell(base, given, composer, order, arguments.verbatim, reader.unsure)
        for key, text in arguments.verbatim.items():
            OmegaConf.update(cell.cfg, key, escape(text))
        if arguments.runs:
            cell.cfg.runs = [escape(word) for word in arguments.runs]
        order.cells.append(cell)
        order.faults += [s for s in _check_cell(cell, base, composer.verb) if not _is_below(s, reader.unsure)]
    return order


def _quoted(arguments: Arguments, composer: Composer) -> list[str]:
    # Hydra would take a filter of `list` for the choice of a group's file; it never runs that verb.
    groups = composer.groups()
    words = [f"runs=[{','.join(quote(word) for word in arguments.runs)}]"] if arguments.runs else []
    return [*words, *(f"{key}={quote(text)}" for key, text in arguments.verbatim.items() if key not in groups)]


def _name_checkpoints(givens: list[Given], composer: Composer) -> list[Given]:
    keys = {given.key: given for given in givens}
    checkpoint = keys.get("model.checkpoint")
    if checkpoint is None or "model.name" in keys:
        return givens
    if checkpoint.override.is_sweep_override():
        text = NAME_OF_CHECKPOINT
    elif checkpoint.override.value() is None:
        return givens
    else:
        text = f"model.name={last_part(checkpoint.override.value())}"
    passed = text.replace("=", "='", 1) + "'"  # so that 123 stays a name, and the resolver's braces a text
    return [*givens, Given(text, passed, composer.parse(passed), is_group=False)]


def _chosen(given: tuple[Given, ...]) -> list[str]:
    return [one.passed for one in given if one.is_group]


def _make_cell(
    base: Loaded,
    given: tuple[Given, ...],
    composer: Composer,
    order: Order,
    verbatim: Mapping[str, str],
    unsure: set[str],
) -> Cell:
    cfg, hydra = copy.deepcopy(base.cfg), base.hydra
    faults = start_from_run(cfg, given, verbatim, composer.root) if looks_at_run(composer.root) else []
    if faults:
        order.faults += faults
        unsure.add("dataset")  # which is the run's
    for one in (one for one in given if not one.is_group):
        if one.override.is_hydra_override():
            whole = OmegaConf.create({"hydra": hydra})
            fault = assign(whole, one, composer.root)
            hydra = whole.hydra
        else:
            fault = assign(cfg, one, composer.root)
        if fault:
            order.typing_faults.append(fault)
    # Our own files leave Hydra's node alone; the default one is composed only to be compared, which takes 0.2 s.
    foreign = bool(composer.search_path) or any(one.key.startswith("hydra") for one in given)
    if foreign and (hydra is not base.hydra or not order.cells):
        order.typing_faults += hydra_faults(plain(hydra, resolve=False), plain(composer.load().hydra, resolve=False))
    order.launcher = order.launcher or plain(hydra.launcher, resolve=False)
    order.sweeper = order.sweeper or plain(hydra.sweeper, resolve=False)
    choices = {str(group): str(choice) for group, choice in hydra.runtime.choices.items() if choice is not None}
    choices |= {one.key: str(one.override.value()) for one in given if one.is_group}
    return Cell(cfg, choices, given)


def _check_cell(cell: Cell, base: Loaded, verb: str) -> list[str]:
    faults = broken_references(cell.cfg)
    if faults:
        return faults
    cfg, raw = cell.cfg, plain(cell.cfg, resolve=False)
    for key in (key for key, value in leaves(raw) if value == "???"):
        faults.append(f"{key} is missing; write {key}=<value>")
        cfg = copy.deepcopy(cfg)
        default = OmegaConf.select(OmegaConf.structured(OmegaConf.get_type(cfg)), key, throw_on_missing=False)
        OmegaConf.update(cfg, key, default)  # so that the other rules see a value of the right type
    composed = Composed(
        verb=verb,
        values=plain(cfg, resolve=True),
        raw=raw,
        defaults=base.values,
        choices=cell.choices,
        given=frozenset(key for one in cell.given for key in _typed_keys(one)),
    )
    return faults + check(composed)


def _typed_keys(one: Given) -> list[str]:
    """Return the key that was typed and, of ``key={a: 1}``, those within."""
    inner = [] if one.is_group else [key for key, _ in leaves(one.override.value(), one.key)]
    return [one.key, *inner]


def broken_references(cfg: DictConfig) -> list[str]:
    """Return one sentence per value that refers to something that is not there, lists and what they hold included."""
    faults = []
    for key in (key for key, value in leaves(plain(cfg, resolve=False)) if "${" in str(value)):
        try:
            found = OmegaConf.select(cfg, key, throw_on_missing=False)
            if OmegaConf.is_config(found):
                OmegaConf.to_container(found, resolve=True)
        except OmegaConfBaseException as error:
            faults.append(f"{key} refers to what cannot be found ({explain(error)}); write a value")
    return faults


def _is_below(sentence: str, groups: set[str]) -> bool:
    return any(sentence.startswith((f"{group}.", f"{group}=")) for group in groups)
