"""Takes the command line apart: the verb, our own flags, Hydra's, bare words, verbatim texts, overrides."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ftlab import schema
from ftlab.check.aliases import remedy_for
from ftlab.errors import closest
from ftlab.inventory.selection import FILTERS
from ftlab.paths import config_dir

DEFAULT = "train"
COMPARE = "compare"  # takes any number of bare words
_LISTED = ("mlflow", "metric", "axes", "output")  # of it: words and paths, a,b of which is no sweep
VERBATIM = ("text", "input", "output", "system")  # of predict and chat: never read by Hydra's grammar
_SWITCHES = {
    "-h": "help",
    "--help": "help",
    "--version": "version",
    "-m": "multirun",
    "--multirun": "multirun",
    "-r": "",
    "--run": "",
    "--hydra-help": "--hydra-help",
    "--resolve": "--resolve",
    "-sc": "completion",
    "--shell-completion": "completion",
    "--json": "json",
}
_VALUED = {
    "--cfg": "--cfg",
    "-c": "--cfg",
    "--package": "--package",
    "-p": "--package",
    "--info": "--info",
    "-i": "--info",
    "--config-dir": "--config-dir",
    "-cd": "--config-dir",
}
_VALUES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
_REFUSED = {
    "--config-name": "the verb chooses the configuration; verbs: {verbs}",
    "-cn": "the verb chooses the configuration; verbs: {verbs}",
    "--config-path": "ftlab brings its own; add a folder of yours with --config-dir <folder>",
    "-cp": "ftlab brings its own; add a folder of yours with --config-dir <folder>",
    "--experimental-rerun": "it would unpickle a file, which can run code; repeat the overrides instead",
}


@dataclass(slots=True)
class Arguments:
    """The command line, taken apart.

    Args:
        verb: stem of a YAML file at the root of ``conf``.
        overrides: for Hydra, as typed.
        verbatim: values that are data: key -> text.
        runs: bare words of ``compare``: folders, patterns, latest.
        hydra_flags: handed to Hydra, which then shows something and runs nothing.
        folder: ``--config-dir``.
        faults: one sentence each.
    """

    verb: str = DEFAULT
    overrides: list[str] = field(default_factory=list)
    verbatim: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    hydra_flags: list[str] = field(default_factory=list)
    folder: Path | None = None
    help: bool = False
    version: bool = False
    multirun: bool = False
    completion: bool = False
    json: bool = False
    faults: list[str] = field(default_factory=list)


def verbs() -> list[str]:
    """Return the verbs: the stems of the YAML files at the root of the configuration folder."""
    return sorted(path.stem for path in config_dir().glob("*.yaml") if not path.stem.startswith("_"))


def parse(words: Sequence[str]) -> Arguments:
    """Take the command line apart; what is wrong gathers in ``faults``."""
    found = Arguments()
    rest = _take_flags(list(words), found)
    names = [word for word in rest if word.replace("-", "_").isidentifier()]
    verb = next((word for word in names if word in verbs()), names[0] if names else None)
    if verb is not None:
        rest.remove(verb)
        _take_verb(verb, found)
    for word in rest:
        _take_word(word, found)
    if found.multirun and "experiment_name" not in root_keys(found.verb):
        found.faults.append(f"-m is not for {found.verb}, which makes no run; leave it out")
    elif found.multirun and "run" in root_keys(found.verb):
        found.faults.append(f"-m is not for {found.verb}, which looks at one run; leave it out, and call it per run")
    if found.json and "json" in root_keys(found.verb):
        found.overrides.append("json=true")
    elif found.json:
        able = ", ".join(verb for verb in verbs() if "json" in root_keys(verb))
        found.faults.append(f"--json is not for {found.verb}, it is for: {able}; leave it out")
    return found


def _take_flags(words: list[str], found: Arguments) -> list[str]:
    rest = []
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        if not word.startswith("-"):
            rest.append(word)
        elif word in _SWITCHES:
            _switch(_SWITCHES[word], found)
        elif flag in _VALUED:
            _take_value(_VALUED[flag], value if equals else _next_value(_VALUED[flag], words), found)
        elif flag in _REFUSED:
            if not equals and words and not words[0].startswith("-") and "=" not in words[0]:
                words.pop(0)
            found.faults.append(f"{flag} is not used here: {_REFUSED[flag].format(verbs=', '.join(verbs()))}")
        else:
            takes_next = not equals and bool(words) and _is_bare(words[0])
            found.faults.append(_unknown_flag(flag, value if equals else words.pop(0) if takes_next else ""))
    return rest


def _switch(name: str, found: Arguments) -> None:
    if name.startswith("--"):
        found.hydra_flags.append(name)
    elif name:
        setattr(found, name, True)


def _next_value(flag: str, words: list[str]) -> str | None:
    if words and not words[0].startswith("-") and (flag != "--info" or words[0] in _VALUES[flag]):
        return words.pop(0)
    return None


def _take_value(flag: str, value: str | None, found: Arguments) -> None:
    if flag == "--config-dir":
        if value is None or not Path(value).is_dir():
            found.faults.append(f"--config-dir {value or ''} is no folder; give the folder that holds your groups")
        else:
            found.folder = Path(value)
    elif value is None and flag == "--info":
        found.hydra_flags += [flag, "all"]
    elif value is None or value not in _VALUES.get(flag, (value,)):
        found.faults.append(
            f"{flag} {value or ''} is not possible; write {flag} {'|'.join(_VALUES.get(flag, ('model',)))}"
        )
    else:
        found.hydra_flags += [flag, value]


def _unknown_flag(flag: str, value: str) -> str:
    name = flag.strip("-").replace("-", "_")
    if name in root_keys(DEFAULT):
        return f"{flag} is no flag; write {name}={value or '<value>'}"
    remedy = remedy_for(name, value)
    return f"{flag} is no flag; {remedy or 'options are written key=value, see ftlab --help'}"


def _take_verb(word: str, found: Arguments) -> None:
    known = verbs()
    if word in known:
        found.verb = word
    elif word in ("help", "version"):
        setattr(found, word, True)
    elif Path(word).is_dir():
        found.faults.append(_folder_word(word))
    else:
        choice = "resume=latest" if word == "resume" else _choice(word)
        near = None if choice else closest(word, known)
        found.verb = near or DEFAULT
        meant = f"; did you mean {choice or near}?" if choice or near else "."
        found.faults.append(f"{word} is not a verb{meant} Verbs: {', '.join(known)}")


def _take_word(word: str, found: Arguments) -> None:
    key, equals, value = word.partition("=")
    if found.verb == "list" and (key in FILTERS if equals else not word.startswith("~")):
        key, value = (key, value) if equals else ("output_dir", word)
        if key not in found.verbatim or equals:
            found.verbatim[key] = value
            return
    if found.verb == COMPARE and ((not word.startswith("~") and not equals) or Path(word).is_dir()):
        found.runs.append(word)
        return
    if found.verb == COMPARE and key in _LISTED:
        found.verbatim[key] = value.removeprefix("[").removesuffix("]")
        return
    if "run" in root_keys(found.verb):
        if equals and key in VERBATIM and key in root_keys(found.verb):
            if value == "???":  # to OmegaConf, a value that must still be given
                found.faults.append(f'{key}=??? means that the value is missing; write {key}="??? " with a blank')
            found.verbatim[key] = value if value != "???" else ""
            return
        if not equals and not word.startswith("~") and "run" not in found.verbatim:
            found.verbatim["run"] = word  # whether it is a folder, the check says
            return
    if _is_bare(word):
        choice = _choice(word)
        meant = f"did you mean {choice}?" if choice else "options are written key=value"
        found.faults.append(_folder_word(word) if Path(word).is_dir() else f"{word} is no override; {meant}")
    else:
        found.overrides.append(word)


def _folder_word(word: str) -> str:
    return f'{word} is a folder; to predict with a run, type: ftlab predict {word} text="your sentence"'


def _choice(word: str) -> str | None:
    """Return ``group=word`` where a group has such a file."""
    name = word.replace("-", "_")
    groups = sorted(path.parent.name for path in config_dir().glob(f"*/{name}.yaml") if name.isidentifier())
    order = [group for group in ("model", "dataset", "adapter") if group in groups]
    return f"{(order or groups)[0]}={name}" if groups and not name.startswith("_") else None


def _is_bare(word: str) -> bool:
    return "=" not in word and not word.startswith(("-", "~"))


def root_keys(verb: str) -> set[str]:
    """Return the keys at the root of a verb's configuration."""
    root: type = getattr(schema, f"{verb.title()}Config")
    return {entry.name for entry in dataclasses.fields(root)}
