"""ROUGE over rouge-score, with Porter's stemmer (Lin 2004, https://aclanthology.org/W04-1013).

The F-measures of ROUGE-1, -2, -L and -Lsum, averaged over rows. Lsum takes each line as a sentence.

rouge-score knows the letters a to z and the digits only: "café" is "caf" to it, and a Russian text is empty. Texts of
ASCII letters are scored exactly as it does; in any other text a word is a run of letters, marks and digits of any
script, and each character of Chinese, Japanese or Thai is a word of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache

import regex
from absl import logging as absl_logging
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer, scoring, tokenize, tokenizers

from ftlab.metrics.generation.rows import Row, RowMetric, mean
from ftlab.metrics.generation.statistics import ROUGE

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_WORD = regex.compile(rf"{_UNSPACED}\p{{M}}*|(?:(?!{_UNSPACED})[\p{{L}}\p{{Nd}}\p{{M}}])+")
# rouge-score imports absl, whose handler keeps the stderr of that moment, a notebook's or a test's, and closes it with
# the next logging.config, when another may have taken its place. The interpreter's own it leaves open.
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__
_FOREIGN = regex.compile(r"[^\P{L}a-z]|[^\P{Nd}0-9]")  # a letter or a digit that rouge-score drops


class Words(tokenizers.Tokenizer):  # type: ignore[misc]  # rouge_score has no types
    """rouge-score's words where it sees them all, else those of any script."""

    def __init__(self) -> None:
        self._stemmer = PorterStemmer()
        self._stem = lru_cache(maxsize=100_000)(self._stemmer.stem)

    def stem(self, word: str) -> str:
        """Return Porter's stem, remembered: a text's words come again and again."""
        return str(self._stem(word))

    def tokenize(self, text: str) -> list[str]:
        """Return the words of ``text`` in lower case, those of more than three characters as stems."""
        lowered = text.lower()
        if not _FOREIGN.search(lowered):
            return list(tokenize.tokenize(text, self))
        return [self.stem(word) if len(word) > 3 and word.isascii() else word for word in _WORD.findall(lowered)]


class Rouge(RowMetric):
    """``rouge1``, ``rouge2``, ``rougeL``, ``rougeLsum``, all in [0, 1]; of a row: the four F-measures."""

    source = "https://aclanthology.org/W04-1013"
    about = "ROUGE F-measures with Porter's stemmer, as rouge-score computes them."

    def __init__(self) -> None:
        super().__init__()
        self._words = Words()
        self._ngrams = rouge_scorer.RougeScorer(["rouge1", "rouge2"], tokenizer=self._words)
        self._lines = rouge_scorer.RougeScorer(["rougeLsum"], tokenizer=self._words)

    def row(self, prediction: str, reference: str) -> Row:
        """Return the four F-measures."""
        scores = {name: float(s.fmeasure) for name, s in self._ngrams.score(reference, prediction).items()}
        scores["rougeL"] = scores["rougeLsum"] = self._longest(reference, prediction)
        if max(len(text.strip("\n").split("\n")) for text in (prediction, reference)) > 1:  # one line each: Lsum is L
            scores["rougeLsum"] = float(self._lines.score(reference, prediction)["rougeLsum"].fmeasure)
        return scores

    def _longest(self, reference: str, prediction: str) -> float:
        """Return ROUGE-L. rouge-score fills a table of words x words in Python: 60 ms for texts of 400 words."""
        expected, given = self._words.tokenize(reference), self._words.tokenize(prediction)
        if not expected or not given:
            return 0.0
        common = longest_common(expected, given)
        return float(scoring.fmeasure(common / len(given), common / len(expected)))

    def corpus(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return the means over rows."""
        return {name: mean(rows, name) for name in ROUGE}


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence: one row of the table as bits of a number.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited": a zero at bit i says that the row grows at a[i].
    """
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    whole = (1 << len(a)) - 1
    row = whole
    for word in b:
        hits = row & places.get(word, 0)
        row = (row + hits | row - hits) & whole
    return len(a) - row.bit_count()
