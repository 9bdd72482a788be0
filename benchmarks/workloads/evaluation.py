"""How fast a test split is scored."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments, pipeline

from benchmarks import runner
from benchmarks.sides import Built, build, config, dataset_of, quiet, sst2
from ftlab.allocator import keep_freed_memory

NAME = "evaluation"
WHAT = (
    "Rows per second of a pass over texts with MiniLM, cut at 128 tokens: our test pass (longest first, batches of "
    "32) and `predict`, against Hugging Face's Trainer.predict at its defaults (batches of 8) and the transformers "
    "pipeline (batches of 16). Freed memory is kept for all; logits agree within 1e-4."
)

_QUIET = ("tracking.enabled=false", "trainer.enable_progress_bar=false")


def measure(quick: bool) -> list[runner.Line]:
    """Return our ratios on short sentences, and on a mix of sentences and reviews."""
    quiet()
    keep_freed_memory()
    lines, pairs = [], 2 if quick else 6
    with tempfile.TemporaryDirectory() as place:
        for name, sentences, reviews in (("SST-2", 480, 0), ("sentences and reviews", 240, 80)):
            rows = _rows("sst2/dev.csv", sentences // (8 if quick else 1)) + _rows("imdb/test.csv", reviews)
            path = Path(place) / f"{sentences}.csv"
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("text", "label"), *rows])
            built = build(config([*sst2(*_QUIET), f"dataset.test={path}"]), Path(place), callbacks=False)
            lines += _compare(name, built, [text for text, _ in rows], Path(place), pairs)
    return lines


def _rows(name: str, most: int) -> list[tuple[str, str]]:
    if not most:
        return []
    folder, file = name.split("/")
    with (runner.data(folder) / file).open(newline="", encoding="utf-8") as stream:
        found = [(row["text"], row["label"]) for row in csv.DictReader(stream)]
    return found[:: max(1, len(found) // most)][:most]


def _compare(name: str, built: Built, texts: list[str], place: Path, pairs: int) -> list[runner.Line]:
    module, data, trainer = built.parts.module, built.material.data, built.parts.trainer
    options = TrainingArguments(output_dir=str(place), report_to="none", use_cpu=True, disable_tqdm=True)
    collate = DataCollatorWithPadding(built.material.tokenizer.tokenizer)
    other = Trainer(built.net, options, collate)
    rows, predictor = dataset_of(data._loaded["test"].data), module.predictor()
    pipe = pipeline("text-classification", built.net, tokenizer=built.material.tokenizer.tokenizer, device="cpu")
    kept: dict[str, np.ndarray] = {}

    def test() -> None:
        trainer.test(module, data.test_dataloader(), verbose=False)
        kept["test"] = module.scores().logits

    def predict() -> None:
        kept["predict"] = predictor.score(texts)

    def trainer_predict() -> None:
        kept["Trainer"] = other.predict(rows).predictions

    def pipe_predict() -> None:
        given = {"truncation": True, "max_length": 128, "function_to_apply": "none", "top_k": None}
        kept["pipeline"] = _sorted(pipe(texts, batch_size=16, **given), built)

    def equal() -> None:
        names = list(kept)
        for found in names[1:]:
            apart = float(np.abs(kept[found] - kept[names[0]]).max())
            if apart > 1e-4:
                raise runner.Unequal(f"logits of {names[0]} and {found} differ by {apart}")

    lines = []
    ours_and_theirs: list[tuple[str, Any, str, Any, str]] = [
        ("our test pass over Trainer.predict", test, "Trainer.predict", trainer_predict, ">= 1"),
        ("our predict over the pipeline", predict, "pipeline", pipe_predict, ">= 1"),
    ]
    for question, us, label, them, wanted in ours_and_theirs:
        kept.clear()
        with torch.no_grad():
            timed = runner.Workload(us, them, equal).measure(pairs)
        lines.append(
            runner.compared(
                NAME,
                f"{name}: rows/s, {question}",
                runner.rates(timed, len(texts)),
                ours="ftlab",
                other=label,
                unit="rows/s",
                wanted=wanted,
                note=f"{len(texts)} rows, {data.mean_test_tokens:.0f} tokens each on average.",
            )
        )
    return lines


def _sorted(found: list[Any], built: Built) -> np.ndarray:
    names = [built.net.config.id2label[i] for i in range(built.net.config.num_labels)]  # type: ignore[union-attr]
    scores = [{entry["label"]: entry["score"] for entry in row} for row in found]
    return np.array([[row[name] for name in names] for row in scores])
