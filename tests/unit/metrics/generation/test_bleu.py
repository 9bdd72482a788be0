from __future__ import annotations

import math

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from ftlab.metrics.generation.bleu import Bleu

SENTENCES = [
    ("The quick brown fox jumps over the lazy dog.", "The quick brown dog jumps over the lazy fox."),
    ("It costs $3.50, doesn't it? (Yes.)", "It costs $3.50 - does it not?"),
    ("Ein Mädchen grüßt: «Grüß Gott!»", "Ein Mädchen grüßt: Grüß Gott!"),
    ("We ship on Monday;\nthe rest follows.", "We ship on Tuesday;\n\nthe rest may follow."),
    ("", "Nothing was said about it at all."),
    ("Привет, мир! Как дела сегодня?", "Привет, мир! Как твои дела?"),
]
words = st.lists(st.sampled_from(["the", "cat", "sat", ".", "on", "mat", "Mat", "3.5", "co-op", "naïve"]), max_size=12)
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def bleu():
    return Bleu()


def test_real_sentences_score_as_sacrebleu_scores_them(bleu):
    generations, references = map(list, zip(*SENTENCES, strict=True))
    bleu.add_batch(predictions=generations[:2], references=references[:2])
    bleu.add_batch(predictions=generations[2:], references=references[2:])
    scores, theirs = bleu.compute(), sacrebleu.corpus_bleu(generations, [references])
    assert scores["bleu"] == theirs.score / 100
    assert 0.3 < scores["bleu"] < 0.7
    assert [scores[f"bleu_{n}"] for n in (1, 2, 3, 4)] == pytest.approx([p / 100 for p in theirs.precisions], rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_summed_rows_give_the_corpus_score_to_the_last_bit(bleu, pairs):
    texts = [(" ".join(a), " ".join(b)) for a, b in pairs]
    scores = bleu.corpus([bleu.row(a, b) for a, b in texts])
    theirs = sacrebleu.corpus_bleu([a for a, _ in texts], [[b for _, b in texts]])
    assert scores["bleu"] == theirs.score / 100
    plain = sacrebleu.corpus_bleu([a for a, _ in texts], [[b for _, b in texts]], smooth_method="none")
    for n, (count, total) in enumerate(zip(plain.counts, plain.totals, strict=True), start=1):
        assert scores[f"bleu_{n}"] == count / total if total else math.isnan(scores[f"bleu_{n}"])


def test_smoothing_reaches_the_score_and_never_a_precision(bleu):
    scores = bleu.corpus([bleu.row("the cat sat on a mat", "a dog sat on the floor")])
    assert scores["bleu_4"] == scores["bleu_3"] == 0
    assert scores["bleu"] > 0
    assert sacrebleu.corpus_bleu(["the cat sat on a mat"], [["a dog sat on the floor"]]).precisions[3] > 0


def test_a_precision_of_words_that_nobody_wrote_is_not_known(bleu):
    scores = bleu.compute(predictions=["yes", "oh no"], references=["yes", "oh yes"])
    assert scores["bleu"] == 0
    assert (scores["bleu_1"], scores["bleu_2"]) == (2 / 3, 0)
    assert math.isnan(scores["bleu_3"]) and math.isnan(scores["bleu_4"])


@pytest.mark.parametrize("text", ["one two three four five", "Grüße, 3.5 €, &amp; „mehr“ — 你好 嗎 🙂", "a\nb\nc d e"])
def test_identical_texts_score_one(bleu, text):
    assert bleu.compute(predictions=[text], references=[text]) == pytest.approx(
        {"bleu": 1, "bleu_1": 1, "bleu_2": 1, "bleu_3": 1, "bleu_4": 1}
    )


@pytest.mark.parametrize(("generation", "reference"), [("", "a b c d"), ("", "")])
def test_an_empty_generation_scores_nothing(bleu, generation, reference):
    assert bleu.compute(predictions=[generation], references=[reference])["bleu"] == 0


def test_an_empty_reference_has_nothing_in_common(bleu):
    scores = bleu.compute(predictions=["a b c d"], references=[""])
    assert (scores["bleu"], scores["bleu_1"]) == (0, 0)


def test_nothing_is_written_to_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("evaluate.config.HF_METRICS_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Bleu().compute(predictions=["a"], references=["a"])
    assert not list(tmp_path.iterdir())
