from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from ftlab.report.terminal import Sample, run_table, show, sweep_table
from ftlab.results import Cost

FOLDER = Path("/runs/out puts/default") / ("2026-01-01_00-00-00_distilbert_lora_" + "x" * 60 + "_0a1b2c3d")


@pytest.fixture(autouse=True)
def plain_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def shown(report) -> str:
    file = io.StringIO()
    show(report, file)
    return file.getvalue()


def row(text: str, start: str) -> list[str]:
    """Cells of the first line that begins with ``start``; columns stand two or more blanks apart."""
    line = next(line for line in text.splitlines() if line.strip().startswith(start))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_quality_shows_before_after_delta_and_interval_of_each_metric(finished):
    text = shown(run_table(finished, FOLDER))
    assert "Quality on test, 495 rows" in text
    assert row(text, "f1_macro") == ["f1_macro", "0.165", "0.809", "+0.644", "0.768 to 0.847", "higher"]
    assert row(text, "loss") == ["loss", "1.102", "0.523", "-0.579", "0.470 to 0.580", "lower"]
    assert row(text, "mcc") == ["mcc", "0.010", "0.710", "+0.700", "-", "-"]


def test_the_main_metric_stands_first(finished):
    text = shown(run_table(finished, FOLDER))
    assert text.index("f1_macro") < text.index("accuracy")


def test_a_metric_that_is_not_defined_is_a_dash(finished):
    assert row(shown(run_table(finished, FOLDER)), "auroc") == ["auroc", "0.500", "-", "-", "-", "higher"]


def test_labels_have_their_own_table(finished):
    text = shown(run_table(finished, FOLDER))
    assert row(text, "oppose") == ["oppose", "0.700", "0.600", "0.646", "1,650"]


def test_speed_shows_percentiles_per_batch_size(finished):
    text = shown(run_table(finished, FOLDER))
    assert "Speed on Some CPU, 2 threads, torch, float32" in text
    assert row(text, "1  ") == ["1", "12.3", "14.5", "0.41", "81", "full"]
    assert row(text, "32  ") == ["32", "230", "1,442", "0.41", "139", "short"]


def test_speed_tells_merged_and_separate_adapters_apart(finished):
    merged = dataclasses.replace(finished.latency[0], merged=True, p50_ms=9.0)
    text = shown(run_table(dataclasses.replace(finished, latency=[finished.latency[0], merged]), FOLDER))
    assert row(text, "as trained")[:3] == ["as trained", "1", "12.3"]
    assert row(text, "merged")[:3] == ["merged", "1", "9"]
    assert max(len(line) for line in text.splitlines() if "full" in line) <= 80


def test_facts_name_money_energy_memory_parameters_and_data(finished):
    text = " ".join(shown(run_table(finished, FOLDER)).split())
    assert "$ per 1k requests $0.00123 (batch 1, 50% busy, $0.096 an hour: AWS m5.large, 2 vCPU" in text
    assert "us-east-1, 2025-06)" in text
    assert "$ of training $0.0213" in text
    assert "training time 12 min 34 s, 480 steps" in text
    assert "Wh 0.52 of training (estimate: cpu and memory) peak memory 1,843 MB" in text
    assert "parameters 740,355 of 67,696,134 trained (1.0936%), 271 MB" in text
    assert "1,000 / 165 / 495 rows train / val / test; 3 truncated, 1 duplicate, 2 leaked" in text


def test_a_price_that_is_not_known_is_a_dash(finished):
    unpriced = dataclasses.replace(finished, cost=Cost("x", None, None, None, 0.5, 1))
    text = shown(run_table(unpriced, FOLDER))
    assert row(text, "$ per 1k requests") == ["$ per 1k requests", "-"]
    assert row(text, "$ of training") == ["$ of training", "-"]


def test_paths_stand_whole_on_lines_of_their_own(finished):
    lines = shown(run_table(finished, FOLDER)).splitlines()
    assert f"record  {FOLDER}/result.json" in lines
    assert f"model   {FOLDER}/model" in lines
    assert f"plots   {FOLDER}/plots" in lines
    assert "mlflow  mlflow ui --backend-store-uri 'sqlite:////runs/out puts/mlflow.db'" in lines


def test_a_console_that_cuts_lines_gets_paths_folded_not_cut(finished):
    file = io.StringIO()
    Console(file=file, width=80).print(run_table(finished, FOLDER))
    assert f"{FOLDER}/result.json" in file.getvalue().replace("\n", "")


def test_an_mlflow_server_is_named_without_its_password(finished):
    run = dataclasses.replace(finished.run, mlflow={"uri": "https://me:s3cret@host/x", "run_id": "1"})
    text = shown(run_table(dataclasses.replace(finished, run=run), FOLDER))
    assert "mlflow  https://" in text and "@host/x" in text
    assert "s3cret" not in text


def test_nothing_but_paths_and_commands_is_wider_than_80_columns(finished):
    samples = [Sample("word " * 60, ("support", 0.4), ("a label of considerable length " * 3, 0.9))]
    wide = [
        line
        for line in shown(run_table(finished, FOLDER, samples=samples)).splitlines()
        if len(line) > 80 and not line.startswith(("record ", "model ", "plots ", "mlflow "))
    ]
    assert wide == []


def test_a_file_gets_no_colour_codes_and_no_trailing_blanks(finished):
    text = shown(run_table(finished, FOLDER))
    assert "\x1b" not in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_terminal_gets_better_in_green_and_worse_in_red(finished):
    test = {**finished.quality.test, "accuracy": 0.1}
    worse = dataclasses.replace(finished, quality=dataclasses.replace(finished.quality, test=test))
    file = io.StringIO()
    Console(file=file, force_terminal=True, width=100, color_system="standard", _environ={}).print(
        run_table(worse, FOLDER)
    )
    lines = file.getvalue().splitlines()
    assert "\x1b[31m-0.231" in next(line for line in lines if "accuracy" in line)
    assert "\x1b[32m-0.579" in next(line for line in lines if "loss" in line)


def test_sentences_show_the_label_before_and_after(finished):
    samples = [Sample("A fine bill.", ("neutral", 0.354), ("support", 0.971))]
    text = shown(run_table(finished, FOLDER, samples=samples))
    assert row(text, "A fine bill.") == ["A fine bill.", "neutral 0.35", "support 0.97"]


def test_markup_and_escape_codes_of_a_sentence_are_only_text(finished):
    samples = [Sample("[bold]x[/bold] \x1b[2J y", ("[red]a[/red]", 0.5), ("b", 0.5))]
    text = shown(run_table(finished, FOLDER, samples=samples))
    assert "[bold]x[/bold] [2J y" in text
    assert "[red]a[/red] 0.50" in text
    assert "\x1b" not in text


def test_notes_follow_each_on_its_line(finished):
    lines = shown(run_table(finished, FOLDER, notes=["first", "second [x]"])).splitlines()
    assert "Note: first" in lines and "Note: second [x]" in lines


def test_a_run_that_failed_says_why_and_where_the_log_is(failed):
    text = shown(run_table(failed, FOLDER))
    assert "bert_large_prompt_tuning  failed" in text
    assert "OutOfMemoryError: tried to take [2 GB]" in text and "at step 3" not in text
    assert f"log     {FOLDER}/run.log" in text.splitlines()
    assert row(text, "parameters") == ["parameters", "-"]
    assert "Quality" not in text and "plots" not in text


def test_what_the_terminal_cannot_show_is_replaced(finished):
    buffer = io.BytesIO()
    file = io.TextIOWrapper(buffer, encoding="ascii")
    show(run_table(finished, FOLDER, samples=[Sample("caf\u00e9 \u65e5", ("a", 0.5), ("b", 0.5))]), file)
    text = buffer.getvalue().decode("ascii")
    assert "caf? ?" in text
    assert row(text.replace("|", "  "), "f1_macro")[:3] == ["f1_macro", "0.165", "0.809"]


def test_a_sweep_has_a_line_per_job(finished, failed):
    text = shown(sweep_table([(FOLDER / "0_distilbert_lora", finished), (FOLDER / "1_bert_large", failed)]))
    assert "1 of 2 jobs finished" in text
    assert row(text, "#")[3:] == ["f1_macro", "p50 ms", "$ / 1k", "training"]
    assert row(text, "0 ") == ["0", "distilbert_lora", "finished", "0.809", "12.3", "$0.00123", "12 min 34 s"]
    assert row(text, "1   ")[2:] == ["failed", "-", "-", "-", "-"]


def test_a_sweep_names_folders_and_errors_below_the_table(finished, failed):
    lines = shown(sweep_table([(FOLDER / "0_a", finished), (FOLDER / "7_b", failed)])).splitlines()
    assert f"  0  {FOLDER}/0_a" in lines
    at = lines.index(f"  7  {FOLDER}/7_b")
    assert lines[at + 1] == "     failed: OutOfMemoryError: tried to take [2 GB]"


def test_a_sweep_over_unlike_main_metrics_names_each(finished):
    quality = dataclasses.replace(finished.quality, main={"name": "loss", "split": "test", "direction": "min"})
    other = dataclasses.replace(finished, quality=quality)
    text = shown(sweep_table([(Path("a"), finished), (Path("b"), other)]))
    assert row(text, "0 ")[3] == "f1_macro 0.809"
    assert row(text, "1 ")[3] == "loss 0.523"


def test_a_sweep_shows_the_latency_its_price_rests_on(finished):
    priced = dataclasses.replace(finished, cost=dataclasses.replace(finished.cost, batch_size=32))
    assert row(shown(sweep_table([(Path("a"), priced)])), "0 ")[4] == "230"
    merged = dataclasses.replace(finished.latency[1], merged=True, p50_ms=199.0)
    merged_too = dataclasses.replace(priced, latency=[*finished.latency, merged])
    assert row(shown(sweep_table([(Path("a"), merged_too)])), "0 ")[4] == "199"


def test_a_sweep_over_ways_to_fine_tune_tells_what_each_takes(finished, failed):
    assert "each way" not in shown(sweep_table([(Path("a"), finished), (Path("b"), finished), (Path("c"), failed)]))
    whole = dataclasses.replace(
        finished,
        run=dataclasses.replace(finished.run, name="bert_full"),
        model=dataclasses.replace(finished.model, trainable_percent=100.0),
        latency=[dataclasses.replace(finished.latency[0], merged=True, p50_ms=12.3), *finished.latency],
    )
    text = shown(sweep_table([(Path("a"), finished), (Path("b"), whole), (Path("c"), failed)]))
    below = text[text.index("What each way takes") :]
    assert "trained %" in below and max(len(line) for line in text.splitlines()) <= 80
    first = min(finished.latency, key=lambda timed: timed.batch_size)
    job, share, apart, merged, size, _peak, money = row(below, "bert_full")
    assert (job, float(share), float(merged)) == ("bert_full", 100.0, 12.3)
    assert float(apart) == pytest.approx(first.p50_ms, rel=0.05) and float(size.replace(",", "")) > 0
    assert money.startswith("$")


def test_a_sweep_fits_80_columns(finished, failed):
    text = shown(sweep_table([(Path("a"), finished), (Path("b"), failed)]))
    assert max(len(line) for line in text.splitlines()) <= 80


def evaluation(finished):
    run = dataclasses.replace(finished.run, verb="evaluate", parent="0a1b2c3d")
    data = dataclasses.replace(finished.dataset, train_rows=0, val_rows=0, leaked_rows=None)
    quality = dataclasses.replace(finished.quality, untrained={}, val={})
    artefact = dataclasses.replace(finished.artefact, path="../trained/model")
    return dataclasses.replace(finished, run=run, dataset=data, quality=quality, artefact=artefact)


def test_an_evaluation_on_the_same_rows_stands_beside_what_training_measured(finished):
    text = shown(run_table(evaluation(finished), FOLDER, parent=finished.quality))
    assert row(text, "f1_macro") == ["f1_macro", "0.809", "0.809", "+0.000", "0.768 to 0.847", "higher"]
    assert "then" in text and "now" in text and "before" not in text


def test_an_evaluation_on_other_rows_stands_alone_and_says_nothing_of_training(finished):
    text = shown(run_table(evaluation(finished), FOLDER))
    assert row(text, "f1_macro") == ["f1_macro", "0.809", "0.768 to 0.847", "higher"]
    assert "495 test rows" in text and "training" not in text and "leaked" not in text
    assert f"model   {FOLDER.parent / 'trained' / 'model'}" in text


def test_a_model_that_writes_shows_its_tokens_and_their_price(finished):
    rows = [
        dataclasses.replace(row, ttft_ms=40.0, inter_token_ms=9.5, tokens_per_second=88.0) for row in finished.latency
    ]
    cost = dataclasses.replace(finished.cost, usd_per_1m_tokens=1.25)
    text = shown(run_table(dataclasses.replace(finished, latency=rows, cost=cost), FOLDER))
    assert "first token ms   next ms   tokens / s   p50 ms" in text and "texts / s" not in text
    assert row(text, "1 ")[1:4] == ["40", "9.5", "88"]
    assert row(text, "$ per 1M tokens")[1].startswith("$1.25")
    assert "$ per 1M tokens" not in shown(run_table(finished, FOLDER))


def test_teacher_forced_metrics_have_a_table_of_their_own(finished):
    test = {**finished.quality.test, "bleu": 0.25, "bleu_teacher_forced": 0.5}
    quality = dataclasses.replace(finished.quality, test=test)
    text = shown(run_table(dataclasses.replace(finished, quality=quality), FOLDER))
    before, after = text.split("With each token after what really stood before it (_teacher_forced)")
    assert row(before, "bleu")[2] == "0.250" and row(after, "bleu")[2] == "0.500"


def test_answers_are_shown_as_texts_and_the_end_of_their_prompt(finished):
    sample = Sample("x" * 500 + " the question", ("old answer", None), ("new answer", None))
    text = shown(run_table(finished, FOLDER, samples=[sample]))
    assert "Answers" in text and "the question" in text and "old answer" in text and "new answer" in text


def test_a_prompt_tells_what_it_adds_to_a_request(finished):
    prompt = {"name": "few_shot", "tokens_per_request": 312.4, "prompt_tokens": 280, "shots": 9}
    text = shown(run_table(dataclasses.replace(finished, prompt=prompt), FOLDER))
    assert row(text, "prompt")[1] == "few_shot, 9 examples; 312 tokens a request, 280 of them the"
    assert "prompt  " not in shown(run_table(finished, FOLDER))
