"""Finds the faults of a composed configuration: nothing heavy is imported, nothing raised, every fault returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ftlab.check.chat_rules import CHAT_RULES
from ftlab.check.compare_rules import COMPARE_RULES
from ftlab.check.composed import Composed
from ftlab.check.evaluate_rules import EVALUATE_RULES
from ftlab.check.list_rules import LIST_RULES
from ftlab.check.plan_rules import PLAN_RULES
from ftlab.check.predict_rules import PREDICT_RULES
from ftlab.check.train_rules import TRAIN_RULES

# By verb.
RULES: Mapping[str, tuple[Callable[[Composed], Iterable[str]], ...]] = {
    "train": TRAIN_RULES,
    "predict": PREDICT_RULES,
    "evaluate": EVALUATE_RULES,
    "list": LIST_RULES,
    "chat": CHAT_RULES,
    "plan": PLAN_RULES,
    "compare": COMPARE_RULES,
}


def check(composed: Composed) -> list[str]:
    """Return one sentence per fault, each with the key, its value and what to type instead."""
    faults = [sentence for rule in RULES[composed.verb] for sentence in rule(composed)]
    return list(dict.fromkeys(faults))
