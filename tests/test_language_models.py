"""Whole runs of a tiny model that learns to write: what is left of them, and the verbs that start from them."""

import dataclasses
import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from mlflow.tracking import MlflowClient
from transformers import AutoModelForCausalLM, AutoTokenizer

from ftlab import results
from ftlab.launch import main
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.paths import latest_run
from ftlab.streams import chunks

TIMED = "latency={min_samples: 2, min_seconds: 0.01, max_seconds: 0.05, batch_sizes: [1, 4], new_tokens: 4}"
SMALL = [
    *("model=tiny_gpt", "model.architecture.initializer_range=0.1", "trainer=cpu", "trainer.max_epochs=1"),
    *("dataset=files", "dataset.max_length=64", "dataset.batch_size=8", "dataset.eval_batch_size=8"),
    *("generation={max_new_tokens: 10, limit: 4, table_rows: 3}", "seed=3"),
]
BARE = ["tracking=none", "latency.enabled=false"]
WORDS = "tram bridge river market garden school library station harbour tower".split()


def turns(*texts):
    return [{"role": "user" if n % 2 == 0 else "assistant", "content": text} for n, text in enumerate(texts)]


def chats(path, count=40):
    """Conversations of two and of four turns, each with words of its own."""
    rows = []
    for n in range(count):
        one, two = WORDS[n % 10], WORDS[n // 10 + 3]
        short = turns(f"Say {one} {n}.", f"The {one} stands by the {two}.")
        rows.append({"messages": short if n % 3 else [*short, *turns(f"And {two}?", f"It is number {n} of them.")]})
    return lines(path, rows)


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def record_of(folder):
    return json.loads((folder / "result.json").read_text())


def only_run(outputs):
    (found,) = outputs.glob("*/*/result.json")
    return found.parent


def train(folder, rows, *words):
    assert main([*SMALL, f"dataset.train={rows}", f"output_dir={folder}", *words]) == 0
    return only_run(folder)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return tmp_path_factory.mktemp("writes")


@pytest.fixture(scope="module")
def folder(outputs, tmp_path_factory):
    rows = chats(tmp_path_factory.mktemp("data") / "chats.jsonl")
    return train(outputs, rows, "adapter=full", TIMED, "experiment_name=tram")


@pytest.fixture(scope="module")
def record(folder):
    return record_of(folder)


@pytest.fixture(scope="module")
def rows(folder):
    return pd.read_parquet(folder / "predictions.parquet")


def test_run_folder_holds_every_file_of_a_model_that_writes(folder):
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {
        *("config.yaml", "result.json", "predictions.parquet", "history.parquet", "latency.parquet", "run.log"),
        *("generations.json", "report_card.md", "plots/loss_curve.png", "plots/latency.png"),
        *(f"model/{name}" for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")),
        *("model/ftlab.json", "model/README.md"),
    } <= files
    assert not {"plots/confusion_matrix.png", "plots/calibration.png", ".lock"} & files


def test_record_has_every_key_and_says_what_the_model_is_for(record):
    sections = {
        "run": results.RunInfo,
        "model": results.ModelInfo,
        "dataset": results.DatasetInfo,
        "quality": results.Quality,
        "training": results.TrainingStats,
        "cost": results.Cost,
        "energy": results.Energy,
        "artefact": results.Artefact,
    }
    for name, kind in sections.items():
        assert set(record[name]) == {f.name for f in dataclasses.fields(kind)}, name
    assert (record["model"]["task"], record["model"]["head"]) == ("causal_lm", "lm")
    assert record["dataset"]["labels"] == [] and record["dataset"]["test_rows"] == 8
    assert record["prompt"]["style"] == "chat" and record["prompt"]["chat_template"] == "plain"
    assert len(record["prompt"]["chat_template_sha256"]) == 64
    assert record["artefact"]["verified"] and record["artefact"]["max_abs_logit_difference"] < 1e-3
    assert record["quality"]["main"] == {"name": "loss", "split": "test", "direction": "min"}


def test_training_helps_and_perplexity_is_that_of_the_loss(record):
    before, after = record["quality"]["untrained"], record["quality"]["test"]
    assert after["perplexity"] < before["perplexity"]
    for metrics in (before, after, record["quality"]["val"]):
        assert metrics["perplexity"] == pytest.approx(math.exp(metrics["loss"]), rel=1e-6)
    assert set(before) == set(after) and {"bleu", "rougeLsum", "exact_match", "bleu_teacher_forced"} <= set(after)


def test_loss_is_that_of_the_tokens_of_all_rows(rows, record):
    assert len(rows) == 8 and rows.supervised_tokens.min() > 0
    assert record["quality"]["test"]["loss"] == pytest.approx(rows.loss_sum.sum() / rows.supervised_tokens.sum())
    low, high = record["quality"]["test_ci95"]["perplexity"]
    assert low <= record["quality"]["test"]["perplexity"] <= high


def test_some_rows_are_answered_spread_over_the_split(rows):
    answered = rows.generation.notna()
    assert answered.tolist() == [True, False, True, False, False, True, False, True]
    assert rows.rouge1.notna().tolist() == rows.bleu_ngrams_4.notna().tolist() == answered.tolist()
    assert rows.prompt.str.contains("User:\nSay").all() and rows.prompt.str.endswith("Assistant:\n").all()


def test_answers_are_what_plain_transformers_writes(folder, rows):
    net = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    answered = rows[rows.generation.notna()]
    assert len(set(answered.generation)) > 1, "a model that always says the same shows nothing"
    for row in answered.itertuples():
        ids = tokenizer(row.prompt, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            whole = net.generate(**ids, max_new_tokens=10, do_sample=False)
        text = tokenizer.decode(whole[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert text.strip() == row.generation.strip()


def test_template_in_the_model_folder_writes_the_prompts(folder, rows):
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    single = next(prompt for prompt in rows.prompt if prompt.count("User:") == 1)
    question = single.split("User:\n")[1].split("\n\nAssistant:")[0]
    asked = tokenizer.apply_chat_template(turns(question), add_generation_prompt=True, tokenize=False)
    assert asked == single


def test_table_of_answers_has_those_before_training(folder, rows):
    table = pd.read_json(folder / "generations.json", orient="split")
    assert list(table.columns) == ["row_id", "prompt", "reference", "before", "after"] and len(table) == 3
    answered = rows[rows.generation.notna()].head(3)
    assert table.after.tolist() == answered.generation.tolist() and table.row_id.tolist() == answered.row_id.tolist()
    assert table.reference.tolist() == answered.reference.tolist()
    assert (table.before != table.after).any()
    card = (folder / "report_card.md").read_text()
    assert card.count("| generated |") == 2 and card.count("| teacher-forced |") == 2 and "nan" not in card


def test_request_is_priced_by_its_prompt_and_its_answer(record):
    cost, row = record["cost"], record["latency"][0]
    assert [r["batch_size"] for r in record["latency"]] == [1, 4] and row["ttft_ms"] > 0 and row["inter_token_ms"] > 0
    assert cost["completion_tokens"] == record["quality"]["test"]["generated_tokens_mean"]
    seconds = (row["ttft_ms"] + (cost["completion_tokens"] - 1) * row["inter_token_ms"]) / 1000
    assert cost["usd_per_1k_requests"] == pytest.approx(0.096 * seconds / 3600 / 0.5 * 1000)
    assert cost["usd_per_1m_tokens"] == pytest.approx(0.096 / (row["tokens_per_second"] * 3600 * 0.5) * 1e6)
    assert cost["prompt_tokens"] == record["prompt"]["tokens_per_request"] > 5 and 0 < cost["usd_prompt_share"] < 1


def test_mlflow_holds_the_same_numbers_and_the_table(record, outputs):
    client = MlflowClient(f"sqlite:///{outputs / 'mlflow.db'}")
    run = client.get_run(record["run"]["mlflow"]["run_id"])
    for name in ("perplexity", "bleu", "rougeL", "bleu_teacher_forced"):
        assert run.data.metrics[f"test/{name}"] == pytest.approx(record["quality"]["test"][name])
        assert run.data.metrics[f"untrained/{name}"] == pytest.approx(record["quality"]["untrained"][name])
    assert {"generations.json", "result.json"} <= {f.path for f in client.list_artifacts(run.info.run_id)}
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"]) == [{"path": "generations.json", "type": "table"}]


def test_own_rows_give_the_numbers_and_the_answers_of_the_run(folder, record, rows, outputs, monkeypatch):
    monkeypatch.setenv("FTLAB_ALLOW", "torchmetrics")
    own = "metrics.own._target_=torchmetrics.text.Perplexity"  # fed with logits and tokens
    assert main(["evaluate", str(folder), f"output_dir={outputs}", TIMED, "tracking=none", own]) == 0
    (again,) = (path.parent for path in outputs.glob("tram/*_evaluate_*/result.json"))
    now = record_of(again)
    assert now["dataset"]["test_digest"] == record["dataset"]["test_digest"]
    assert now["quality"]["test"].pop("own") == pytest.approx(now["quality"]["test"]["perplexity"], rel=1e-4)
    assert set(now["quality"]["test"]) == set(record["quality"]["test"])
    for name, value in record["quality"]["test"].items():
        assert now["quality"]["test"][name] == (value if value is None else pytest.approx(value, abs=1e-6, rel=1e-5)), (
            name
        )
    found = pd.read_parquet(again / "predictions.parquet")
    for column in ("row_id", "prompt", "reference"):
        assert found[column].tolist() == rows[column].tolist()
    assert found.generation.fillna("").tolist() == rows.generation.fillna("").tolist()
    assert found.loss_sum.tolist() == pytest.approx(rows.loss_sum.tolist(), abs=1e-4)
    assert (
        now["run"]["verb"] == "evaluate" and now["quality"]["untrained"] == {} and now["model"]["task"] == "causal_lm"
    )


# predict and chat


TEXTS = [f"Say {word} {n}." for n, word in enumerate(WORDS)]


@pytest.fixture(scope="module")
def generator(folder, record):
    from ftlab.schema import GenerationConfig
    from ftlab.verbs.loading import load_writer

    return load_writer(folder, results.load_result(folder), "cpu", GenerationConfig(max_new_tokens=10, seed=0))


def answers(generator, texts):
    return generator.generate([generator.text_prompt(text, raw=False) for text in texts])


def predict(folder, *words):
    return main(["predict", str(folder), "generation.max_new_tokens=10", *words])


def test_one_text_is_answered_on_stdout_alone(folder, generator, capsys):
    assert predict(folder, f"text={TEXTS[0]}") == 0
    assert capsys.readouterr().out == answers(generator, TEXTS[:1])[0].text + "\n"


def test_rows_of_a_file_get_an_answer_and_what_ended_it(folder, generator, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chunks, "MOST_ROWS", 3)
    pd.DataFrame({"id": range(10), "text": TEXTS}).to_csv("in.csv", index=False)
    assert predict(folder, "input=in.csv", "output=whole.csv") == 0
    found, wanted = pd.read_csv("whole.csv", keep_default_na=False), answers(generator, TEXTS)
    assert list(found.columns) == ["id", "text", "prediction", "finish_reason"] and found.text.tolist() == TEXTS
    assert found.prediction.tolist() == [one.text for one in wanted]
    assert found.finish_reason.tolist() == ["length" if one.stopped == "length" else "stop" for one in wanted]
    assert "10 rows in whole.csv" in capsys.readouterr().out

    from ftlab.generator import TorchGenerator

    generate, calls = TorchGenerator.generate, []

    def broken(self, prompts):
        calls.append(len(prompts))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return generate(self, prompts)

    with monkeypatch.context() as patch:
        patch.setattr(TorchGenerator, "generate", broken)
        assert predict(folder, "input=in.csv", "output=out.csv") == 130
    assert calls == [3, 3, 3] and not Path("out.csv").exists()
    assert predict(folder, "input=in.csv", "output=out.csv") == 0
    assert "goes on after 6 rows" in capsys.readouterr().err
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()


def chat(folder, monkeypatch, typed, *words):
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main(["chat", str(folder), "generation.max_new_tokens=10", *words])


def test_chat_answers_each_line_with_what_was_said_before(folder, generator, monkeypatch, capsys):
    from ftlab.prompts.turns import Turn

    typed = f"{TEXTS[0]}\n\n{TEXTS[1]}\n/reset\n{TEXTS[0]}\n/nonsense now\n/exit\nnever read\n"
    assert chat(folder, monkeypatch, typed) == 0
    (first,) = answers(generator, TEXTS[:1])
    second = Turn("user", TEXTS[0]), Turn("assistant", first.text), Turn("user", TEXTS[1])
    (after,) = generator.generate([generator.chat_prompt(second)])
    forgotten, unknown = "(forgotten)\n", "(/nonsense is no command; /reset forgets the conversation, "
    out = capsys.readouterr().out
    assert out.startswith(f"{first.text}\n{after.text}\n{forgotten}{first.text}\n{unknown}")
    assert out.count("\n") == 5 and "never" not in out


def test_chat_leaves_the_oldest_turns_out_of_a_full_context(folder, monkeypatch, capsys):
    long = "the tram and the bridge and the river " * 3
    assert chat(folder, monkeypatch, f"{long}\n{long}\n", "system=You are brief.") == 0
    assert "(the context is full: the oldest 2 turns are left out)" in capsys.readouterr().out


def test_chat_ends_with_its_input(folder, monkeypatch, capsys):
    assert chat(folder, monkeypatch, "") == 0
    assert capsys.readouterr().out == ""


# other data, other options


@pytest.mark.slow
def test_prompts_with_completions_stand_by_themselves(tmp_path, monkeypatch, capsys):
    pairs = [{"prompt": f"{word} {n} =", "completion": f" {n} {word}"} for n in range(3) for word in WORDS]
    folder = train(
        tmp_path / "out", lines(tmp_path / "pairs.jsonl", pairs), *BARE, "adapter=lora", "dataset.loss_on=all"
    )
    record, rows = record_of(folder), pd.read_parquet(folder / "predictions.parquet")
    assert record["prompt"]["style"] == "plain" and record["adapter"]["name"] == "lora"
    assert record["artefact"]["verified"] and record["latency"] == [] and record["cost"]["usd_per_1k_requests"] is None
    assert rows.prompt.str.endswith("=").all() and not rows.prompt.str.contains("User:").any()
    assert set(rows.reference) <= {pair["completion"] for pair in pairs}
    answered = rows[rows.generation.notna()].iloc[0]
    capsys.readouterr()
    assert predict(folder, f"text={answered.prompt.removeprefix('[CLS]')}") == 0
    assert capsys.readouterr().out == answered.generation + "\n"
    assert chat(folder, monkeypatch, "tram 1 =\n") == 0


def test_plain_text_is_learned_in_blocks_packed_or_not(tmp_path):
    text = tmp_path / "book.txt"
    text.write_text("\n\n".join(f"The {a} of the {b} is far from the {a}." for a in WORDS for b in WORDS))
    folder = train(tmp_path / "out", text, *BARE, "adapter=full")
    record, rows = record_of(folder), pd.read_parquet(folder / "predictions.parquet")
    assert record["prompt"]["style"] == "plain" and record["dataset"]["test_rows"] == 1 < len(rows)
    assert (
        rows.row_id.is_unique and record["quality"]["test"]["perplexity"] < record["quality"]["untrained"]["perplexity"]
    )


@pytest.mark.slow
def test_packed_batches_take_fewer_steps_and_a_run_without_texts_keeps_only_numbers(tmp_path, monkeypatch):
    rows = chats(tmp_path / "chats.jsonl")
    words = [*BARE, "adapter=full", "dataset.batching=packed", "dataset.max_length=128", "dataset.batch_size=4"]
    ended = []
    step = CausalLMModule.training_step
    monkeypatch.setattr(CausalLMModule, "training_step", lambda self, *rest: ended.append(1) or step(self, *rest))
    folder = train(tmp_path / "out", rows, *words, "generation.enabled=false", "predictions.text=false")
    record = record_of(folder)
    assert record["training"]["steps"] == len(ended) < 28 / 4
    assert record["quality"]["test"]["loss"] < record["quality"]["untrained"]["loss"]
    assert set(record["quality"]["test"]) == {"loss", "perplexity"}
    assert not (folder / "generations.json").exists() and not (folder / "report_card.md").exists()
    columns = set(pd.read_parquet(folder / "predictions.parquet").columns)
    assert columns == {"row_id", "text_hash", "loss_sum", "supervised_tokens"}


def test_untrained_model_is_measured_as_it_is(tmp_path, capsys):
    rows = chats(tmp_path / "chats.jsonl")
    folder = train(
        tmp_path / "out", rows, *BARE, "adapter=none", "dataset.samples=[Say tram.]", "model.chat_template=chatml"
    )
    record = record_of(folder)
    assert record["quality"]["untrained"] == record["quality"]["test"] and record["training"]["steps"] in (0, None)
    assert record["prompt"]["chat_template"] == "chatml" and "Say tram." in capsys.readouterr().out
    prompts = pd.read_parquet(folder / "predictions.parquet").prompt
    assert prompts.str.endswith("<|im_start|>assistant\n").all()


@pytest.mark.slow
def test_stopped_run_goes_on_and_ends_like_its_twin(tmp_path, monkeypatch):
    rows = chats(tmp_path / "chats.jsonl")
    words = [*BARE, "adapter=full", "trainer.max_epochs=2"]
    twin = train(tmp_path / "twin", rows, *words)
    step = CausalLMModule.training_step

    def stopping(self, *rest):
        if self.trainer.global_step == 6:
            raise SystemExit(143)
        return step(self, *rest)

    whole = [*SMALL, f"dataset.train={rows}", f"output_dir={tmp_path / 'out'}", *words]
    with monkeypatch.context() as patch:
        patch.setattr(CausalLMModule, "training_step", stopping)
        assert main(whole) == 143
    assert main([*whole, "resume=latest"]) == 0
    folder = latest_run(tmp_path / "out")
    assert record_of(folder)["quality"] == record_of(twin)["quality"]
    for name in ("generations.json", "model/model.safetensors"):
        assert (folder / name).read_bytes() == (twin / name).read_bytes()


@pytest.mark.slow
def test_run_that_goes_on_with_other_answers_has_none_from_before(tmp_path, monkeypatch):
    rows = chats(tmp_path / "chats.jsonl")
    whole = [*SMALL, f"dataset.train={rows}", f"output_dir={tmp_path}", *BARE, "adapter=full"]
    with monkeypatch.context() as patch:
        patch.setattr(CausalLMModule, "training_step", lambda self, *rest: (_ for _ in ()).throw(SystemExit(143)))
        assert main(whole) == 143
    folder = only_run(tmp_path)
    assert main([*whole, f"resume={folder}", "resume_policy=changed", "generation.limit=2"]) == 0
    table = pd.read_json(folder / "generations.json", orient="split")
    assert len(table) == 2 and table.before.isna().all() and table.after.notna().all()
