"""Published studies: each is one command that passes its check as named, and runs to its report with tiny models."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from ftlab.command.arguments import parse
from ftlab.command.composer import Composer
from ftlab.command.order import make_order
from ftlab.command.studies import as_study
from ftlab.launch import main
from ftlab.paths import config_dir
from ftlab.results import load_result
from small import SMALL

PAGE = (Path(__file__).parents[1] / "docs" / "studies.md").read_text(encoding="utf-8")
COMMANDS = [
    line.removeprefix("ftlab ")
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.startswith("ftlab ")
]
# What each cell of a study trains, as its authors named it: model, adapter, prompt.
CELLS = {
    "mlads_imdb": [
        ("distilbert", "none", "zero_shot"),
        ("distilbert", "full", "none"),
        ("bert_large", "none", "zero_shot"),
        ("bert_large", "full", "none"),
        ("smollm2_135m", "none", "zero_shot"),
    ],
    "abb_phishing": [("bert_base", "freeze", "none")],
    "abb_linkedin": [("qwen2.5_0.5b", "none", "none"), ("smollm2_135m", "lora", "none")],
    "policy_stance": [("distilbert", "lora", "none")],
    "guide_strategies": [("minilm", adapter, "none") for adapter in ("full", "lora", "prompt_tuning", "qlora")],
    "gpt2_report": [("tiny_gpt", "full", "none")],
}
PUBLISHED = {
    "mlads_imdb": {
        "optimizer.lr": 2e-5,
        "optimizer.weight_decay": 0.01,
        "dataset.batch_size": 8,
        "dataset.max_length": 128,
        "dataset.limit.test": 100,
        "dataset.sample_per_class": 1000,
        "trainer.max_epochs": 3,
        "monitor": "val/accuracy",
    },
    "abb_phishing": {
        "optimizer.lr": 2e-4,
        "adapter.patterns": ["pooler"],
        "dataset.batch_size": 8,
        "trainer.max_epochs": 10,
        "callbacks.early_stopping.patience": 10,
    },
    "policy_stance": {
        "optimizer.lr": 2e-4,
        "adapter.rank": 8,
        "adapter.alpha": 16,
        "adapter.dropout": 0.1,
        "adapter.targets": ["q_lin", "v_lin"],
        "dataset.batch_size": 8,
        "dataset.max_length": 512,
        "trainer.max_epochs": 3,
        "trainer.val_check_interval": 20,
        "callbacks.early_stopping.patience": 2,
        "monitor": "val/accuracy",
    },
}
LINKEDIN = ["dataset.train=train.jsonl", "dataset.val=validation.jsonl"]
QUICK = [
    "trainer=cpu",
    "trainer.log_every_n_steps=2",
    "dataset.eval_batch_size=8",
    "latency={min_samples: 3, min_seconds: 0.01, max_seconds: 0.05, batch_sizes: [1]}",
]


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Stand in a folder with the copies of the data that the studies ask for."""
    reviews = [f"a {word} film, number {n},{label}" for n in range(40) for word, label in (("fine", 1), ("dull", 0))]
    csv = "text,label\n" + "".join(line.replace(", number", " number") + "\n" for line in reviews)
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.csv").write_text(csv.replace("a ", f"{name} a "))
        chats = [
            {
                "messages": [
                    {"role": "system", "content": "Their own line."},
                    {"role": "user", "content": f"{name} idea {n}"},
                    {"role": "assistant", "content": f"The post of {name} idea {n}."},
                ]
            }
            for n in range(12)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def cells(*words):
    arguments = parse(list(words))
    with Composer("train") as composer:
        order = make_order(as_study(arguments, composer), composer)
    order.raise_faults()
    return [cell.cfg for cell in order.cells]


@pytest.mark.parametrize("study", CELLS)
def test_a_study_trains_what_its_authors_named_as_they_did(copies, study):
    found = cells(f"experiment={study}", *(LINKEDIN if study == "abb_linkedin" else []))
    assert [(cfg.model.name, cfg.adapter.name, cfg.prompt.name) for cfg in found] == CELLS[study]
    assert {cfg.experiment_name for cfg in found} == {study}
    wanted = PUBLISHED.get(study, {})
    for cfg in found:
        assert {key: OmegaConf.select(cfg, key) for key in wanted} == wanted


def test_every_case_is_of_a_study_that_names_it():
    files = {path.stem: path.read_text() for path in (config_dir() / "case").glob("*.yaml")}
    studies = {path.stem: path.read_text() for path in (config_dir() / "experiment").glob("*.yaml")}
    for name, text in files.items():
        study = re.search(r"# Of (\w+)", text).group(1)
        assert name in studies[study], f"{name} can be chosen by nobody who reads {study}"


def test_the_page_has_a_command_for_each_study():
    assert {re.search(r"experiment=(\w+)", command).group(1) for command in COMMANDS} == set(CELLS) | {"prompt_saving"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if " " in command])  # the others: above
def test_every_command_of_the_page_passes_its_check(copies, capsys, command):
    assert main([*shlex.split(command), "dry_run=true"]) == 0, capsys.readouterr().err
    assert not (copies / "outputs").exists()


def test_the_long_prompt_and_the_short_one_are_told_to_the_same_rows(copies):
    from ftlab.datasets.lm_sources import read_lm_splits
    from ftlab.schema import DatasetConfig

    read = []
    for system in (None, "", "You write posts.", "A long prompt.\nWith a second line."):
        cfg = DatasetConfig(name="linkedin", train="train.jsonl", val="validation.jsonl", system=system)
        read.append(read_lm_splits(cfg))
    assert [[turn.role for turn in one.test[0].turns] for one in read] == [
        ["system", "user", "assistant"],
        ["user", "assistant"],
        ["system", "user", "assistant"],
        ["system", "user", "assistant"],
    ]
    told = ["Their own line.", "validation idea 0", "You write posts.", "A long prompt.\nWith a second line."]
    assert [one.test[0].turns[0].content for one in read] == told
    assert len({one.test_digest for one in read}) == 1, "so that one board ranks them"
    assert {turn.content for one in read for turn in one.train[3].turns[-2:]} == {
        "train idea 3",
        "The post of train idea 3.",
    }


@pytest.mark.slow
def test_a_run_on_random_weights_says_so_and_shows_each_label_before_and_after(tmp_path, capsys):
    shape = "{model_type: distilbert, dim: 32, n_layers: 1, n_heads: 2, hidden_dim: 64, vocab_size: 30522}"
    small = [word for word in SMALL if not word.startswith(("model=", "trainer.max_epochs"))]
    command = ["experiment=policy_stance", "model.init=random", f"model.architecture={shape}", "model.tokenizer=bytes"]
    quick = ["trainer.max_epochs=1", "trainer.val_check_interval=4", "dataset.max_length=64", "latency.enabled=false"]
    assert main([*command, *small, *quick, "tracking=none", f"output_dir={tmp_path}"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "weights random before training: quality says nothing" in printed and "f1 before" in printed
    (folder,) = tmp_path.glob("policy_stance/*")
    result = load_result(folder)
    assert (result.model.weights, result.model.stands_for) == ("random", None)
    assert set(result.quality.untrained["per_class"]) == {"oppose", "neutral", "support"}
    assert "random before training" in (folder / "model" / "README.md").read_text()


def report_of(folder, study):
    (sweep,) = folder.glob(f"outputs/{study}/*")
    assert (sweep / "report.html").is_file()
    return json.loads((sweep / "report.json").read_text())


@pytest.mark.slow
def test_the_published_share_of_trained_parameters(capsys):
    assert main(["plan", "experiment=policy_stance", "model.init=random", "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)
    counts = json.dumps(plan)
    assert "740355" in counts and "67696134" in counts, counts


@pytest.mark.slow
def test_mlads_imdb_ends_in_its_board(copies, capsys):
    cases = "case=mlads_slm_prompted,mlads_slm_tuned"
    rows = ["dataset.train=train.csv", "dataset.test=test.csv", "dataset.sample_per_class=20", "dataset.limit.test=20"]
    assert main(["experiment=mlads_imdb", cases, "model=tiny_bert", *rows, *QUICK, "trainer.max_epochs=1"]) == 0
    report = report_of(copies, "mlads_imdb")
    assert {(one["model"], one["prompt"]) for one in report["candidates"]} == {
        ("tiny_bert", "zero_shot"),
        ("tiny_bert", "none"),
    }
    notes = " ".join(report["notes"])
    assert "tiny_bert stands in for distilbert, which the study names" in notes
    assert "trained from random weights, or not at all" in notes
    assert "tiny_bert stands in for distilbert" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_mlads_imdb_times_the_named_shapes_without_their_weights(copies):
    cases = "case=mlads_slm_prompted,mlads_slm_tuned"
    rows = ["dataset.train=train.csv", "dataset.test=test.csv", "dataset.sample_per_class=20", "dataset.limit.test=4"]
    shape = "model.architecture={model_type: distilbert, dim: 32, n_layers: 1, n_heads: 2, hidden_dim: 64}"
    random = ["model.init=random", "adapter=none", shape, "model.tokenizer=bytes"]
    assert main(["experiment=mlads_imdb", cases, *random, *rows, *QUICK]) == 0
    report = report_of(copies, "mlads_imdb")
    assert {one["model"] for one in report["candidates"]} == {"distilbert (random weights)"}


@pytest.mark.slow
def test_abb_phishing_keeps_the_best_of_its_epochs(copies):
    rows = ["dataset.train=train.csv", "dataset.val=validation.csv", "dataset.test=test.csv"]
    words = ["experiment=abb_phishing", "model=tiny_bert", *rows, *QUICK, "trainer.max_epochs=2"]
    assert main(words) == 0
    (folder,) = copies.glob("outputs/abb_phishing/*")
    result = load_result(folder)
    assert result.quality.main["name"] == "accuracy" and "auroc" in result.quality.test
    assert result.model.stands_for == "bert_base"
    assert 0 < result.model.trainable_percent < 10, "pooler and head"


@pytest.mark.slow
def test_abb_linkedin_ranks_a_long_prompt_with_a_short_one(copies):
    few = ["generation.max_new_tokens=8", "generation.limit=4", "trainer.max_epochs=1", "latency.new_tokens=4"]
    assert main(["experiment=abb_linkedin", "model=tiny_gpt", *LINKEDIN, *QUICK, *few]) == 0
    report = report_of(copies, "abb_linkedin")
    assert len(report["candidates"]) == 2 and not report["apart"], "one set of test rows, whatever they are told"
    assert "tiny_gpt stands in for qwen2.5_0.5b" in " ".join(report["notes"])
    prompted, tuned = (load_result(path.parent) for path in sorted(copies.glob("outputs/abb_linkedin/*/*/result.json")))
    assert prompted.prompt["tokens_per_request"] > 5 * tuned.prompt["tokens_per_request"]
    assert {"perplexity", "bleu", "rougeL"} <= set(prompted.quality.test)
    assert prompted.cost.prompt_tokens > tuned.cost.prompt_tokens


@pytest.mark.slow
def test_guide_strategies_stand_side_by_side(copies):
    few = ["trainer.max_epochs=1", "dataset.limit={train: 60, val: 24, test: 30}"]
    assert main(["experiment=guide_strategies", "model=tiny_bert", *QUICK, *few]) == 0
    report = report_of(copies, "guide_strategies")
    assert {one["adapter"] for one in report["candidates"]} == {"full", "lora", "prompt_tuning", "qlora"}
