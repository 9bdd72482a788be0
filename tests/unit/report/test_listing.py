"""The tables of the list at 80 columns and at 160."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from ftlab.inventory.entries import take_inventory
from ftlab.report.listing import listing
from ftlab.report.terminal import show
from made_runs import save_run, save_state, save_sweep


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    outputs = Path("out puts")
    save_run(outputs / "e" / "a", model="distilbert", started="2026-01-03T10:00:00+00:00")
    save_state(outputs / "e" / "b", model="bert_large", dataset="imdb")
    save_run(outputs / "e" / "c", status="failed", error="OutOfMemoryError: [bold]2 GB\nat step 3")
    sweep = save_sweep(outputs / "e" / "sweep_[x]")
    save_run(sweep / "0_minilm_full", model="minilm", adapter="full")
    save_run(sweep / "1_minilm_lora", model="minilm", status="failed", error="boom")
    return take_inventory(outputs)


def shown(monkeypatch, inventory, entries=None, *, width=80, filtered=False):
    monkeypatch.setenv("COLUMNS", str(width))
    file = io.StringIO()
    for report in listing(inventory, inventory.entries if entries is None else entries, filtered=filtered, width=width):
        show(report, file)
    return file.getvalue()


def cells(text, number):
    line = next(line for line in text.splitlines() if line.startswith(f" {number} "))
    return line.split()


@pytest.mark.parametrize("width", [80, 160])
def test_every_run_is_one_row_that_fits(monkeypatch, inventory, width):
    lines = shown(monkeypatch, inventory, width=width).splitlines()
    assert max(len(line) for line in lines if "out puts" not in line) <= width
    text = "\n".join(lines)
    time = ["2026-01-03", "10:00"] if width == 160 else []
    assert cells(text, 1) == [
        "1",
        "finished",
        *time,
        "distilbert",
        "lora",
        "policy_stance",
        "0.809",
        "12.3",
        "$0.00123",
    ]
    assert cells(text, 2)[1:2] == ["killed"] and cells(text, 2)[-3:] == ["-", "-", "-"]


def test_a_sweep_has_a_head_with_its_counts_and_its_jobs_below(monkeypatch, inventory):
    text = shown(monkeypatch, inventory)
    before, _, after = text.partition("sweep sweep_[x]: 1 of 2 jobs finished, 1 failed")
    assert "3 runs" in before and "minilm " not in before
    assert cells(after, 4)[:4] == ["4", "finished", "minilm", "full"]
    assert "'out puts/e/sweep_[x]/1_minilm_lora'\n     failed: boom" in after


def test_folders_and_errors_stand_whole_below_the_table(monkeypatch, inventory):
    lines = shown(monkeypatch, inventory).splitlines()
    at = lines.index("  3  'out puts/e/c'")
    assert lines[at + 1] == "     failed: OutOfMemoryError: [bold]2 GB"


def test_what_all_runs_share_is_said_once(monkeypatch, inventory):
    jobs = [entry for entry in inventory.entries if entry.sweep_folder]
    text = shown(monkeypatch, inventory, jobs, filtered=True)
    assert "1 failed, verb train, model minilm, dataset policy_stance\n" in text.replace("\n\n", "\n")
    assert " adapter " in text and " verb " not in text.splitlines()[2]


def test_a_name_of_your_own_gets_a_column(monkeypatch, inventory):
    named = [replace(inventory.entries[0], name="my_best"), inventory.entries[1]]
    assert "my_best" in cells(shown(monkeypatch, inventory, named, width=160), 1)


def test_unlike_main_metrics_are_named_in_their_cells(monkeypatch, inventory):
    runs = [inventory.entries[0], replace(inventory.entries[0], main_metric="loss", main_value=0.5, folder="x")]
    text = shown(monkeypatch, inventory, runs, width=160)
    assert "main metric" in text and "f1_macro 0.809" in text and "loss 0.500" in text


def test_a_broken_run_says_why(monkeypatch, inventory):
    broken = replace(inventory.entries[0], status="broken", error="x/result.json is not valid JSON", main_value=None)
    text = shown(monkeypatch, inventory, [broken])
    assert "broken: x/result.json is not valid JSON" in text


def test_a_sweep_without_jobs_is_shown_unless_runs_are_filtered(monkeypatch, inventory):
    empty = replace(inventory, sweeps=[*inventory.sweeps, "out/new"])
    assert "sweep new: 0 of 0 jobs finished" in shown(monkeypatch, empty)
    assert "new" not in shown(monkeypatch, empty, inventory.entries[:1], filtered=True)
