"""``ftlab plan`` as it is typed, and sweeps held to a budget: nothing is made, nothing is fetched."""

import json

import pytest

from ftlab.launch import main
from small import SMALL

QUICK = ["latency.enabled=false", "tracking=none"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def planned(capsys, *words):
    assert main(["plan", *words]) == 0
    return capsys.readouterr()


def test_a_grid_is_planned_for_a_device_that_is_not_here(capsys, tmp_path):
    words = ["-m", "model=distilbert,llama3_8b", "adapter=full,lora", "device=t4_16gb"]
    cells = json.loads(planned(capsys, *words, "--json").out)
    assert [(cell["model"], cell["adapter"]) for cell in cells] == [
        *[("distilbert", "full"), ("distilbert", "lora")],
        *[("llama3_8b", "full"), ("llama3_8b", "lora")],
    ]
    made = [cell["estimate"] for cell in cells]
    assert [one["fits"] for one in made[:3]] == [True, True, False]
    assert made[0]["parameters"] == made[0]["trainable_parameters"] > 60e6 > made[1]["trainable_parameters"] > 0
    assert 7.4e9 < made[2]["parameters"] < 8.1e9 and made[2]["remedy"]
    assert made[0]["gradients_mb"] > made[1]["gradients_mb"] and made[0]["optimizer_mb"] > made[1]["optimizer_mb"]
    for one in made:
        low, high = one["seconds"]
        assert 0 < low <= high and 0 < one["usd"][0] <= one["usd"][1]
    assert list(tmp_path.iterdir()) == []


def test_one_training_on_this_machine_gets_its_table(capsys, tmp_path):
    printed = planned(capsys, *SMALL, "adapter=lora", "model.gradient_checkpointing=true")
    text = printed.out
    assert text.startswith("Plan for cpu (") and "this machine" in text.splitlines()[0]
    row = next(line for line in text.splitlines() if line.strip().startswith("tiny_bert"))
    assert " lora " in row and " yes " in row and "$" in row
    assert printed.err == "" and list(tmp_path.iterdir()) == []


def test_what_a_sweep_would_leave_out_is_told(capsys):
    words = ["-m", "model=bert_large", "adapter=full,lora", "device=t4_16gb", "skip_unfit=true", "budget_usd=0.000001"]
    text = planned(capsys, *words).out
    assert text.count("left out: ") == 2 and "budget_usd=1e-06" in text
    assert "0 jobs in all" in text


@pytest.mark.slow
def test_jobs_that_break_the_budget_are_recorded_as_skipped(capsys, tmp_path):
    words = [*SMALL, *QUICK, "adapter=lora", "cost.usd_per_hour=1"]
    (cell,) = json.loads(planned(capsys, *words, "--json").out)
    # The sweep times the machine anew, so the numbers stand wide apart: the second job is not to be paid.
    budget = 5 * cell["estimate"]["usd"][1]
    grid = ["-m", *(word for word in words if "max_epochs" not in word), "trainer.max_epochs=1,9999"]
    assert main([*grid, f"budget_usd={budget}"]) == 0
    printed = capsys.readouterr().out
    (sweep,) = (tmp_path / "outputs" / "default").iterdir()
    jobs = sorted(path for path in sweep.iterdir() if path.is_dir())
    records = [json.loads((job / "result.json").read_text()) for job in jobs]
    assert [record["run"]["status"] for record in records] == ["finished", "skipped"]
    assert "of budget_usd=" in records[1]["run"]["error"] and records[1]["adapter"]["name"] == "lora"
    assert "1 of 2 jobs finished" in printed and "skipped: would cost up to $" in printed
    assert (jobs[1] / "config.yaml").is_file() and not (jobs[1] / "state.json").exists()
    assert main(["list", "status=skipped", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["model"], entry["adapter"]) == ("tiny_bert", "lora") and "budget_usd" in entry["error"]


def test_a_single_run_that_breaks_its_budget_makes_nothing(capsys, tmp_path):
    assert main([*SMALL, *QUICK, "cost.usd_per_hour=1000", "budget_usd=1e-9"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("this run would cost up to $") and len(printed.err.splitlines()) == 1
    assert "Traceback" not in printed.err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["device=t4"], "device=t4 is no device that can be planned for; write device=t4_16gb"),
        (["resume=latest"], "resume is for train"),
        (["adapter=lora", "adapter.targets=[nowhere]"], "adapter.targets"),
        (["cost=h100", "device=t4_16gb"], "cost=h100 is the price of device class h100"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence(capsys, words, sentence, tmp_path):
    assert main(["plan", "model=tiny_bert", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1 and list(tmp_path.iterdir()) == []


def test_a_cell_of_a_grid_that_cannot_be_planned_leaves_the_others(capsys):
    text = planned(capsys, "-m", "model=tiny_bert", "adapter=freeze", "adapter.last_layers=1,9", "device=t4_16gb").out
    assert "  1  cannot be planned: adapter.last_layers" in text and "1 job in all" in text
