"""Whole runs that give labels by a prompt, or carry one: its record, and the verbs that start from such runs."""

import csv
import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from ftlab.launch import main

LABELS = ["bad", "good", "so_so"]
SAID = {"bad": "late again and far too loud", "good": "on time and quiet", "so_so": "neither here nor there"}
TIMED = "latency={min_samples: 2, min_seconds: 0.01, max_seconds: 0.05, batch_sizes: [1, 4]}"
GPT = ["model=tiny_gpt", "model.architecture.initializer_range=0.1"]
SMALL = [
    *("trainer=cpu", "trainer.max_epochs=1", "dataset=files", "dataset.max_length=64", "dataset.eval_batch_size=8"),
    *("tracking=none", "seed=3"),
]
UNTIMED = "latency.enabled=false"


def record_of(folder):
    return json.loads((folder / "result.json").read_text())


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "trams.csv"
    with path.open("w", newline="") as file:
        rows = [(f"The tram number {n} is {SAID[label]}.", label) for n in range(16) for label in LABELS]
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


@pytest.fixture(scope="module")
def run(labelled, tmp_path_factory):
    def train(*words):
        outputs = tmp_path_factory.mktemp("outputs")
        assert main([*SMALL, f"dataset.train={labelled}", f"output_dir={outputs}", *words]) == 0
        (found,) = outputs.glob("*/*/result.json")
        return found.parent

    return train


@pytest.fixture(scope="module")
def few_shot(run):
    return run(*GPT, "prompt=few_shot", "prompt.shots_per_class=1", "adapter=none", TIMED)


@pytest.fixture(scope="module")
def taught(run):
    words = ["prompt.verbalisers={bad: no, good: yes, so_so: maybe}", "dataset.samples=[The tram is on time.]"]
    return run(*GPT, "prompt=zero_shot", "adapter=lora", UNTIMED, *words)


@pytest.fixture(scope="module")
def wrapped(run):
    return run("model=tiny_bert", "prompt=zero_shot", "adapter=full", UNTIMED)


def predictions(folder):
    return pd.read_parquet(folder / "predictions.parquet")


def probabilities(rows):
    return rows[[f"p_{label}" for label in LABELS]].to_numpy()


def test_record_shows_the_prompt_with_its_examples_drawn_from_train(few_shot, labelled):
    record, prompt = record_of(few_shot), record_of(few_shot)["prompt"]
    assert (record["model"]["task"], record["model"]["head"]) == ("classification", "lm")
    assert (prompt["name"], prompt["shots"], prompt["calibration"], prompt["cache"]) == (
        "few_shot",
        3,
        "contextual",
        True,
    )
    assert prompt["answers"] == {"bad": " bad", "good": " good", "so_so": " so so"} and prompt["suffix"] == "\nLabel:"
    assert "Answer with one of: bad, good, so so." in prompt["prefix"] and len(prompt["sha256"]) == 64
    examples = [line.removeprefix("Text: ") for line in prompt["prefix"].splitlines() if line.startswith("Text: The")]
    held = set(pd.read_csv(labelled).text)
    assert len(examples) == 3 and set(examples) <= held - set(predictions(few_shot).text)


def test_request_is_as_long_as_prompt_and_text_together(few_shot):
    record, rows = record_of(few_shot), predictions(few_shot)
    prompt, tokenizer = record["prompt"], AutoTokenizer.from_pretrained(few_shot / "model")
    around = len(tokenizer(prompt["prefix"] + prompt["suffix"], add_special_tokens=False)["input_ids"])
    assert prompt["prompt_tokens"] == pytest.approx(around, abs=3)
    mean = np.mean([len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in rows.text])
    assert prompt["tokens_per_request"] == pytest.approx(prompt["prompt_tokens"] + mean, abs=2)
    cost = record["cost"]
    assert cost["prompt_tokens"] == prompt["tokens_per_request"] and cost["completion_tokens"] == 0
    assert cost["usd_prompt_share"] == prompt["computed_share"] and 0 < prompt["computed_share"] < 1
    speed = record["latency"][0]["throughput_per_second"]
    assert cost["usd_per_1k_requests"] == pytest.approx(0.096 / (speed * 3600 * 0.5) * 1000)


def test_untrained_model_is_scored_once_and_as_it_came(few_shot):
    record = record_of(few_shot)
    assert record["training"]["steps"] in (0, None) and record["adapter"]["name"] == "none"
    after = {name: value for name, value in record["quality"]["test"].items() if name != "per_class"}
    assert record["quality"]["untrained"] == after
    assert record["quality"]["main"]["name"] == "f1_macro" and record["artefact"]["verified"]
    assert np.ptp(probabilities(predictions(few_shot)), axis=0).max() > 1e-3, "scores that hang on the text"


def test_label_is_the_likeliest_answer_of_plain_transformers(taught):
    """Scored one answer at a time, without a cache: mean log-likelihood of the answer's tokens."""
    prompt, rows = record_of(taught)["prompt"], predictions(taught)
    net = AutoModelForCausalLM.from_pretrained(taught / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(taught / "model")

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    opening = tokenizer("x")["input_ids"][: tokenizer("x")["input_ids"].index(ids("x")[0])]
    for row in rows.head(4).itertuples():
        scores = []
        for label in LABELS:
            answer = ids(prompt["answers"][label])
            instruction, text = prompt["prefix"].removesuffix("Text:"), f" {row.text}"
            assert instruction != prompt["prefix"], "the prompt ends in what stands before a text"
            asked = [*opening, *ids(instruction), *ids("Text:"), *ids(text), *ids(prompt["suffix"])]
            with torch.inference_mode():
                logits = net(torch.tensor([asked + answer])).logits[0, len(asked) - 1 : -1]
            scores.append(float(logits.log_softmax(-1)[range(len(answer)), answer].mean()))
        assert row.prediction == LABELS[int(np.argmax(scores))]
        expected = np.exp(scores) / np.exp(scores).sum()
        assert [getattr(row, f"p_{label}") for label in LABELS] == pytest.approx(expected, abs=1e-4)


def test_teaching_the_answers_helps(taught):
    quality = record_of(taught)["quality"]
    assert quality["test"]["loss"] < quality["untrained"]["loss"]
    assert record_of(taught)["prompt"]["answers"] == {"bad": " no", "good": " yes", "so_so": " maybe"}


@pytest.mark.parametrize(
    "kind", ["few_shot", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("taught", "wrapped"))]
)
def test_evaluate_and_predict_ask_as_the_run_did(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)
    before, then = record_of(folder), predictions(folder)
    assert main(["evaluate", str(folder), f"output_dir={tmp_path}", "tracking=none", UNTIMED]) == 0
    (again,) = (path.parent for path in tmp_path.glob("*/*/result.json"))
    now = record_of(again)
    for name, value in before["quality"]["test"].items():
        assert now["quality"]["test"][name] == (value if name == "per_class" else pytest.approx(value, abs=1e-5)), name
    assert now["prompt"] == {
        **before["prompt"],
        "tokens_per_request": pytest.approx(before["prompt"]["tokens_per_request"]),
    }
    found = predictions(again)
    assert found.prediction.tolist() == then.prediction.tolist()
    np.testing.assert_allclose(probabilities(found), probabilities(then), atol=1e-5)

    then[["text"]].to_csv(tmp_path / "in.csv", index=False)
    assert main(["predict", str(folder), f"input={tmp_path / 'in.csv'}", f"output={tmp_path / 'out.csv'}"]) == 0
    answered = pd.read_csv(tmp_path / "out.csv")
    assert answered.prediction.tolist() == then.prediction.tolist()
    np.testing.assert_allclose(probabilities(answered), probabilities(then), atol=1e-4)


def test_one_text_gets_a_label(taught, capsys):
    assert main(["predict", str(taught), "text=The tram number 3 is on time and quiet."]) == 0
    out = capsys.readouterr().out
    assert all(label in out for label in LABELS)


def test_text_of_an_encoder_is_wrapped_and_the_prompt_saved_beside_it(wrapped):
    record, rows = record_of(wrapped), predictions(wrapped)
    assert record["model"]["head"] == "classification" and record["prompt"]["name"] == "zero_shot"
    net = AutoModelForSequenceClassification.from_pretrained(wrapped / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(wrapped / "model")
    texts = [f"{record['prompt']['prefix']} {text}" for text in rows.text]
    with torch.inference_mode():
        encoded = tokenizer(texts, truncation=True, max_length=64, padding=True, return_tensors="pt")
        logits = net(**encoded).logits
    np.testing.assert_allclose(probabilities(rows), logits.softmax(-1).numpy(), atol=1e-5)
    assert record["prompt"]["tokens_per_request"] == pytest.approx(
        encoded["attention_mask"].sum(1).float().mean().item()
    )
    saved = json.loads((wrapped / "model" / "ftlab.json").read_text())
    assert saved["prompt"]["name"] == "zero_shot"


@pytest.mark.slow
def test_causal_model_without_a_prompt_carries_a_head(run):
    folder = run(*GPT, "adapter=full", UNTIMED, "dataset.batch_size=4")
    record, rows = record_of(folder), predictions(folder)
    assert (record["model"]["task"], record["model"]["head"], record["prompt"]["name"]) == ("classification",) * 2 + (
        "none",
    )
    net = AutoModelForSequenceClassification.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    with torch.inference_mode():
        encoded = tokenizer(rows.text.tolist(), truncation=True, max_length=64, padding=True, return_tensors="pt")
        numbers = net(**encoded).logits.argmax(-1).tolist()
    assert [net.config.id2label[n] for n in numbers] == rows.prediction.tolist()


def test_prompt_has_one_digest_whatever_is_trained(few_shot, taught):
    digests = [record_of(folder)["prompt"]["sha256"] for folder in (few_shot, taught)]
    assert len(set(digests)) == 2
    saved = json.loads((taught / "model" / "ftlab.json").read_text())["prompt"]
    assert hashlib.sha256(json.dumps(saved, sort_keys=True).encode()).hexdigest() == digests[1]
