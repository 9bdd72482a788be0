"""What must never be written: values that are secrets, by their key or by their look."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "<hidden>"
# A key whose last word is one of these names a secret; pad_token, max_new_tokens and use_cls_token do not.
_KEY = re.compile(
    r"(^|[._-])(api[_-]?key|password|passwd|secret|credentials?|(hf|auth|access|api|bearer)[_-]token|token)$", re.I
)
_NOT_SECRET = re.compile(r"(^|[._-])(pad|eos|bos|cls|sep|unk|mask|new|use_\w+)_token$", re.I)
_VALUE = re.compile(r"hf_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}")
_LOGIN = re.compile(r"(://)[^/@\s:]+:[^/@\s]+@")


def looks_secret(key: str, value: object) -> bool:
    """Return whether ``key=value`` would give a secret away."""
    text = "" if value is None else str(value)
    if not text:
        return False
    named = bool(_KEY.search(key)) and not _NOT_SECRET.search(key)
    return named or bool(_VALUE.search(text)) or bool(_LOGIN.search(text))


def redact_text(text: str) -> str:
    """Return ``text`` with tokens and logins in addresses hidden."""
    return _LOGIN.sub(rf"\1{HIDDEN}@", _VALUE.sub(HIDDEN, text))


def redact(value: Any, key: str = "") -> Any:  # noqa: ANN401 - walks any plain container
    """Return a copy of plain containers with every secret replaced."""
    if isinstance(value, dict):
        return {k: redact(v, str(k)) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(v, key) for v in value]
    if isinstance(value, str):
        return HIDDEN if _KEY.search(key) and not _NOT_SECRET.search(key) else redact_text(value)
    return value
