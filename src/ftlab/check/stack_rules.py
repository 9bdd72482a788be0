"""Rules of an adapter that is made of others."""

from __future__ import annotations

from collections.abc import Iterable

from ftlab.check.components import inner_nodes, typed
from ftlab.check.composed import Composed
from ftlab.errors import did_you_mean

_OUTER = ("merge", "load")  # are said of the network as a whole


def stack(c: Composed) -> Iterable[str]:
    """Yield what is wrong with the names in a stack, and options of members that are not read."""
    adapter = c.values["adapter"]
    members = inner_nodes(adapter)
    if "stack" not in adapter or not members:
        return
    chosen, there = adapter["stack"], ", ".join(members)
    if not isinstance(chosen, list) or not chosen:
        yield f"adapter.stack={typed(chosen)} must be a list of {there}; write adapter.stack=[lora,bitfit]"
        return
    for name in chosen:
        if name not in members:
            meant = did_you_mean(str(name), members)
            yield f"adapter.stack: {name} is none of {there}{meant}; write adapter.stack=[lora,bitfit]"
    for key in sorted(c.given):
        group, _, rest = key.partition(".")
        name, _, option = rest.partition(".")
        if group != "adapter" or name not in members:
            continue
        if name not in chosen:
            yield f"{key} is not read, since adapter.stack=[{','.join(map(str, chosen))}] has no {name}; add it there"
        elif option.split(".")[0] in _OUTER:
            yield f"{key} is not read inside a stack; leave it out"
    if adapter.get("merge") is not True:
        yield (
            f"adapter.merge={typed(adapter.get('merge'))} would leave the adapter beside its base, and a stack trains "
            "parameters of the base too; leave out adapter.merge"
        )
    if (adapter.get("load") or {}).get("quantization", "none") != "none":
        yield "adapter.load.quantization is for a base that stays as it is; write adapter=qlora, or leave it out"
