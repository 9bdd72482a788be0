"""Rules of ``adapter.merge``."""

from __future__ import annotations

from collections.abc import Iterable

from ftlab.check.composed import Composed


def merge(c: Composed) -> Iterable[str]:
    """Yield a merge that is asked of what cannot merge: its YAML says false, or has no such key."""
    adapter = c.values["adapter"]
    if adapter.get("merge") is not True or "adapter.merge" not in c.given:
        return
    chosen = f"adapter={c.choices.get('adapter', adapter.get('name'))}"
    shipped = c.defaults["adapter"]
    if "merge" not in shipped:
        yield f"{chosen} cannot be merged: it has no weights beside the model's own; leave out adapter.merge"
    elif shipped["merge"] is False:
        yield (
            f"{chosen} cannot be merged: what it learns is read before each text, and changes no weight of the model; "
            "leave out adapter.merge"
        )
