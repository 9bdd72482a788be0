"""Text that Hydra and OmegaConf must take as it is."""

from __future__ import annotations

import re


def escape(text: str) -> str:
    r"""Return ``text`` so that OmegaConf reads no interpolation in it: ``${`` becomes ``\${``."""
    return re.sub(r"(\\*)\$\{", lambda found: found[1] * 2 + r"\${", text)


def quote(text: str) -> str:
    """Return ``text`` as the quoted value of an override: neither Hydra's grammar nor OmegaConf changes it."""
    inner = re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + (r"\'" if found[2] else ""), escape(text))
    return f"'{inner}'"
