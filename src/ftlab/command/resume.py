"""``resume=``: which folder goes on, and whether it is the same run. Nothing heavy is imported."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from ftlab.check.components import typed
from ftlab.command.composer import plain
from ftlab.errors import ConfigError
from ftlab.locks import refusal
from ftlab.paths import begun, run_status
from ftlab.state import RunState, compared, digest, read_state

MOST = 5  # differences that are named; the rest is counted
# What the saved weights are the weights of. No policy lets a run go on with another.
_FIXED = ("model.", "adapter.", "dataset.labels", "dataset.tokenizer")
_FREE = (
    *("model.attention", "model.class_weights", "model.dropout", "model.gradient_checkpointing"),
    *("model.label_smoothing", "model.learning_rate"),
    *("adapter.dropout", "adapter.learning_rate", "adapter.merge"),
)


def wanted(cfg: DictConfig) -> str | None:
    """Return what the user wrote behind ``resume=``; None where nothing, or for a verb that has no such key."""
    return None if "resume" not in cfg or cfg.resume is None else str(cfg.resume)


def find_run(cfg: DictConfig, verb: str) -> Path | None:
    """Return the folder of the run that is to go on; None where a new one is to start.

    Raises:
        ConfigError: there is none, it is finished or in use, or its options were others.
    """
    what = wanted(cfg)
    if what is None:
        return None
    values = plain(cfg, resolve=True)
    if what == "latest":
        return _latest(values, verb)
    folder = Path(what).expanduser().resolve()
    state = _checked_state(folder, verb)
    found = differences(state, values)
    if found:
        _judge(state, folder, found, str(cfg.resume_policy))
    return folder


def _latest(values: Mapping[str, Any], verb: str) -> Path:
    output_dir, here = Path(str(values["output_dir"])).resolve(), digest(values)
    runs = begun(output_dir, verb)
    same = [run for run in runs if run[1].config_digest == here and run[1].seed == values["seed"]]
    for folder, _, status in same:
        if status in ("killed", "failed"):
            return folder
    held = [folder for folder, _, status in same if status == "running"]
    if held:
        raise ConfigError(f"resume=latest: {refusal(held[0])}")
    nothing = f"resume=latest finds no unfinished run with these options below {values['output_dir']}"
    left = [(folder, state) for folder, state, status in runs if status in ("killed", "failed")]
    if not left:
        raise ConfigError(f"{nothing}; leave it out to start one")
    folder, state = left[0]
    said = "; ".join(told(differences(state, values)))
    raise ConfigError(f"{nothing}; the newest unfinished one goes on with: {command(state, folder)} ({said})")


def _checked_state(folder: Path, verb: str) -> RunState:
    if (folder / "sweep.json").is_file():
        raise ConfigError(f"resume={folder} is a sweep; type its grid with -m: ftlab -m <overrides> resume={folder}")
    state = read_state(folder)
    if state is None:
        inner = f"; did you mean resume={folder.parent}?" if read_state(folder.parent) else ", so nothing began there;"
        raise ConfigError(f"resume={folder} holds no state.json{inner} resume=latest finds the newest unfinished run")
    if run_status(folder) == "finished":
        raise ConfigError(
            f"resume={folder} is finished, and nothing is left to do; leave resume out to start another run, or type: "
            f'ftlab predict {folder} text="your sentence"'
        )
    if state.verb != verb:
        raise ConfigError(f"resume={folder} is a run of {state.verb}, which is not gone on with; start it again")
    return state


def differences(state: RunState, values: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return key -> (there, here), as typed, for every option that is not as it was when the run began."""
    return differences_of({"seed": state.seed, **state.config}, {"seed": values["seed"], **compared(values)})


def differences_of(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return key -> (there, here), as typed, for every key whose values are not equal."""
    keys = [key for key in {**there, **here} if there.get(key, ...) != here.get(key, ...)]
    keys.sort(key=lambda key: (key != "seed", not key.endswith(".name"), key))  # a choice before what it brings
    return {key: (_shown(there.get(key, ...)), _shown(here.get(key, ...))) for key in keys}


def _shown(value: object) -> str:
    text = "not set" if value is ... else typed(value)
    return "".join(c if c.isprintable() else "?" for c in text if c != "\n")[:80]


def told(found: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the differences in words, the first few of them."""
    said = [f"{key} is {there} there, {here} here" for key, (there, here) in list(found.items())[:MOST]]
    rest = len(found) - len(said)
    return said + ([f"and {rest} more"] if rest else []) or ["the same options, from another version or YAML file"]


def command(state: RunState, folder: Path) -> str:
    """Return what to type so that the run of ``folder`` goes on."""
    words = [*state.overrides, *([] if state.config_dir is None else ["--config-dir", state.config_dir])]
    return resume_command([*([] if state.verb == "train" else [state.verb]), *words], folder)


def resume_command(words: Sequence[str], folder: Path) -> str:
    """Return the command line of ``words`` that goes on in ``folder``, fit for a shell."""
    quoted = [shlex.quote("".join(c if c.isprintable() else "?" for c in word)) for word in words]
    return " ".join(["python -m ftlab", *quoted, shlex.quote(f"resume={folder}")])


def _judge(state: RunState, folder: Path, found: Mapping[str, tuple[str, str]], policy: str) -> None:
    """Refuse other options, all of them or, with ``resume_policy=changed``, those that the weights hang on."""
    if policy == "changed":
        fixed = {key: pair for key, pair in found.items() if key.startswith(_FIXED) and key not in _FREE}
        if fixed:
            raise ConfigError(
                f"resume={folder}: {'; '.join(told(fixed))}, which no resume_policy allows, since the saved weights "
                f"would not fit; leave resume out to start another run"
            )
        return
    raise ConfigError(
        f"resume={folder} began with other options: {'; '.join(told(found))}. Type: {command(state, folder)}, or go on "
        "in spite of it with resume_policy=changed"
    )
