"""Checks the options of ``prompt.*`` against each other, without a model or a row."""

from __future__ import annotations

from collections import Counter

from ftlab.errors import did_you_mean
from ftlab.schema import PromptConfig

CALIBRATIONS = ("none", "contextual")
CHATS = ("auto", True, False)
NONE = "none"


def option_faults(cfg: PromptConfig) -> list[str]:
    """Return one sentence per value that no prompt could be made of."""
    if cfg.name == NONE:
        return []
    faults = []
    if cfg.calibration not in CALIBRATIONS:
        near = did_you_mean(cfg.calibration, CALIBRATIONS) or "; type prompt.calibration=none"
        faults.append(f"prompt.calibration={cfg.calibration} is none of {', '.join(CALIBRATIONS)}{near}")
    if not any(type(cfg.chat) is type(choice) and cfg.chat == choice for choice in CHATS):
        faults.append(f"prompt.chat={cfg.chat} is none of auto, true, false; type prompt.chat=auto")
    if cfg.shots_per_class < 0:
        faults.append(f"prompt.shots_per_class={cfg.shots_per_class} is negative; type prompt.shots_per_class=0")
    if not any((cfg.instruction.strip(), cfg.text_prefix.strip(), cfg.label_prefix.strip(), cfg.shots_per_class > 0)):
        faults.append(f"prompt={cfg.name} asks for nothing; give it a prompt.instruction='...', or type prompt=none")
    return faults + answer_faults(cfg.verbalisers)


def answer_faults(verbalisers: dict[str, str]) -> list[str]:
    """Return the verbalisers that stand for no label, or for two."""
    faults = [
        f"prompt.verbalisers.{label} is empty, and a model cannot answer with nothing; give it a word"
        for label, answer in verbalisers.items()
        if not str(answer).strip()
    ]
    counts = Counter(str(answer).strip() for answer in verbalisers.values())
    for answer, count in counts.items():
        if answer and count > 1:
            same = [label for label, other in verbalisers.items() if str(other).strip() == answer]
            faults.append(
                f"prompt.verbalisers has '{answer}' for {' and '.join(same)}, which an answer must tell apart; "
                f"give one of them another word: prompt.verbalisers.{same[-1]}=<word>"
            )
    return faults
