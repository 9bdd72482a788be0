"""Reads the overrides of the command line one by one, so that each fault is found, and says what to type instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override, QuotedString, ValueType
from hydra.errors import OverrideParseException

from ftlab.command.composer import Composer, is_open
from ftlab.datasets.formats import is_file_name
from ftlab.errors import closest
from ftlab.redact import looks_secret

# What ftlab tells Hydra itself, and what to do instead.
_OURS = {
    "hydra.run.dir": "write output_dir=<folder>",
    "hydra.sweep.dir": "write output_dir=<folder>",
    "hydra.sweep.subdir": "write name=<name>",
    "hydra.searchpath": "write --config-dir <folder>",
    "hydra.mode": "add -m for a sweep",
    "hydra/job_logging": "a run's log is its run.log",
    "hydra/hydra_logging": "a run's log is its run.log",
}
_TEXTS = ("dataset.samples",)  # data, in which nothing refers to another option
_NEEDED = ("model", "dataset", "adapter", "optimizer", "scheduler", "trainer", "cost", "tracking")


@dataclass(frozen=True, slots=True)
class Given:
    """One override: as the user typed it, as Hydra is to get it, and as Hydra reads that."""

    text: str
    passed: str
    override: Override
    is_group: bool

    @property
    def key(self) -> str:
        """The key without its prefix."""
        return self.override.key_or_group


class Reader:
    """Turns texts into overrides; what is wrong with them gathers in ``faults``.

    ``unsure`` holds the groups whose choice is unknown, so that nothing is said of options below them.
    """

    def __init__(self, composer: Composer, *, multirun: bool) -> None:
        self.composer = composer
        self.multirun = multirun
        self.faults: list[str] = []
        self.unsure: set[str] = set()
        self._groups = set(composer.groups())

    def read(self, texts: Iterable[str]) -> list[Given]:
        """Return the overrides that can be read; a misspelt choice stands as the nearest one."""
        found = [given for text in texts if (given := self._read_one(text)) is not None]
        seen: dict[str, str] = {}
        for given in found:
            earlier = seen.setdefault(given.key, given.text)
            if earlier != given.text and (given.is_group or given.override.is_sweep_override()):
                self.faults.append(f"{given.key} is given twice, as {earlier} and {given.text}; leave one out")
        return [given for given in found if seen[given.key] == given.text or not given.is_group]

    def _read_one(self, text: str) -> Given | None:
        key, _, value = text.lstrip("+~").partition("=")
        if looks_secret(key, value.strip("'\"")):
            self.faults.append(
                f"{key} would write a secret to files; use the environment variable {_variable(key, value)}"
            )
            return None
        try:
            override = self.composer.parse(text if key else "")
        except OverrideParseException as error:
            self.faults.append(_unreadable(text, key, value, str(error)))
            return None
        if override.key_or_group in _OURS:
            self.faults.append(f"{key} is set by ftlab itself; {_OURS[override.key_or_group]}")
            return None
        if override.is_sweep_override() and not self.multirun:
            other = "choose one" if self._is_group(override) else f"write a list as {key}=[{value}]"
            self.faults.append(f"{text} names several values; add -m to run each of them, or {other}")
            return None
        if self._is_group(override):
            return self._read_choice(text, override)
        passed = _literal(text, override)
        bare = not (override.is_add() or override.is_force_add() or override.is_delete())
        whole = bare and isinstance(override.value(), dict)  # key={option: value}
        if bare and is_open(f"{override.key_or_group}.any" if whole else override.key_or_group, self.composer.root):
            passed = f"++{passed}"  # an option that the YAML file does not list
        return Given(text, passed, self.composer.parse(passed), False)

    def _is_group(self, override: Override) -> bool:
        name = override.key_or_group
        return name in self._groups or (name.startswith("hydra/") and bool(self.composer.choices(name)))

    def _read_choice(self, text: str, override: Override) -> Given | None:
        group, choices = override.key_or_group, self.composer.choices(override.key_or_group)
        if group in _NEEDED and (override.is_delete() or override.value() is None):
            self.faults.append(f"{text} is not possible, since every run needs {group}; choose {' or '.join(choices)}")
            return None
        if group in _NEEDED and isinstance(override.value(), list):
            self.faults.append(f"{text} is not possible, since a run takes one {group}; add -m for {group}=a,b")
            return None
        if override.is_delete():
            return Given(text, text, override, True)
        if override.value_type == ValueType.GLOB_CHOICE_SWEEP:  # Hydra's own would run the shared files too
            matched = [str(name) for name in override.sweep_iterator() if name in choices]
            if not matched:
                self.faults.append(f"{text} matches no choice. Choices: {', '.join(choices)}")
                return None
            passed = f"{group}={','.join(matched)}"
            return Given(text, passed, self.composer.parse(passed), True)
        flat = _named(override)
        if any(isinstance(one, dict) for one in flat):
            passed = f"++{text}" if is_open(f"{group}.any", self.composer.root) else text
            return Given(text, passed, self.composer.parse(passed), False)  # group={key: value} sets values
        wrong = [str(one) for one in flat if one is not None and str(one) not in choices]
        if not wrong:
            return Given(text, text, override, True)
        self.faults += [_no_choice(group, one, choices, self.composer.verb) for one in wrong]
        near = None if _is_elsewhere(group, wrong[0]) else closest(wrong[0], choices)
        if len(flat) > 1 or near is None:
            self.unsure.add(group)
            return None
        return Given(text, f"{group}={near}", self.composer.parse(f"{group}={near}"), True)


def _literal(text: str, override: Override) -> str:
    r"""Return ``text`` with each ``${`` of quoted texts that are data as ``\${``, which OmegaConf takes for itself."""
    held = override._value if isinstance(override._value, list) else []
    quoted = bool(held) and all(isinstance(one, QuotedString) for one in held)
    return re.sub(r"(?<!\\)\$\{", r"\\${", text) if override.key_or_group in _TEXTS and quoted else text


def _named(override: Override) -> list[object]:
    """Return the choices that an override names: swept, listed or one."""
    items: list[object] = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    return [one for item in items for one in (item if isinstance(item, list) else [item])]


def _unreadable(text: str, key: str, value: str, error: str) -> str:
    if not key:
        return f"{text} has no key; write key=value"
    called = re.search(r"while evaluating '.*?': (.*)", error)
    if called:  # a function of Hydra's grammar with other arguments than it takes
        return f"{text} cannot be read ({called[1]}); write a list as {key}=a,b with -m"
    if value.startswith("["):
        return f"""{text} cannot be read; put each text in quotes within quotes, like '{key}=["one, two","three"]'"""
    return f"""{text} cannot be read; put the value in quotes within quotes: '{key}="{value.strip(chr(34))}"'"""


def _variable(key: str, value: str) -> str:
    if "://" in value:
        return "MLFLOW_TRACKING_PASSWORD, and MLFLOW_TRACKING_USERNAME"
    return "HF_TOKEN" if "hf_" in value or "token" in key.casefold() else "that its library reads"


def _is_elsewhere(group: str, name: str) -> bool:
    """Return whether ``name`` is a hub id, a folder or a file of data, which other options take."""
    return (group == "model" and "/" in name) or (group == "dataset" and is_file_name(name))


def _no_choice(group: str, name: str, choices: Sequence[str], verb: str) -> str:
    if _is_elsewhere(group, name):
        split = "test" if verb == "evaluate" else "train"
        remedy = "model.checkpoint" if group == "model" else f"dataset=files dataset.{split}"
        return f"{group}={name} is no file in conf/{group}; write {remedy}={name}"
    near = closest(name, choices)
    meant = f"; did you mean {group}={near}?" if near else "."
    listed = f" Choices: {', '.join(choices)}" if choices else " There are none"
    extra = f"; to name the runs, write experiment_name={name}" if group == "experiment" and not choices else ""
    return f"{group}={name} does not exist{meant}{listed}{extra}"
