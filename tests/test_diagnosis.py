"""Trouble, seen by real trainings, and remedies, taken by the command line."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ftlab import launch
from ftlab.diagnosis.diagnose import RULES, diagnose
from ftlab.diagnosis.evidence import Evidence, Lost
from ftlab.results import RunResult, Trouble, load_result
from made_evidence import counts, evidence, writer

SUBJECTS = ["the tram", "a night bus", "the new bridge", "our library", "the market hall", "that car park", "the lido"]
GOOD, BAD = (
    ["is a joy", "works well", "was worth it", "helps us"],
    ["is a shame", "fails us", "was a waste", "hurts us"],
)
QUICK = [
    "model=tiny_bert",
    "trainer=cpu",
    "trainer.log_every_n_steps=1",
    "callbacks.early_stopping.patience=100",
    "latency.enabled=false",
    "dataset=csv",
    "dataset.eval_batch_size=64",
    "dataset.max_length=24",
]


def rows(number: int, seed: int, tail: int = 0) -> list[tuple[str, str]]:
    """Return distinct texts with labels that their words tell; ``tail`` words follow that tell nothing."""
    draw, found = random.Random(seed), []
    for row in range(number):
        label, words = draw.choice([("good", GOOD), ("bad", BAD)])
        text = f"{draw.choice(SUBJECTS)} {draw.choice(words)} {seed} {row}"
        found.append((" ".join([text, *["and so on"] * draw.randint(0, tail)]), label))
    return found


def write(path: Path, found: Sequence[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *found])
    return path


@pytest.fixture
def train(tmp_path: Path) -> Iterator[Callable[..., RunResult]]:
    """Train on rows given per split and return the record, finished or not."""

    def run(splits: dict[str, list[tuple[str, str]]], *overrides: str, code: int = 0) -> RunResult:
        files = [f"dataset.{name}={write(tmp_path / f'{name}.csv', found)}" for name, found in splits.items()]
        places = [f"output_dir={tmp_path / 'outputs'}", *files]
        assert launch.main([*QUICK, *places, *overrides]) == code
        (record,) = (tmp_path / "outputs").glob("default/*/result.json")
        return load_result(record.parent)

    yield run


def named(result: RunResult) -> dict[str, Trouble]:
    assert result.diagnosis is not None
    return {trouble.name: trouble for trouble in result.diagnosis}


def splits(train_rows: int = 160, test_rows: int = 100, **more: Any) -> dict[str, list[tuple[str, str]]]:
    return {"train": rows(train_rows, 1, **more), "val": rows(60, 2, **more), "test": rows(test_rows, 3, **more)}


def test_what_is_wrong_with_the_rows_stands_in_the_record_in_the_terminal_and_in_mlflow(
    train: Callable[..., RunResult], capsys: pytest.CaptureFixture[str]
) -> None:
    made = splits(100, 60, tail=12)
    made["train"] += made["test"][:12]
    result = train(made, "dataset.batching=fixed", "dataset.max_length=32", "trainer.max_epochs=3")
    found = named(result)
    assert {"leaked test rows", "heavy truncation"} <= set(found)
    assert found["leaked test rows"].evidence.startswith("12 of 60 test rows (20%) stand in train")
    assert found["leaked test rows"].remedy == "dataset.on_leak=drop"
    assert found["heavy truncation"].remedy == "dataset.max_length=64"
    said = capsys.readouterr().out
    assert "Trouble seen; what to add to the next run:" in said
    assert "    dataset.on_leak=drop" in said
    assert 0.0 <= (result.training.loader_wait_fraction or 0.0) < 1.0
    assert result.training.loader_wait_fraction is not None
    from mlflow.tracking import MlflowClient

    run = MlflowClient(result.run.mlflow["uri"]).get_run(result.run.mlflow["run_id"])
    assert run.data.tags["ftlab.trouble"] == ", ".join(found)


def test_a_run_whose_loss_became_no_number_says_divergence(
    train: Callable[..., RunResult], capsys: pytest.CaptureFixture[str]
) -> None:
    wild = ["optimizer=sgd", "optimizer.lr=1e30", "trainer.gradient_clip_val=null", "tracking=none"]
    result = train(splits(60, 20), *wild, "trainer.max_epochs=1", code=1)
    assert result.run.status == "failed"
    found = named(result)
    assert list(found) == ["divergence"]
    assert "the training loss is nan in epoch 1" in found["divergence"].evidence
    assert found["divergence"].remedy == "optimizer.lr=1e+29 trainer.gradient_clip_val=1"
    assert "divergence: the training loss is nan" in capsys.readouterr().err


@pytest.mark.slow
def test_weights_kept_too_soon_are_unsure_of_themselves_and_with_the_remedy_the_run_is_healthy(
    train: Callable[..., RunResult], tmp_path: Path
) -> None:
    options = ["optimizer.lr=1e-3", "trainer.max_epochs=8"]
    found = named(train(splits(400, 300), *options))  # macro F1 is 1 long before the loss has settled
    assert {name: trouble.remedy for name, trouble in found.items()} == {"miscalibration": "monitor=val/loss"}
    (tmp_path / "outputs").rename(tmp_path / "before")
    result = train(splits(400, 300), *options, "monitor=val/loss")
    assert result.quality is not None
    assert result.quality.test["accuracy"] > 0.95
    assert named(result) == {}


@pytest.mark.slow
def test_labels_that_are_noise_are_overfitted_and_the_remedy_ends_that(
    train: Callable[..., RunResult], tmp_path: Path
) -> None:
    made = splits(100, 100)
    made["train"] = [(text, random.Random(text).choice(["good", "bad"])) for text, _ in made["train"]]
    result = train(made, "optimizer.lr=1e-3", "trainer.max_epochs=24", "dataset.batch_size=8")
    found = named(result)
    assert "overfitting" in found
    assert found["overfitting"].remedy.startswith("trainer.max_epochs=")
    again = ["optimizer.lr=1e-3", "dataset.batch_size=8", *found["overfitting"].remedy.split()]
    (tmp_path / "outputs").rename(tmp_path / "before")
    assert "overfitting" not in named(train(made, *again))


@pytest.mark.slow
def test_a_training_that_ends_early_is_under_trained(train: Callable[..., RunResult]) -> None:
    options = ["optimizer.lr=1e-3", "trainer.max_epochs=3", "scheduler=constant"]
    found = named(train(splits(400, 300), *options))
    assert "under-training" in found
    assert found["under-training"].remedy == "trainer.max_epochs=6"


@pytest.mark.slow
def test_a_rate_that_moves_nothing_is_too_low(train: Callable[..., RunResult]) -> None:
    found = named(train(splits(300, 100), "optimizer.lr=1e-9", "trainer.max_epochs=3"))
    assert "learning rate too low" in found
    assert found["learning rate too low"].remedy == "optimizer.lr=1e-08"


@pytest.mark.slow
def test_a_huge_rate_is_too_high(train: Callable[..., RunResult]) -> None:
    found = named(train(splits(300, 100), "optimizer.lr=0.5", "trainer.max_epochs=3"))
    assert {"learning rate too high", "divergence"} & set(found)


@pytest.mark.slow
def test_a_label_with_few_train_rows_is_given_up(train: Callable[..., RunResult]) -> None:
    made = splits(400, 200)
    made["train"] = [row for place, row in enumerate(made["train"]) if row[1] == "good" or place % 40 == 0]
    found = named(train(made, "optimizer.lr=1e-3", "trainer.max_epochs=3"))
    assert "class collapse" in found
    assert found["class collapse"].remedy == "model.class_weights=balanced"


BASE = ["model=tiny_bert", "dataset=policy_stance"]
SPLIT_OFF = [*BASE[:1], "dataset=csv", "dataset.train={}"]
WRITES = ["model=tiny_gpt", "dataset=idea_posts"]
ASKS = ["model=tiny_gpt", "dataset=policy_stance", "prompt=zero_shot"]
OVERFITTED = ([1.1, 0.9, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1], [0.7, 0.6, 0.75, 0.95])
WIDE = {"f1_macro": (0.72, 0.90)}
OFF = {"ece": 0.16, "mean_confidence": 0.97, "accuracy": 0.81}
UNEVEN = counts((400, 160, 40), (430, 170, 0), (500, 120, 20))
NOT_TRAINED = {"steps": None, "epochs": None}
SLOW = [1.10, 1.095, 1.09, 1.083, 1.077, 1.07, 1.062, 1.055, 1.047, 1.04, 1.032, 1.025]
GUESSING = [3.9, 2.1, 1.104, 1.102, 1.106, 1.099, 1.101, 1.105, 1.100, 1.103, 1.102, 1.101]
CASES: list[tuple[str, Evidence, list[str]]] = [
    (
        "divergence",
        evidence([], [], main=(), steps=0, evidence={"lost": Lost(0, 3, 1e9, 2.0)}, precision="16-true"),
        BASE,
    ),
    ("learning rate too high", evidence(GUESSING, [1.1], main=(0.2,), clip=None, test={"loss": 1.2}), BASE),
    ("learning rate too low", evidence(SLOW, [1.02], main=(0.2,), scheduler="constant", test={"loss": 1.0}), BASE),
    ("leaked test rows", evidence(data={"leaked_rows": 60}), BASE),
    ("class collapse", evidence(labels=UNEVEN), BASE),
    (
        "class collapse",
        evidence(labels=counts(predicted=(600, 0, 0)), training=NOT_TRAINED, model={"head": "lm"}),
        ASKS,
    ),
    (
        "class collapse",
        evidence(
            labels=counts(predicted=(600, 0, 0)), training=NOT_TRAINED, model={"head": "lm"}, calibration="contextual"
        ),
        ASKS,
    ),
    ("overfitting", evidence(*OVERFITTED, main=(0.7, 0.7, 0.7, 0.7)), BASE),
    ("overfitting", writer(*OVERFITTED), WRITES),
    ("under-training", evidence(val=[1.0, 0.85, 0.72, 0.6]), BASE),
    ("under-training", evidence(val=[1.0, 0.85, 0.72, 0.6], max_steps=160, training={"epochs": 2.5}), BASE),
    ("heavy truncation", evidence(data={"truncated_rows": 700}, max_length=96), BASE),
    ("heavy truncation", evidence(data={"truncated_rows": 700}, max_length=512), ["dataset=policy_stance"]),
    ("miscalibration", evidence(test=OFF, ci95={"ece": (0.13, 0.19)}), BASE),
    ("miscalibration", evidence(kept={"loss": 1.0}, test=OFF, ci95={"ece": (0.13, 0.19)}), BASE),
    (
        "miscalibration",
        evidence(test={**OFF, "mean_confidence": 0.6}, ci95={"ece": (0.13, 0.3)}, label_smoothing=0.1),
        BASE,
    ),
    ("miscalibration", evidence(test=OFF, ci95={"ece": (0.13, 0.19)}, model={"head": "lm"}), ASKS),
    ("test set too small", evidence(ci95=WIDE, data={"test_rows": 100}, test_limit=100), BASE),
    ("test set too small", evidence(ci95=WIDE, data={"test_rows": 100}, sample_per_class=33), BASE),
    (
        "test set too small",
        evidence(ci95=WIDE, data={"test_rows": 99, "train_rows": 3000}, test_fraction=0.03),
        SPLIT_OFF,
    ),
    ("input-bound steps", evidence(training={"loader_wait_fraction": 0.5}), BASE),
    ("heavy padding", evidence(training={"padding_fraction": 0.5}, batching="fixed"), BASE),
    ("heavy padding", writer([3.0] * 8, [3.0], training={"padding_fraction": 0.5}), WRITES),
    ("loss spikes", evidence([1.1, 0.9, 0.7, 0.6, 4.4, 0.6, 0.55, 0.5, 0.5, 0.5], [0.5], main=(0.8,), clip=None), BASE),
    ("loss spikes", evidence([1.1, 0.9, 0.7, 0.6, 4.4, 0.6, 0.55, 0.5, 0.5, 0.5], [0.5], main=(0.8,)), BASE),
]


def remedy_of(name: str, made: Evidence) -> dict[str, str]:
    (found,) = [trouble.remedy for trouble in diagnose(made) if trouble.name == name]
    assert found
    return {word.partition("=")[0]: word for word in found.split()}


def checked(cfg: Callable[..., Any], base: Sequence[str], remedy: dict[str, str], rows_file: Path) -> None:
    """Compose and check a run with a remedy in place of its own overrides of the same keys."""
    kept = [word.format(rows_file) for word in base if word.partition("=")[0] not in remedy]
    cfg(*kept, *remedy.values())


def test_all_remedies_pass_the_check(cfg: Callable[..., Any], tmp_path: Path) -> None:
    """Those of different keys are typed together: composing takes a while. Apart, they are tried in a slow test."""
    together: list[tuple[list[str], dict[str, str]]] = []
    for name, made, base in CASES:
        remedy = remedy_of(name, made)
        for other, words in together:
            if other == base and not set(words) & set(remedy):
                words |= remedy
                break
        else:
            together.append((base, dict(remedy)))
    file = write(tmp_path / "rows.csv", rows(40, 1))
    for base, words in together:
        checked(cfg, base, words, file)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "made", "base"), CASES, ids=[f"{n} {i}" for i, (n, _, _) in enumerate(CASES)])
def test_each_remedy_passes_the_check(
    name: str, made: Evidence, base: list[str], cfg: Callable[..., Any], tmp_path: Path
) -> None:
    checked(cfg, base, remedy_of(name, made), write(tmp_path / "rows.csv", rows(40, 1)))


def test_every_rule_that_has_a_remedy_has_it_checked() -> None:
    assert {name for name, _, _ in CASES} == {rule.name for rule in RULES} - {"duplicate rows"}


def test_the_record_of_a_diagnosis_reads_back(tmp_path: Path) -> None:
    made = evidence(data={"leaked_rows": 60})
    made.result.save(tmp_path)
    assert load_result(tmp_path).diagnosis is None
    record = json.loads((tmp_path / "result.json").read_text())
    record["diagnosis"] = [{"name": "overfitting", "evidence": "val/loss rose", "remedy": "trainer.max_epochs=2"}]
    (tmp_path / "result.json").write_text(json.dumps(record))
    assert load_result(tmp_path).diagnosis == [Trouble("overfitting", "val/loss rose", "trainer.max_epochs=2")]
