"""Names of other tools. Every remedy must itself be something that can be typed."""

import pytest

from ftlab.check.aliases import known_names, remedy_for
from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order

# What every one of these tools' users types first.
ASKED_FOR = (
    "lr learning_rate epochs num_train_epochs batch_size per_device_train_batch_size max_length max_seq_length "
    "cutoff_len lora_r lora_rank lora_alpha lora_dropout target_modules gradient_accumulation_steps warmup_ratio "
    "lr_scheduler_type fp16 bf16 model_name_or_path model_name max_samples early_stopping_patience report_to "
    "resume_from_checkpoint load_in_4bit data"
).split()
# A value that each option can take; 1 for any other.
TAKES = {
    "optimizer": "adamw",
    "scheduler": "cosine",
    "adapter": "lora",
    "adapter.targets": "[query]",
    "adapter.dropout": "0.1",
    "adapter.load.quantization": "nf4",
    "adapter.load.double_quantization": "true",
    "adapter.load.compute_dtype": "float32",
    "dataset": "imdb",
    "dataset.train": "x.csv",
    "dataset.val": "x.csv",
    "dataset.test": "x.csv",
    "dataset.val_fraction": "0.1",
    "dataset.test_fraction": "0.1",
    "dataset.labels": "[a,b,c]",
    "dataset.samples": "[a,b]",
    "device": "cpu",
    "model": "minilm",
    "model.attention": "eager",
    "model.checkpoint": "google/bert",
    "model.class_weights": "[1,2,3]",
    "model.dropout": "0.1",
    "model.label_smoothing": "0.1",
    "monitor": "val/accuracy",
    "resume": "latest",
    "trainer.accelerator": "gpu",
    "trainer.precision": "16-mixed",
}


def test_the_table_has_the_names_people_type():
    assert set(ASKED_FOR) <= set(known_names())
    assert len(known_names()) > 150


def test_every_remedy_composes_and_passes_the_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("text,label\n")
    remedies = {remedy_for(name, "VALUE") for name in known_names()}
    typed = sorted(remedy.removeprefix("write ") for remedy in remedies if remedy.startswith("write "))
    assert len(typed) > 50
    lines: list[dict[str, str]] = []  # as few command lines as there are contradictions
    for remedy in typed:
        pairs = [word.split("=") for word in remedy.split()]
        words = {key: TAKES.get(key, "1") if "VALUE" in value else value for key, value in pairs}
        if words.get("dataset") == "files":
            words.setdefault("dataset.train", "x.csv")
        free = (line for line in lines if all(line.get(key, value) == value for key, value in words.items()))
        line = next(free, None)
        if line is None:
            lines.append(line := {})
        line.update(words)
    with Composer("train") as composer:
        for line in lines:
            order = make_order(parse([f"{key}={value}" for key, value in line.items()]), composer)
            assert [*order.typing_faults, *order.faults] == []


def test_names_without_a_counterpart_get_a_reason_at_the_root_only():
    assert remedy_for("load_in_4bit", "true") == "write adapter=qlora"
    assert "HF_TOKEN" in remedy_for("token", "x")
    assert remedy_for("text", "x", at_root=False) is None
    assert remedy_for("nobody_types_this", "x") is None


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("Learning-Rate", "1e-3", "write optimizer.lr=1e-3"),
        ("lr", "", "write optimizer.lr=<value>"),
        ("fp16", "true", "write trainer.precision=16-mixed"),
        ("fp16", "False", "leave it out"),
        ("lr_scheduler_type", "constant_with_warmup", "write scheduler=constant"),
        ("class_weights", "true", "write model.class_weights=balanced"),
        ("class_weights", "[1,2]", "write model.class_weights=[1,2]"),
        ("metric_for_best_model", "accuracy", "write monitor=val/accuracy"),
        ("metric_for_best_model", "val/accuracy", "write monitor=val/accuracy"),
        ("report_to", "wandb", "write tracking=mlflow"),
        ("report_to", "none", "write tracking=none"),
        ("resume_from_checkpoint", "true", "write resume=latest"),
        ("resume_from_checkpoint", "False", "leave it out"),
        ("ckpt_path", "outputs/a/checkpoints/last.ckpt", "write resume=latest"),
        ("resume_from", "outputs/a/b", "write resume=outputs/a/b"),
        ("model_name", "minilm", "write model=minilm"),
        ("model_name", "bert-base-uncased", "write model.checkpoint=bert-base-uncased"),
    ],
)
def test_remedies_keep_the_value_typed(name, value, remedy):
    assert remedy_for(name, value) == remedy
