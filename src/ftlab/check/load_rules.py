"""Rules about ``adapter.load``: a base held in few bits, and what can be trained on it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping

from ftlab.check.components import typed
from ftlab.check.composed import Composed
from ftlab.errors import closest
from ftlab.models.load_options import CHOICES, FOUR_BITS, INSTALL

_KEY = "adapter.load.quantization"
# Adapters that need the weights themselves, and why.
_TRAINS = "trains weights of the base, and those in few bits stay as they are"
_UNFIT = {
    "ftlab.adapters.full.add_full": _TRAINS,
    "ftlab.adapters.freeze.add_freeze": _TRAINS,
    "ftlab.adapters.none.add_none": "trains nothing, and the base is held in few bits only while an adapter trains",
}
_TAKES = "begins by taking its update out of the base's weights, which cannot be written back in few bits"
_VARIANTS = {"pissa": _TAKES, "olora": _TAKES}


def load(c: Composed) -> Iterable[str]:
    """Yield what ``adapter.load`` asks for that there is not, or that does not go together with the rest."""
    adapter = c.values["adapter"]
    node = adapter.get("load")
    if node is None:
        return
    if not isinstance(node, Mapping):
        wanted = node if node in CHOICES["quantization"] else "nf4"
        yield f"adapter.load={typed(node)} is no set of options; write {_KEY}={wanted}"
        return
    wrong = list(_values(node))
    yield from wrong
    quantization = node.get("quantization", "none")
    if wrong or quantization == "none":
        return
    yield from _unfit(c, quantization)
    if quantization in FOUR_BITS and importlib.util.find_spec("bitsandbytes") is None:
        yield (
            f"{_KEY}={quantization} needs the package bitsandbytes, which is not installed; type: {INSTALL}, or write "
            f"{_KEY}=int8, which does without"
        )
    trainer = c.values["trainer"]
    if trainer.get("strategy") == "fsdp":
        yield f"trainer.strategy=fsdp cannot share out weights in few bits; write trainer=ddp, or {_KEY}=none"


def _values(node: Mapping[str, object]) -> Iterable[str]:
    for key, value in node.items():
        choices = CHOICES.get(key)
        if choices is None:
            near = closest(str(key), CHOICES)
            meant = f"did you mean adapter.load.{near}?" if near else f"options: {', '.join(CHOICES)}"
            yield f"adapter.load.{key} is not an option of adapter.load; {meant}"
        elif not any(type(value) is type(choice) and value == choice for choice in choices):
            names = [typed(choice) for choice in choices]
            near = closest(typed(value), names) or names[0]
            yield f"adapter.load.{key}={typed(value)} is not one of {', '.join(names)}; write adapter.load.{key}={near}"


def _unfit(c: Composed, quantization: str) -> Iterable[str]:
    adapter = c.values["adapter"]
    chosen = f"adapter={c.choices.get('adapter', adapter.get('name'))}"
    why = _UNFIT.get(str(adapter.get("_target_")))
    if "adapter.variant" in c.given:
        chosen = f"adapter.variant={adapter.get('variant')}"
    why = why or _VARIANTS.get(str(adapter.get("variant")))
    if why:
        remedy = "leave it out" if chosen.startswith("adapter.variant") else f"write adapter=qlora, or {_KEY}=none"
        yield f"{_KEY}={quantization} does not go with {chosen}, which {why}; {remedy}"
