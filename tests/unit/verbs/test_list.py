"""``ftlab list`` as it is typed."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ftlab.command.help import EXAMPLES
from ftlab.launch import main
from made_runs import save_run, save_state, save_sweep


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


def say(capsys, *words):
    assert main(["list", *words]) == 0
    return capsys.readouterr()


def listed(capsys, *words):
    return [run["name"] for run in json.loads(say(capsys, *words, "--json").out)]


def test_no_run_says_how_to_make_one(capsys):
    assert say(capsys) == ("no run lies below outputs; make one with: python -m ftlab\n", "")
    printed = say(capsys, "--json")
    assert printed.out == "[]\n" and printed.err.startswith("no run lies below outputs")


def test_runs_of_a_folder_are_shown(capsys):
    save_run(Path("elsewhere/e/run_0a"), model="minilm")
    text = say(capsys, "elsewhere").out
    assert "1 run" in text and "minilm" in text and "elsewhere/e/run_0a" in text
    assert say(capsys, "output_dir=elsewhere").out == text


def test_json_holds_every_key_with_full_precision_and_null_for_unknown(capsys):
    save_run(Path("outputs/e/run_0a"), model="minilm", main=1 / 3, usd=None, started="2026-01-01T00:00:00+00:00")
    (run,) = json.loads(say(capsys, "--json").out)
    assert run == {
        "id": "0a",
        "name": "minilm_lora",
        "verb": "train",
        "status": "finished",
        "error": None,
        "experiment": "e",
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:20:00+00:00",
        "seed": 42,
        "model": "minilm",
        "adapter": "lora",
        "dataset": "policy_stance",
        "main_metric": "f1_macro",
        "main_value": 1 / 3,
        "main_direction": "max",
        "p50_ms": 12.34,
        "usd_per_1k_requests": None,
        "parent": None,
        "sweep": None,
        "sweep_folder": None,
        "folder": "outputs/e/run_0a",
    }


def test_filters_take_words_as_they_are(capsys):
    save_run(Path("outputs/e/a"), model="minilm", adapter="lora")
    save_run(Path("outputs/f/b"), model="minilm", adapter="full", dataset="imdb", main=0.9)
    save_run(Path("outputs/f/c"), model="bert_base", adapter="full", status="failed", error="boom")
    save_run(Path("outputs/f/d"), model="bert_base", adapter="lora", verb="evaluate")
    assert listed(capsys, "model=minilm", "adapter=lora,full", "sort=main") == ["minilm_full", "minilm_lora"]
    assert listed(capsys, "status=failed,killed") == ["bert_base_full"]
    assert listed(capsys, "dataset=imdb") == listed(capsys, "experiment=f", "sort=main", "limit=1") == ["minilm_full"]
    assert listed(capsys, "verb=evaluate") == ["bert_base_lora"]
    assert listed(capsys, "model={mini'lm") == []


def test_a_filter_that_nothing_passes_says_what_there_is(capsys):
    save_run(Path("outputs/e/a"), model="minilm")
    assert say(capsys, "model=minlm").out == ("no run has model=minlm; did you mean model=minilm? There are: minilm\n")
    printed = say(capsys, "model=minlm", "--json")
    assert printed.out == "[]\n" and "There are: minilm" in printed.err


def test_the_terminal_gets_twenty_and_a_word_on_the_rest(capsys):
    for number in range(25):
        save_run(Path(f"outputs/e/run_{number:02}"), started=f"2026-01-{number + 1:02}T00:00:00+00:00")
    text = say(capsys).out
    assert text.count("  outputs/e/run_") == 20 and "run_24" in text and "run_04" not in text
    assert text.endswith("20 of 25 runs are shown; limit=25 shows all\n")
    assert say(capsys, "limit=25").out.count("  outputs/e/run_") == 25
    assert len(listed(capsys)) == 25 and len(listed(capsys, "limit=3")) == 3


def test_a_broken_record_is_a_line_and_no_failure(capsys):
    save_run(Path("outputs/e/good"))
    (save_run(Path("outputs/e/bad")) / "result.json").write_text("{")
    text = say(capsys).out
    assert "2 runs" in text and "broken: outputs/e/bad/result.json is not valid JSON" in text


def test_hydra_shows_the_defaults_whatever_is_filtered(capsys):
    assert "base_list" in say(capsys, "--info", "defaults", "model=minilm", "adapter=lora").out
    assert "model: minilm" in say(capsys, "--cfg", "job", "model=minilm").out


@pytest.mark.parametrize("line", [line for line, _ in EXAMPLES["list"]])
def test_the_examples_of_the_help_are_understood(capsys, line):
    words = line.replace("/data/outputs", ".").split()
    assert words[:2] == ["ftlab", "list"]
    save_run(Path("outputs/e/a"), dataset="imdb", status="failed", error="boom")
    assert "imdb" in say(capsys, *words[2:]).out


def test_a_reader_that_has_seen_enough_is_no_failure():
    for number in range(20):
        save_run(Path(f"outputs/e/run_{number:02}"))
    code = "import sys; from ftlab.launch import main; sys.exit(main(['list', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()  # as `| true` does
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.slow
def test_300_runs_take_a_moment_and_nothing_heavy():
    sweep = save_sweep(Path("outputs/e/sweep_0a"))
    for number in range(200):
        save_run(sweep / f"{number}_x" if number % 2 else Path(f"outputs/e/run_{number}"))
    for number in range(100):
        save_state(Path(f"outputs/e/begun_{number}"))
    code = (
        "import sys; from ftlab.launch import main; main(['list', 'limit=300']);"
        "print(sorted({'torch', 'transformers', 'lightning', 'mlflow', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "100 of 100 jobs finished" in done.stdout and "200 runs" in done.stdout
    assert time.perf_counter() - start < 10  # 1.3 s on an idle machine
