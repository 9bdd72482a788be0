from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from ftlab.metrics.generation.bootstrap import generation_estimates
from ftlab.metrics.generation.json_answers import load_schema
from ftlab.metrics.generation.scoring import Scorer, score_generations
from ftlab.metrics.generation.statistics import LENGTHS, TEACHER_FORCED
from ftlab.metrics.measures import GENERATION

GENERATIONS = ["The cat sat on the mat.", "", "Yes, we ship it on Monday.\nThe rest follows.", "42"]
REFERENCES = ["The cat lay on the mat.", "Nothing at all to say.", "We ship it on Monday.\nMore follows.", "42"]
TEXT_METRICS = {"bleu", *(f"bleu_{n}" for n in (1, 2, 3, 4)), "rouge1", "rouge2", "rougeL", "rougeLsum", "exact_match"}


def test_nothing_heavy_is_imported_before_texts_are_scored():
    code = (
        "import sys, ftlab.metrics, ftlab.metrics.measures;"
        "from ftlab.metrics.generation import bootstrap, json_answers, scoring;"
        "heavy = {'evaluate', 'sacrebleu', 'rouge_score', 'nltk', 'jsonschema', 'datasets', 'torch'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_metric_has_a_unit_and_a_direction():
    scored = score_generations(GENERATIONS, REFERENCES, generated_tokens=[9, 1, 14, 2], cut=[False, False, True, False])
    assert set(scored.metrics) == TEXT_METRICS | set(LENGTHS)
    forced = score_generations(GENERATIONS, REFERENCES, suffix=TEACHER_FORCED)
    assert set(forced.metrics) == {f"{name}{TEACHER_FORCED}" for name in TEXT_METRICS}
    assert {*scored.metrics, *forced.metrics, "json_valid", "schema_valid"} == set(GENERATION)


def test_batches_score_as_the_whole():
    whole = score_generations(GENERATIONS, REFERENCES)
    scorer = Scorer()
    scorer.add_batch(GENERATIONS[:3], REFERENCES[:3])
    scorer.add_batch([], [])
    scorer.add_batch(GENERATIONS[3:], REFERENCES[3:])
    assert scorer.compute() == whole


@pytest.mark.parametrize("suffix", ["", TEACHER_FORCED])
def test_the_rows_alone_tell_every_metric_again(suffix):
    scored = score_generations(GENERATIONS, REFERENCES, suffix=suffix)
    columns = {name: [row[name] for row in scored.rows] for name in scored.rows[0]}
    assert all(name.endswith(suffix) for name in columns)
    assert generation_estimates(columns) == pytest.approx(scored.metrics, rel=1e-12, nan_ok=True)


def test_identical_texts_score_one():
    texts = ["one two three four", "Größe: 5 mal 你好 und mehr 🙂"]
    metrics = score_generations(texts, texts).metrics
    assert {name: metrics[name] for name in TEXT_METRICS} == pytest.approx(dict.fromkeys(TEXT_METRICS, 1.0))
    assert metrics["length_ratio"] == 1


def test_lengths_are_those_of_the_texts():
    metrics = score_generations(
        ["a b, c", "", "  "], ["a b", "c", "d"], generated_tokens=[5, 1, 3], cut=[True, False, False]
    ).metrics
    lengths = {name: metrics[name] for name in LENGTHS}
    assert lengths == pytest.approx(
        {
            "generated_tokens_mean": 3,
            "generated_words_mean": 4 / 3,  # the comma is one
            "reference_words_mean": 4 / 3,
            "length_ratio": 1,
            "empty_share": 2 / 3,
            "cut_share": 1 / 3,
        }
    )


def test_a_ratio_to_empty_references_is_not_known():
    assert math.isnan(score_generations(["a"], [""]).metrics["length_ratio"])


def test_json_is_counted_where_every_reference_is_json():
    metrics = score_generations(['{"a": 2}', "sorry"], ['{"a": 1}', "[1]"]).metrics
    assert metrics["json_valid"] == 1 / 2
    assert "schema_valid" not in metrics
    scored = score_generations(['{"a": 2}', "42"], ['{"a": 1}', "42"])  # a number alone is an answer in words
    assert "json_valid" not in scored.metrics and "json_valid" not in scored.rows[0]


def test_a_schema_is_held_against_every_answer(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps({"type": "object", "required": ["a"]}))
    answers = ['{"a": 2}', "{}", "sorry", '```json\n{"a": 1}\n```']
    scored = score_generations(answers, ["x"] * 4, json_schema=load_schema(path))
    assert (scored.metrics["json_valid"], scored.metrics["schema_valid"]) == (3 / 4, 1 / 2)
    assert [row["schema_valid"] for row in scored.rows] == [1, 0, 0, 1]
