"""Hydra, asked to compose configurations without running anything."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from ftlab import schema
from ftlab.command.quoting import quote
from ftlab.errors import ConfigError
from ftlab.paths import config_dir
from ftlab.yaml_file import check_yaml_files


def register_schema(verb: str) -> type:
    """Give Hydra the dataclass behind ``base_<verb>`` and return it."""
    root: type = getattr(schema, f"{verb.title()}Config")
    store = ConfigStore.instance()
    if f"base_{verb}.yaml" not in store.repo:  # each time takes a tenth of a composition
        store.store(name=f"base_{verb}", node=root, provider="ftlab")
    return root


def _is_group(path: Path) -> bool:
    return path.is_dir() and path.name.isidentifier() and not path.name.startswith("_") and path.name != "hydra"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A composed configuration, and Hydra's own node apart from it. Shared: copy before changing.

    ``values`` are its plain values, resolved where they can be.
    """

    cfg: DictConfig
    hydra: DictConfig
    values: dict[str, Any]


class Composer:
    """Composes configurations of one verb; a context manager, since Hydra keeps one state per process.

    Args:
        verb: stem of the YAML file at the root.
        folder: the user's own folder of groups (``--config-dir``), beside ours.

    Raises:
        ConfigError: a YAML file of ``folder`` is too large, too deep, or no plain data.
    """

    def __init__(self, verb: str, folder: Path | None = None) -> None:
        if folder is not None:
            check_yaml_files(folder)
        self.verb = verb
        self._folders = [config_dir(), *([] if folder is None else [folder])]
        self.root = register_schema(verb)
        self.search_path = [] if folder is None else [f"hydra.searchpath=[{quote(f'file://{folder.resolve()}')}]"]
        self._loaded: dict[tuple[str, ...], Loaded] = {}
        self._parsed: dict[str, Override] = {}

    def __enter__(self) -> Composer:
        self._outer = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        initialize_config_dir(str(config_dir()), version_base="1.3")
        self._parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        return self

    def __exit__(self, *raised: object) -> None:
        GlobalHydra.instance().clear()
        GlobalHydra.instance().hydra = self._outer

    def groups(self) -> list[str]:
        """Return the groups, Hydra's own left out."""
        return sorted({path.name for folder in self._folders for path in folder.iterdir() if _is_group(path)})

    def choices(self, group: str) -> list[str]:
        """Return the files of a group that may be chosen: none with a leading ``_``."""
        if group.startswith("hydra/"):  # plugins bring theirs without a file
            names = GlobalHydra.instance().config_loader().get_group_options(group, ObjectType.CONFIG)
        else:
            # Asking Hydra takes 40 ms each time, since it makes its list of sources anew.
            names = [path.stem for folder in self._folders for path in (folder / group).glob("*.yaml")]
        return sorted({name for name in names if not name.startswith("_")})

    def parse(self, text: str) -> Override:
        """Return one override as Hydra reads it.

        Raises:
            OverrideParseException: Hydra cannot.
        """
        if text not in self._parsed:
            self._parsed[text] = self._parser.parse_overrides([text])[0]
        return self._parsed[text]

    def load(self, chosen: Sequence[str] = ()) -> Loaded:
        """Compose with these group choices.

        Raises:
            ConfigError: Hydra cannot compose this.
        """
        key = tuple(chosen)
        if key not in self._loaded:
            try:
                cfg = compose(self.verb, [*self.search_path, *key], return_hydra_config=True)
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(explain(error)) from None
            hydra = cfg.hydra
            with open_dict(cfg):
                del cfg["hydra"]
            self._loaded[key] = Loaded(cfg, hydra, _values(cfg))
        return self._loaded[key]

    def load_near(self, first: Sequence[str], chosen: Sequence[str]) -> Loaded:
        """Compose like ``load``, quickly where ``chosen`` differs from ``first`` in several independent groups.

        A choice that alone changes nothing but its own group's node can be taken over as that node; composing takes
        0.2 s, so that a grid of 64 cells would take 13 s.
        """
        changed = [index for index, (old, new) in enumerate(zip(first, chosen, strict=False)) if old != new]
        if len(first) != len(chosen) or len(changed) < 2 or tuple(chosen) in self._loaded:
            return self.load(chosen)
        base = self.load(first)
        near = copy.deepcopy(base.cfg)
        for index in changed:
            alone = self.load([*first[:index], chosen[index], *first[index + 1 :]]).cfg
            group = self.parse(chosen[index]).key_or_group
            if _changed_keys(base.cfg, alone) - {group} or group not in near:
                return self.load(chosen)
            near[group] = copy.deepcopy(alone[group])
        self._loaded[tuple(chosen)] = Loaded(near, base.hydra, _values(near))
        return self._loaded[tuple(chosen)]


def _values(cfg: DictConfig) -> dict[str, Any]:
    try:
        return plain(cfg, resolve=True)
    except OmegaConfBaseException:  # a reference that only the user's own values may complete
        return plain(cfg, resolve=False)


def plain(cfg: DictConfig, *, resolve: bool) -> dict[str, Any]:
    """Return ``cfg`` as plain containers, ``???`` where a value is missing."""
    found = OmegaConf.to_container(cfg, resolve=resolve, throw_on_missing=False)
    assert isinstance(found, dict), "a configuration has keys at its root"
    return {str(key): value for key, value in found.items()}


def _changed_keys(left: DictConfig, right: DictConfig) -> set[str]:
    before, after = plain(left, resolve=False), plain(right, resolve=False)
    return {key for key in {*before, *after} if before.get(key) != after.get(key)}


def times(value: object, factor: float) -> object:
    """Return ``value`` times ``factor``, for ``${times:...}`` in YAML; what is no number comes back as it is.

    The check says what is wrong with it, where it stands.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return value
    return float(f"{value * factor:.12g}")  # 1e-05, not 1.0000000000000001e-05


OmegaConf.register_new_resolver("times", times, replace=True)


def suffix(choice: object) -> str:
    """Return ``_few_shot`` for few_shot, and nothing for none: for ``${suffix:...}`` in names."""
    return "" if choice in (None, "none") else f"_{choice}"


OmegaConf.register_new_resolver("suffix", suffix, replace=True)


def member_rate(stack: object, *, _parent_: DictConfig) -> object:
    """Return the learning rate of the first adapter in ``stack``, for ``${member_rate:...}`` beside its members.

    None where there is no such member: the check says so.
    """
    member = _parent_.get(str(stack[0])) if isinstance(stack, Sequence) and stack else None
    return member.get("learning_rate") if isinstance(member, DictConfig) else None


OmegaConf.register_new_resolver("member_rate", member_rate, replace=True)


@cache
def open_paths(root: type, prefix: str = "") -> frozenset[str]:
    """Return the keys below which any option is taken: those typed ``dict[str, Any]`` in the schema."""
    found: set[str] = set()
    for name, hint in get_type_hints(root).items():
        path = f"{prefix}{name}"
        if hint == dict[str, Any]:
            found.add(path)
        elif isinstance(hint, type) and hasattr(hint, "__dataclass_fields__"):
            found |= open_paths(hint, f"{path}.")
    return frozenset(found)


def is_open(key: str, root: type) -> bool:
    """Return whether ``key`` lies below one of ``open_paths``."""
    return any(key.startswith(f"{path}.") for path in open_paths(root))


def leaves(node: object, path: str = "") -> list[tuple[str, object]]:
    """Return every dotted key of plain containers that holds a value, with the value; lists stay whole."""
    if not isinstance(node, dict):
        return [(path, node)]
    inner = ((f"{path}.{name}" if path else str(name), value) for name, value in node.items())
    return [leaf for name, value in inner for leaf in leaves(value, name)]


def explain(error: BaseException) -> str:
    """Return what Hydra or OmegaConf say, in one line."""
    said = [str(e) for e in (error, error.__cause__) if e is not None and str(e)]
    lines = [line.strip() for text in said for line in text.splitlines() if line.strip()]
    kept = [
        line
        for line in lines
        if not line.startswith(("full_key:", "object_type", "reference_type", "See https", "Set the env"))
    ]
    return " ".join(dict.fromkeys(kept)) or type(error).__name__
