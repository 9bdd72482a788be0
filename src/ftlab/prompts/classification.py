"""The prompt that asks a language model for a label, and that may stand around an encoder's texts too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ftlab.errors import ConfigError, DataError, ModelError, did_you_mean
from ftlab.prompts.chat import OWN, ChatTemplate
from ftlab.prompts.layout import Shot, Text, lay_out, spaced
from ftlab.prompts.options import CALIBRATIONS, answer_faults
from ftlab.schema import PromptConfig


@dataclass(frozen=True, slots=True)
class ClassificationPrompt:
    """What stands before a text, between the two of a pair, and after it, and the answer that stands for each label.

    ``before``: frame, content, frame, ..., frame (see ``layout``): instruction and examples. ``text_space`` comes
    before each text, of a pair before both; ``answers`` begin with theirs.
    """

    name: str
    before: tuple[str, ...]
    between: str  # empty where texts are single
    after: str
    text_space: str
    answers: dict[str, str]  # label -> answer, in the order of the labels
    shots: int
    template: str | None  # name of the chat template; None: running text
    calibration: str
    cache: bool

    @classmethod
    def of(
        cls,
        cfg: PromptConfig,
        labels: Sequence[str],
        shots: Sequence[Shot] = (),
        *,
        pairs: bool = False,
        template: ChatTemplate | None = None,
        special_tokens: Mapping[str, str] | None = None,
    ) -> ClassificationPrompt:
        """Return the prompt of a configuration.

        Args:
            cfg: whose ``name`` is not none.
            labels: names, in the order of their numbers.
            shots: examples, in their order.
            pairs: texts come in pairs.
            template: the chat template to use; None: running text.
            special_tokens: of the tokenizer, for the template.

        Raises:
            ConfigError: the verbalisers do not fit the labels, or the template the prompt.
        """
        words = verbalisers(cfg, labels)
        pieces = spaced(lay_out(cfg, words, shots, pairs=pairs, template=template, special_tokens=special_tokens or {}))
        between = second = ""
        if pairs:
            *before, text, between, second, after, answer, closing = pieces
            if text != second:  # a tokenizer treats both alike
                before[-1], between, text, second = before[-1] + text, between + second, "", ""
        else:
            *before, text, after, answer, closing = pieces
        assert not closing, "nothing follows the answer that is asked for"
        return cls(
            name=cfg.name,
            before=tuple(before),
            between=between,
            after=after,
            text_space=text,
            answers={label: answer + word for label, word in words.items()},
            shots=len(shots),
            template=None if template is None else template.name,
            calibration=cfg.calibration,
            cache=cfg.cache,
        )

    @property
    def labels(self) -> list[str]:
        """Names of the labels, in the order of their numbers."""
        return list(self.answers)

    @property
    def pairs(self) -> bool:
        """Whether texts come in pairs."""
        return bool(self.between)

    @property
    def prefix(self) -> str:
        """All that stands before a text, the same for every text."""
        return "".join(self.before)

    def suffix(self, text: Text) -> str:
        """Return what follows the prefix, up to where the answer begins."""
        assert isinstance(text, tuple) == self.pairs, "pairs where the prompt is for pairs"
        parts = text if isinstance(text, tuple) else (text,)
        return self.text_space + f"{self.between}{self.text_space}".join(parts) + self.after

    def whole(self, text: Text, label: str) -> str:
        """Return prefix, text and the answer for ``label``, as a reader sees it."""
        return f"{self.prefix}{self.suffix(text)}{self.answers[label]}"

    def wrap(self, text: Text) -> Text:
        """Return ``text`` as a network with a head reads it: with what stands before it, and no answer asked for.

        The two texts of a pair stay apart, as such a network takes them.
        """
        if not isinstance(text, tuple):
            return f"{self.prefix}{self.text_space}{text}"
        opened = self.between.removeprefix("\n")
        return f"{self.prefix}{self.text_space}{text[0]}", f"{opened}{self.text_space}{text[1]}"

    @property
    def digest(self) -> str:
        """Sha256 over all of it."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "before": list(self.before)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClassificationPrompt:
        """Return what ``to_json`` gave.

        Raises:
            DataError: it is something else.
        """
        if not isinstance(data, Mapping) or (fault := _json_fault(data)):
            fault = fault if isinstance(data, Mapping) else "no object"
            raise DataError(f"the prompt saved with the model is damaged ({fault}); train or measure the model again")
        return cls(**{**data, "before": tuple(data["before"]), "answers": dict(data["answers"])})


def template_of(cfg: PromptConfig, template: ChatTemplate) -> ChatTemplate | None:
    """Return the chat template to lay the prompt out with; None: as running text.

    Args:
        cfg: ``chat: auto`` takes a template that is the tokenizer's own, or that the user chose.
        template: of the model, or what stands in where it has none.
    """
    if cfg.chat == "auto":
        return template if template.name == OWN or template.chosen else None
    return template if cfg.chat else None


def check_wrapped(prompt: ClassificationPrompt, tokenizer: Any, max_length: int) -> None:  # noqa: ANN401 - as in models
    """Raise ModelError where ``wrap`` leaves no token of ``max_length`` for a text."""
    taken = len(tokenizer(prompt.prefix + prompt.text_space)["input_ids"])
    if taken >= max_length:
        fewer = ", or prompt.shots_per_class=0" if prompt.shots else ", or shorten prompt.instruction"
        raise ModelError(
            f"prompt={prompt.name} takes {taken} of the {max_length} tokens that dataset.max_length allows, which "
            f"leaves none for a text; type dataset.max_length={taken + _ROOM}{fewer}"
        )


def verbalisers(cfg: PromptConfig, labels: Sequence[str]) -> dict[str, str]:
    """Return label -> answer, in the order of ``labels``: as given, else the labels' names with spaces for underscores.

    Raises:
        ConfigError: one is unknown, missing, empty or stands for two labels.
    """
    if not cfg.verbalisers:
        words = {label: label.replace("_", " ").strip() for label in labels}
    else:
        given = dict(cfg.verbalisers)
        known = f"the labels are {', '.join(labels)}"
        for label in given:
            if label not in labels:
                near = did_you_mean(label, labels) or f"; {known}"
                raise ConfigError(f"prompt.verbalisers names {label}, which is no label of the data{near}")
        missing = [label for label in labels if label not in given]
        if missing:
            raise ConfigError(
                f"prompt.verbalisers lacks {', '.join(missing)}; add prompt.verbalisers.{missing[0]}=<word>, or leave "
                "all of them out for the labels' own names"
            )
        words = {label: str(given[label]).strip() for label in labels}
    faults = answer_faults(words)
    if faults:
        raise ConfigError(faults[0])
    return words


_ROOM = 64  # tokens for a text, as an example
_STRINGS = ("name", "between", "after", "text_space", "calibration")
_FIELDS = {*_STRINGS, "before", "answers", "shots", "template", "cache"}


def _json_fault(data: Mapping[str, Any]) -> str | None:
    if set(data) != _FIELDS:
        return f"its keys are not {', '.join(sorted(_FIELDS))}"
    before, answers = data["before"], data["answers"]
    good = {
        **{name: isinstance(data[name], str) for name in _STRINGS},
        "before": isinstance(before, Sequence) and len(before) % 2 == 1 and all(isinstance(p, str) for p in before),
        "answers": isinstance(answers, Mapping) and all(isinstance(a, str) and a.strip() for a in answers.values()),
        "shots": type(data["shots"]) is int,
        "template": isinstance(data["template"], str | None),
        "cache": isinstance(data["cache"], bool),
        "calibration": data["calibration"] in CALIBRATIONS,
    }
    wrong = [name for name, fits in good.items() if not fits]
    return f"{wrong[0]} is not what it should be" if wrong else None
