"""All metrics of generated texts at once, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftlab.metrics.generation.json_answers import NO_JSON, JsonSchema, read_answer
from ftlab.metrics.generation.statistics import (
    CUT,
    EMPTY,
    EXACT,
    GENERATED_TOKENS,
    GENERATED_WORDS,
    JSON_VALID,
    MEANS,
    REFERENCE_WORDS,
    ROUGE,
    SCHEMA_VALID,
)

Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scored:
    """Metrics by name, and the numbers of each row, in the order in which the rows were added.

    ``metrics``: ``metrics.measures`` says what each means. ``rows``: ``metrics.generation.statistics`` names them; from
    them alone ``metrics.generation.bootstrap`` computes every metric again, of any resample.
    """

    metrics: dict[str, float]
    rows: list[Row]


class Scorer:
    """Scores texts a batch at a time: ``add_batch`` for each, ``compute`` at the end.

    What is kept until then is text; no logits and no tokens.

    Args:
        suffix: ``_teacher_forced`` for texts from the argmax of teacher-forced logits: added to every name. With it
            neither lengths nor JSON are measured: such a text has as many tokens as its reference, and saw it.
        json_schema: what answers are held against; without one ``json_valid`` is measured where every reference is a
            JSON object or array.
    """

    def __init__(self, *, suffix: str = "", json_schema: JsonSchema | None = None) -> None:
        # Here and not above: whoever generates nothing does not wait for these.
        from ftlab.metrics.generation.bleu import Bleu
        from ftlab.metrics.generation.exact import ExactMatch
        from ftlab.metrics.generation.rouge import Rouge

        self.suffix, self.schema = suffix, json_schema
        self._metrics = (Bleu(), Rouge(), ExactMatch())
        self._answers: list[Row] = []
        self._all_json = True

    def add_batch(
        self,
        generations: Sequence[str],
        references: Sequence[str],
        *,
        generated_tokens: Sequence[int] | None = None,
        cut: Sequence[bool] | None = None,
    ) -> None:
        """Add generations with a reference each.

        Args:
            generations: (B,) texts.
            references: (B,) texts.
            generated_tokens: (B,) tokens of the model's own tokenizer; in all batches or in none.
            cut: (B,) whether generation.max_new_tokens ended it; in all batches or in none.
        """
        assert len(generations) == len(references), "one reference per generation"
        if not len(generations):
            return
        for metric in self._metrics:
            metric.add_batch(predictions=list(generations), references=list(references))
        if self.suffix:
            return
        for i, (generation, reference) in enumerate(zip(generations, references, strict=True)):
            row: Row = {EMPTY: int(not generation.strip())}
            if generated_tokens is not None:
                row[GENERATED_TOKENS] = int(generated_tokens[i])
            if cut is not None:
                row[CUT] = int(cut[i])
            answer = read_answer(generation)
            row[JSON_VALID] = int(answer is not NO_JSON)
            if self.schema is not None:
                row[SCHEMA_VALID] = int(self.schema.accepts(answer))
            self._all_json = self._all_json and isinstance(read_answer(reference), dict | list)
            self._answers.append(row)

    def compute(self) -> Scored:
        """Return the scores of all that was added, at least one row."""
        metrics: dict[str, float] = {}
        parts: list[list[Row]] = []
        for metric in self._metrics:
            scores = metric.compute(with_rows=True)
            parts.append(scores.pop("rows"))
            metrics |= scores
        if self._answers:
            if not (self._all_json or self.schema):
                for row in self._answers:
                    del row[JSON_VALID]
            parts.append(self._answers)
        rows = [{name: value for part in row for name, value in part.items()} for row in zip(*parts, strict=True)]
        if not self.suffix:
            metrics |= _lengths(rows)
        end = self.suffix
        return Scored(
            {f"{name}{end}": float(value) for name, value in metrics.items()},
            [{f"{name}{end}": value for name, value in row.items()} for row in rows],
        )


def _lengths(rows: Sequence[Row]) -> Row:
    names = [name for name, column in MEANS.items() if column in rows[0] and column not in (*ROUGE, EXACT)]
    means = {name: sum(row[MEANS[name]] for row in rows) / len(rows) for name in names}
    generated, expected = (sum(row[name] for row in rows) for name in (GENERATED_WORDS, REFERENCE_WORDS))
    return {**means, "length_ratio": generated / expected if expected else float("nan")}


def score_generations(
    generations: Sequence[str],
    references: Sequence[str],
    *,
    suffix: str = "",
    json_schema: JsonSchema | None = None,
    generated_tokens: Sequence[int] | None = None,
    cut: Sequence[bool] | None = None,
) -> Scored:
    """Score (N,) texts at once, N >= 1; arguments as ``Scorer``'s."""
    scorer = Scorer(suffix=suffix, json_schema=json_schema)
    scorer.add_batch(generations, references, generated_tokens=generated_tokens, cut=cut)
    return scorer.compute()
