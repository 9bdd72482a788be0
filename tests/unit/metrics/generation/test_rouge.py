from __future__ import annotations

import io
import sys

import pytest
from absl import logging as absl_logging
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from ftlab.metrics.generation.rouge import Rouge, longest_common
from ftlab.metrics.generation.statistics import ROUGE

LINES = [
    ("The police killed the gunman", "Police kill the gunman"),
    ("Ships leave the harbour early.\nThe crew was tired.", "The crews were tired.\n\nShips left the harbour\nearly."),
    ("Running, runner, ran: 3 runners_up!", "He runs; 3 runner-ups ran."),
    ("“Don\u2019t” \u2013 she said", "She said: don't"),
    ("", "Nothing was said."),
    ("...", "!!!"),
]
words = st.lists(
    st.sampled_from(["the", "cats", "cat", "running", "runs", ".", "\n", "Mat", "3", "a_b"]), max_size=14
).map(" ".join)


@pytest.fixture(scope="module")
def rouge():
    return Rouge()


@pytest.fixture(scope="module")
def theirs():
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    return lambda generation, reference: {k: v.fmeasure for k, v in scorer.score(reference, generation).items()}


def test_real_sentences_score_as_rouge_score_scores_them(rouge, theirs):
    generations, references = map(list, zip(*LINES, strict=True))
    for start in range(0, len(LINES), 2):
        rouge.add_batch(predictions=generations[start : start + 2], references=references[start : start + 2])
    expected = [theirs(*pair) for pair in LINES]
    scores = rouge.compute(with_rows=True)
    assert scores.pop("rows") == expected
    assert scores == {name: sum(row[name] for row in expected) / len(LINES) for name in ROUGE}
    assert scores["rougeLsum"] > scores["rougeL"] > 0


@settings(max_examples=100, deadline=None)
@given(words, words)
def test_each_row_is_that_of_rouge_score_to_the_last_bit(rouge, theirs, generation, reference):
    assert rouge.row(generation, reference) == theirs(generation, reference)


@settings(max_examples=100, deadline=None)
@given(st.text("abcd", max_size=80), st.text("abcd", max_size=80))
def test_the_longest_common_subsequence_is_that_of_the_table(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, start=1):
        for j, y in enumerate(b, start=1):
            table[i][j] = table[i - 1][j - 1] + 1 if x == y else max(table[i - 1][j], table[i][j - 1])
    assert longest_common(a, b) == table[-1][-1]


@pytest.mark.parametrize(
    "text", ["Съешь ещё этих булок", "你好 世界", "สวัสดี ชาวโลก", "नमस्ते दुनिया", "Ελλάδα 2024", "naïve café", "٣٤ كتاب"]
)
def test_identical_texts_of_any_script_score_one(rouge, text):
    assert rouge.row(text, text) == dict.fromkeys(ROUGE, 1.0)
    assert rouge.row(text, "unlike")["rouge1"] == 0


def test_words_of_other_scripts_are_whole_and_their_order_counts(rouge):
    assert rouge.row("мир привет", "привет мир")["rouge1"] == 1
    assert rouge.row("мир привет", "привет мир")["rouge2"] == 0
    assert rouge.row("你好世界", "世界你好")["rouge2"] == pytest.approx(2 / 3)
    assert rouge.row("café", "caf")["rouge1"] == 0  # rouge-score takes the two for one word


def test_an_ascii_word_is_the_same_beside_another_script(rouge):
    assert rouge.row("running привет", "runs")["rouge1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("generation", "reference"), [("", "a b"), ("a b", ""), ("", ""), ("🙂", "🙂")])
def test_where_there_are_no_words_there_is_no_score(rouge, generation, reference):
    assert rouge.row(generation, reference) == dict.fromkeys(ROUGE, 0.0)


def test_the_stderr_of_the_moment_of_import_stays_open_when_logging_is_configured_anew(monkeypatch):
    handler = absl_logging.get_absl_handler().python_handler
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    handler.close()  # as logging.config does with every handler
    assert handler.stream is sys.__stderr__ and not handler.stream.closed
