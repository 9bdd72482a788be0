"""Checkpoint files from the hub, or from its cache on this machine.

The hub is asked once per process and repository, with a deadline, before its library is let loose: that library
repeats a failed request for minutes. Where the hub does not answer, a cached copy is taken.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ftlab.errors import ModelError
from ftlab.models.folder import (
    GENERATION,
    TOKENIZER_FILES,
    WEIGHTS,
    WEIGHTS_INDEX,
    Reference,
    has_tokenizer,
    has_weights,
)

Kind = Literal["config", "tokenizer", "weights"]
REACH_SECONDS = 4.0  # how long the hub may take to answer the first request
_FORGET_SECONDS = 60.0  # after which an unreachable hub is asked again: a sweep need not wait at each job
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the hub said about a repository: its files, or why they cannot be had."""

    files: tuple[str, ...] = ()
    refusal: str | None = None  # a whole sentence
    silence: str | None = None  # the reason, in a few words
    when: float = 0.0  # seconds on the monotonic clock


_answers: dict[tuple[str, str], _Answer] = {}
_fetched: dict[tuple[Reference, Kind], Path] = {}  # by this process, which so keeps to one commit


def is_commit(revision: object) -> bool:
    """Return whether ``revision`` names one commit, not a branch that may move on."""
    return isinstance(revision, str) and _COMMIT.fullmatch(revision) is not None


def is_hub_id(name: str) -> bool:
    """Return whether ``name`` can be a hub repository: no path, no address."""
    return _HUB_ID.fullmatch(name) is not None and ".." not in name


def find_cached(reference: Reference, kind: Kind) -> Path | None:
    """Return the snapshot folder in the hub's cache that holds what ``kind`` names, or None. No network.

    The folder's name is the commit.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    names = ("config.json", "tokenizer.json", "tokenizer_config.json")
    try:
        found = [try_to_load_from_cache(reference.value, name, revision=reference.revision) for name in names]
    except HFValidationError:
        return None  # no hub id; whoever needs the files gets the sentence from `fetch`
    folders = [Path(path).parent for path in found if isinstance(path, str)]
    holds = {"config": lambda f: (f / "config.json").is_file(), "tokenizer": has_tokenizer, "weights": has_weights}
    return next((folder for folder in folders if holds[kind](folder)), None)


def fetch(reference: Reference, kind: Kind, hint: str = "") -> Path:
    """Return a snapshot folder that holds what ``kind`` names, downloading what is not cached.

    Args:
        reference: hub id and revision.
        kind: which files.
        hint: a further remedy, ended by a comma and a space, for a model that cannot be had.

    Raises:
        ModelError: hub not reached within ``REACH_SECONDS`` and nothing cached, no such repository or revision, access
            refused, or no such files in it.
    """
    from huggingface_hub import constants

    if (reference, kind) in _fetched:
        return _fetched[reference, kind]
    cached = find_cached(reference, kind)
    if cached is not None and (constants.HF_HUB_OFFLINE or _COMMIT.fullmatch(reference.revision)):
        return cached
    answer = _ask_once(reference)
    if answer.refusal is None and answer.silence is None:
        _fetched[reference, kind] = _download(reference, kind, answer.files)
        return _fetched[reference, kind]
    if cached is not None:
        return cached
    raise ModelError(answer.refusal or _unreachable(reference, str(answer.silence), hint))


def _ask_once(reference: Reference) -> _Answer:
    key = (reference.value, reference.revision)
    known = _answers.get(key)
    if known is None or (known.silence is not None and time.monotonic() - known.when > _FORGET_SECONDS):
        known = _answers[key] = _ask(reference)
    return known


def _ask(reference: Reference) -> _Answer:
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return _Answer(silence="HF_HUB_OFFLINE is set", when=time.monotonic())
    box: list[tuple[str, ...] | Exception] = []

    def ask() -> None:
        try:
            info = HfApi().model_info(reference.value, revision=reference.revision, timeout=REACH_SECONDS)
            box.append(tuple(file.rfilename for file in info.siblings or ()))
        except Exception as error:  # carried to the caller's thread, which raises what it does not know
            box.append(error)

    # A thread of its own: a name server that does not answer ignores every timeout of the HTTP client.
    thread = threading.Thread(target=ask, daemon=True, name="hub-probe")
    thread.start()
    thread.join(REACH_SECONDS)
    if not box:
        return _Answer(silence=f"no answer in {REACH_SECONDS:.0f} s", when=time.monotonic())
    if isinstance(box[0], Exception):
        return _read_error(reference, box[0])
    return _Answer(files=box[0])


def _read_error(reference: Reference, error: Exception) -> _Answer:
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if isinstance(error, HFValidationError):
        return _Answer(refusal=f"{reference} is neither a local folder nor a hub id; type {reference.key}=owner/name")
    if isinstance(error, HfHubHTTPError):
        refusal = _refused(reference, type(error).__name__, error.response.status_code)
        silence = None if refusal else f"it answers with status {error.response.status_code}"
        return _Answer(refusal=refusal, silence=silence, when=time.monotonic())
    # The HTTP client's own errors have no common name across versions; the hub's error class derives from their base.
    # RuntimeError: a sandbox that blocks sockets, or the client closing as the program ends.
    if isinstance(error, (OSError, RuntimeError, *HfHubHTTPError.__bases__)):
        return _Answer(silence=type(error).__name__, when=time.monotonic())
    raise error


def _refused(reference: Reference, kind: str, status: int) -> str | None:
    """Return the sentence for a hub that says no; None for an answer that is not the hub's, a proxy's perhaps."""
    if kind == "RevisionNotFoundError":
        return f"{reference} has no revision {reference.revision!r} on the hub; type model.revision=main"
    if kind == "GatedRepoError":
        return f"{reference} is gated: accept its terms on the hub's page, then set HF_TOKEN to a token of that account"
    if kind == "RepositoryNotFoundError" or status in (401, 403):
        # The hub answers 401 for what does not exist too, so as not to tell private names.
        return (
            f"{reference} is neither a local folder nor a model the hub shows you (status {status}); correct the name, "
            "or set HF_TOKEN if it is private or gated"
        )
    return None


def _unreachable(reference: Reference, why: str, hint: str) -> str:
    shape = ", or measure its shape with model.init=random" if reference.key == "model.checkpoint" else ""
    return (
        f"{reference} is not on this machine and the hub cannot be reached ({why}); {hint}give a copy with "
        f"{reference.key}=<local folder>{shape}"
    )


def _download(reference: Reference, kind: Kind, files: tuple[str, ...]) -> Path:
    from huggingface_hub import hf_hub_download

    names = _wanted(reference, kind, files)
    try:
        # The first goes by the branch's name, which the cache then remembers; the rest by the commit it stood for.
        first = Path(hf_hub_download(reference.value, names[0], revision=reference.revision))
        for name in names[1:]:
            hf_hub_download(reference.value, name, revision=first.parent.name)
    except Exception as error:
        # Without the query of an address: it may hold a signature.
        why = re.sub(r"\?\S+", "", " ".join(str(error).split()))[:200] or type(error).__name__
        raise ModelError(
            f"{reference}: the download broke off ({why}); type the same command again to go on"
        ) from error
    return first.parent


def _wanted(reference: Reference, kind: Kind, files: tuple[str, ...]) -> list[str]:
    config = [name for name in files if name == "config.json"]
    if kind == "tokenizer":
        names = [name for name in files if name in TOKENIZER_FILES or ("/" not in name and name.endswith(".model"))]
        if not names:
            raise ModelError(f"{reference} holds no tokenizer; give one with model.tokenizer=<hub id or folder>")
        return config + names
    if not config:
        raise ModelError(
            f"{reference} holds no config.json, so it is no transformers model; give another {reference.key}"
        )
    if kind == "config":
        return config
    config += [name for name in files if name == GENERATION]  # which tokens end a text
    if WEIGHTS in files:
        return [*config, WEIGHTS]
    if WEIGHTS_INDEX in files:
        return [*config, WEIGHTS_INDEX, *sorted(name for name in files if _SHARD.fullmatch(name))]
    raise ModelError(
        f"{reference} holds no safetensors weights; type model.revision=refs/pr/<n>, where n is the pull "
        f"request of SFconvertbot on its Community page, or give a converted copy with {reference.key}=<local folder>"
    )
