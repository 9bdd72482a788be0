"""What must never be written: secrets, known by their key, by their look, or as a value of the environment."""

from __future__ import annotations

import os
import re
from typing import Any

HIDDEN = "<hidden>"
# A key whose last word is one of these names a secret; pad_token, max_new_tokens and use_cls_token do not.
_KEY = re.compile(
    r"(^|[._-])(api[_-]?key|(access|private|account|secret)[_-]?key([_-]id)?|password|passwd|secret|credentials?|"
    r"(hf|auth|access|api|bearer)[_-]token|token)$",
    re.I,
)
_NOT_SECRET = re.compile(r"(^|[._-])(pad|eos|bos|cls|sep|unk|mask|new|use_\w+)_token$", re.I)
_VALUE = re.compile(
    r"hf_[A-Za-z0-9]{20,}|A[KS]IA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|"
    r"sk-[A-Za-z0-9_-]{20,}|dapi[0-9a-f]{32}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"
)
_LOGIN = re.compile(r"(://)[^/@\s:]*:[^/@\s]+@")
_SHORTEST = 8  # characters of a secret in the environment; shorter ones would hide ordinary words


def looks_secret(key: str, value: object) -> bool:
    """Return whether ``key=value`` would give a secret away."""
    text = "" if value is None else str(value)
    return bool(text) and (names_secret(key) or redact_text(text) != text)


def names_secret(key: str) -> bool:
    """Return whether what ``key`` names is a secret: an option, or a variable of the environment."""
    return bool(_KEY.search(key)) and not _NOT_SECRET.search(key)


def redact_text(text: str) -> str:
    """Return ``text`` with tokens, logins in addresses and the secrets of this process's environment hidden."""
    hidden = _LOGIN.sub(rf"\1{HIDDEN}@", _VALUE.sub(HIDDEN, text))
    for secret in _environment():
        hidden = hidden.replace(secret, HIDDEN)
    return hidden


def redact(value: Any, key: str = "") -> Any:  # noqa: ANN401 - walks any plain container
    """Return a copy of plain containers with every secret replaced."""
    if isinstance(value, dict):
        return {k: redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(v, key) for v in value]
    if isinstance(value, str):
        return HIDDEN if value and names_secret(key) else redact_text(value)
    return value


def _environment() -> list[str]:
    """Return the secrets that stand in environment variables, the longest first, so that none hides half another."""
    # One by one: another thread (MLflow's) may take a variable away meanwhile.
    found = {name: os.environ.get(name, "") for name in list(os.environ)}
    held = {value for name, value in found.items() if len(value) >= _SHORTEST and names_secret(name)}
    return sorted(held, key=len, reverse=True)
