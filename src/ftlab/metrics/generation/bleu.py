"""BLEU over sacrebleu (Post 2018, arXiv:1804.08771; Papineni et al. 2002, doi:10.3115/1073083.1073135).

- **Words** are sacrebleu's ``13a``: those of mteval-v13a, made for languages with spaces between words. Case counts.
- **bleu** is sacrebleu's corpus score with its default smoothing (``exp``: the k-th order without a match counts as
  1 / 2^k matches), divided by 100. So it is the number that ``sacrebleu`` prints for the same files. 0 where no
  generation has four words.
- **bleu_1 .. bleu_4** are the plain precisions, matches / n-grams, never smoothed: in a small set with no 4-gram right,
  sacrebleu's own fourth precision would be above 0. NaN where no generation has n words.
"""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU

from ftlab.metrics.generation.rows import Row, RowMetric
from ftlab.metrics.generation.statistics import BLEU_MATCHES, BLEU_TOTALS, GENERATED_WORDS, REFERENCE_WORDS

SMOOTHING = "exp"


class Bleu(RowMetric):
    """``bleu`` and ``bleu_1`` .. ``bleu_4``, all in [0, 1]; of a row: matches and n-grams per order, both lengths."""

    source = "https://aclanthology.org/W18-6319"
    about = "BLEU as sacrebleu computes it, in [0, 1], with the four n-gram precisions."

    def __init__(self) -> None:
        super().__init__()
        # The order is "effective" for sacrebleu's own score of a sentence, which is not read: counts are the same.
        self._sacrebleu = BLEU(tokenize="13a", smooth_method=SMOOTHING, effective_order=True)

    def row(self, prediction: str, reference: str) -> Row:
        """Return the counts that BLEU is made of; their sums over rows give the corpus' score."""
        score = self._sacrebleu.sentence_score(prediction, [reference])
        return {
            GENERATED_WORDS: score.sys_len,
            REFERENCE_WORDS: score.ref_len,
            **dict(zip(BLEU_MATCHES, score.counts, strict=True)),
            **dict(zip(BLEU_TOTALS, score.totals, strict=True)),
        }

    def corpus(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the scores of the summed counts."""
        matches, totals = [_sum(rows, n) for n in BLEU_MATCHES], [_sum(rows, n) for n in BLEU_TOTALS]
        words, reference_words = _sum(rows, GENERATED_WORDS), _sum(rows, REFERENCE_WORDS)
        score = BLEU.compute_bleu(matches, totals, words, reference_words, smooth_method=SMOOTHING)
        precisions = [m / t if t else float("nan") for m, t in zip(matches, totals, strict=True)]
        return {"bleu": score.score / 100, **{f"bleu_{n}": p for n, p in enumerate(precisions, start=1)}}


def _sum(rows: Sequence[Row], name: str) -> int:
    return int(sum(row[name] for row in rows))
