"""Rules of ``compare``: what can be told before a run is read. Which metrics the runs have, only they know."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

from ftlab.check.components import typed
from ftlab.check.composed import Composed, options, sentences
from ftlab.check.shared_rules import login
from ftlab.compare.api_prices import read_api_prices
from ftlab.errors import did_you_mean
from ftlab.paths import check_writable

OBJECTIVES = ("balanced", "best", "cheapest", "fastest")  # as compare.objective has them, which imports numpy
_BOUNDS = ("min", "max")


def _objective(c: Composed) -> Iterable[str]:
    given = str(c.values["objective"])
    if given not in OBJECTIVES:
        hint = did_you_mean(given, OBJECTIVES).replace("mean ", "mean objective=") or ";"
        yield f"objective={given} is no objective{hint} there are: {', '.join(OBJECTIVES)}"


def _constraints(c: Composed) -> Iterable[str]:
    limits: dict[tuple[str, str], float] = {}
    for key, value in (c.values["constraints"] or {}).items():
        name, _, bound = str(key).rpartition("_")
        if bound not in _BOUNDS or not name:
            yield (
                f"constraints.{key} does not say whether it is the least or the most; "
                f"write constraints.{key}_min={typed(value)} or constraints.{key}_max={typed(value)}"
            )
        elif value is not None and not _is_number(value):
            yield f"constraints.{key}={typed(value)} is not a number; give one, or null for no constraint"
        elif value is not None:
            limits[name, bound] = value
    for (name, bound), least in limits.items():
        most = limits.get((name, "max"))
        if bound == "min" and most is not None and least > most:
            yield (
                f"constraints.{name}_min={typed(least)} lies above constraints.{name}_max={typed(most)}, "
                "so nothing can meet both; change or leave out one"
            )


def _words(c: Composed) -> Iterable[str]:
    if not c.values["runs"] and not c.values["mlflow"]:
        yield "runs=[] names no run; give run folders, sweep folders, or latest"
    for key in ("mlflow", "axes", "metric"):
        if c.values[key] is not None and not str(c.values[key]).strip(" ,"):
            yield f"{key}= names nothing; write {key}=<word>, or leave it out"
    if c.values["metric"] is not None and "," in str(c.values["metric"]):
        first, _, rest = str(c.values["metric"]).partition(",")
        yield f"metric={c.values['metric']} names several, and one is the main one; write metric={first} axes={rest}"


def _money(c: Composed) -> Iterable[str]:
    months, volume = c.values["months"], c.values["requests_per_month"]
    if not 0 < months < math.inf:
        yield f"months={typed(months)} is no span of time; give months above 0: months=12"
    if volume is not None and not 0 <= volume < math.inf:
        yield f"requests_per_month={typed(volume)} is no volume; give 0 or more: requests_per_month=100000"
    if c.values["api_prices"] is not None:
        yield from sentences(read_api_prices, str(c.values["api_prices"]))


def _output(c: Composed) -> Iterable[str]:
    given = c.values["output"]
    if given is None:
        return
    if Path(given).is_file():
        yield f"output={given} is a file; give the folder that the report goes into"
        return
    yield from (said.replace("output_dir=", "output=") for said in sentences(check_writable, Path(given)))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


COMPARE_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(_objective, _constraints, _words, _money, _output),
    *(login, options),
)
