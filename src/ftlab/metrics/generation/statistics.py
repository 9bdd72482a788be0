"""The numbers kept per row, by name: columns of predictions.parquet. Imports nothing heavy."""

from __future__ import annotations

ORDERS = (1, 2, 3, 4)
BLEU_MATCHES = tuple(f"bleu_matches_{n}" for n in ORDERS)  # n-grams of the generation that the reference has too
BLEU_TOTALS = tuple(f"bleu_ngrams_{n}" for n in ORDERS)  # n-grams of the generation
GENERATED_WORDS = "generated_words"  # sacrebleu's 13a
REFERENCE_WORDS = "reference_words"
ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")  # F-measures in [0, 1]
EXACT = "exact_match"  # 0 or 1, as the four below
EMPTY = "empty_generation"
JSON_VALID = "json_valid"
SCHEMA_VALID = "schema_valid"
CUT = "cut_generation"  # ended by generation.max_new_tokens
GENERATED_TOKENS = "generated_tokens"  # the model's own tokens
LOSS_SUM = "loss_sum"  # nats over the supervised tokens of the row
SUPERVISED_TOKENS = "supervised_tokens"
TEACHER_FORCED = "_teacher_forced"

# Means over rows of a column: metric -> column.
MEANS = {
    **{name: name for name in ROUGE},
    "exact_match": EXACT,
    "json_valid": JSON_VALID,
    "schema_valid": SCHEMA_VALID,
    "generated_tokens_mean": GENERATED_TOKENS,
    "generated_words_mean": GENERATED_WORDS,
    "reference_words_mean": REFERENCE_WORDS,
    "empty_share": EMPTY,
    "cut_share": CUT,
}
# How long a teacher-forced answer is says nothing: it has as many tokens as the reference.
LENGTHS = (*(name for name in MEANS if name.endswith(("_mean", "_share"))), "length_ratio")
