"""How the frozen base of an adapter is held in memory: ``adapter.load``. Nothing heavy is imported."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ftlab.errors import ModelError

CHOICES: dict[str, tuple[object, ...]] = {
    "quantization": ("nf4", "fp4", "int8", "none"),
    "double_quantization": (True, False),
    "compute_dtype": ("auto", "float32", "bfloat16", "float16"),
}
FOUR_BITS = ("nf4", "fp4")  # which bitsandbytes computes
INSTALL = "pip install bitsandbytes==0.50.2"


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How the linear layers of a base are held."""

    quantization: str = "none"  # nf4, fp4: 4 bits, a scale per 64 weights; int8: 8 bits, a scale per row; none
    double_quantization: bool = True  # of 4 bits: the scales themselves in 8 bits
    compute_dtype: str = "auto"  # what products are computed in; auto: as the rest of the network

    @property
    def name(self) -> str | None:
        """Name for the record: nf4, fp4, int8; None: as loaded."""
        return None if self.quantization == "none" else self.quantization

    def fingerprint(self, digest: str) -> str:
        """Return the fingerprint of weights with this ``digest`` once they are held so; as loaded, it is ``digest``."""
        if self.name is None:
            return digest
        double = self.double_quantization and self.quantization in FOUR_BITS
        return hashlib.sha256(f"{digest} {self.quantization} {double}".encode()).hexdigest()

    def to_json(self) -> dict[str, Any] | None:
        """Return the settings as data; None: as loaded."""
        return None if self.name is None else dataclasses.asdict(self)


def read_load_options(node: Mapping[str, Any] | None) -> LoadOptions:
    """Return the options of an ``adapter.load`` node, or of a model folder's ``quantization``; None: all defaults.

    Raises:
        ModelError: an option or its value is not known.
    """
    given = dict(node or {})
    for key, value in given.items():
        known = CHOICES.get(str(key), ())
        if not any(type(value) is type(choice) and value == choice for choice in known):
            raise ModelError(
                f"quantization: {key}={value} is not known; train the run again with one of "
                f"{', '.join(f'adapter.load.{name}' for name in CHOICES)}"
            )
    return LoadOptions(**given)
