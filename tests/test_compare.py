"""``ftlab compare`` as it is typed: folders in, a verdict and a report out. Nothing is run again."""

import dataclasses
import json
import os
import shlex
import shutil
import time
from pathlib import Path

import pytest
from mlflow.entities import RunTag
from mlflow.tracking import MlflowClient

from ftlab.launch import main
from ftlab.report.board.record import SCHEMA
from ftlab.results import Trouble
from made_board import made_run, save_made, save_many

HTML = "report.html"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def page(monkeypatch, request):
    """A page takes half a second, and has tests of its own: one test here has it made."""
    if "whole_report" in request.fixturenames:
        return

    def write(shown):
        (shown.place / HTML).write_text("a page")
        return shown.place / HTML

    monkeypatch.setattr("ftlab.verbs.report_files.write_page", write)


@pytest.fixture
def whole_report():
    """Asks for the page itself."""


def made(place, *runs, rows=False):
    """Write ``runs`` below ``place``, and return their folders."""
    return [save_made(Path(place) / f"{n}_{run.result.run.name}", run, rows=rows).folder for n, run in enumerate(runs)]


def sweep(*runs, rows=False, parent=None):
    """Write ``runs`` as the jobs of a sweep, and return its folder."""
    folder = Path("outputs/study/2026-11-20_10-00-00_sweep_ab12cd34")
    made(folder, *runs, rows=rows)
    (folder / "sweep.json").write_text(json.dumps({"id": "ab12cd34", "mlflow_parent_run_id": parent}))
    return folder


def two():
    """Return a good model, and a fast one."""
    return (
        made_run("minilm", "lora", f1_macro=0.9, accuracy=0.9, p95_ms=40.0, usd_per_1k=0.004, usd_training=0.02),
        made_run("tiny_bert", "full", f1_macro=0.7, accuracy=0.7, p95_ms=4.0, usd_per_1k=0.0004, usd_training=0.001),
    )


def compared(capsys, *words, code=0):
    assert main(["compare", *map(str, words), "tracking=none", "pictures=false"]) == code
    return capsys.readouterr()


def report(folder):
    return json.loads((Path(folder) / "report.json").read_text())


def fault(capsys, *words):
    """Return the one sentence of a command line that the user must repair; no report is left."""
    printed = compared(capsys, *words, code=2)
    assert printed.out == "" and not list(Path().rglob("report.*"))
    (sentence,) = printed.err.splitlines()
    return sentence


def test_two_folders_give_a_table_a_verdict_and_a_report(capsys, whole_report):
    good, fast = made("outputs/study", *two(), rows=True)
    assert main(["compare", str(good), str(fast), "objective=best", "tracking=none"]) == 0
    printed = capsys.readouterr().out
    assert "2 candidates on policy_stance, 540 test rows, cpu" in printed
    assert "Ship minilm lora: f1_macro 0.900" in printed and "The runner-up is tiny_bert full" in printed
    (place,) = Path("outputs/study").glob("*_compare_*")
    assert all(f"report  {place / name}" in printed for name in ("report.html", "report.md", "report.json"))
    assert {path.name for path in place.iterdir()} == {"report.html", "report.md", "report.json", "charts"}
    page, text, held = (place / HTML).read_text(), (place / "report.md").read_text(), report(place)
    assert "minilm lora" in page and "<script>alert" not in page, "texts of the data are escaped"
    assert "# Which model to ship" in text and "**ship**" in text
    assert held["schema"] == SCHEMA and held["verdict"]["choice"] == "minilm lora"
    assert held["verdict"]["sentences"][0] in printed
    assert {one["method"] for one in held["verdict"]["comparisons"] if one["axis"] == "f1_macro"} == {
        "paired bootstrap"
    }
    assert f"ftlab compare {good} {fast} objective=best" in text, "it says how to have it again"


def test_trouble_of_runs_and_of_the_comparison_stands_in_every_output(capsys, whole_report):
    evil = "<script>alert(1)</script>"
    collapse = Trouble("class collapse", f"no test row is called {evil} (20 test rows)", "model.class_weights=balanced")
    numbers = (("full", 0.85, [collapse]), ("lora", 0.84, []))
    runs = [
        made_run("minilm", name, f1_macro=quality, accuracy=quality, usd_per_1k=quality / 100, seed=place)
        for place, (name, quality, _) in enumerate(numbers)
    ]
    folders = made(
        "outputs/study",
        *(
            dataclasses.replace(run, result=dataclasses.replace(run.result, diagnosis=troubles))
            for run, (*_, troubles) in zip(runs, numbers, strict=True)
        ),
        rows=True,
    )
    printed = compared(capsys, *folders, "objective=best").out
    (place,) = Path("outputs/study").glob("*_compare_*")
    page, text, held = (place / HTML).read_text(), (place / "report.md").read_text(), report(place)
    assert f"minilm full, class collapse: {collapse.evidence}." in printed and f"    {collapse.remedy}" in printed
    assert "the comparison, test set too small: 540 test rows do not tell minilm full from minilm lora" in printed
    assert "## Trouble" in text and "| minilm full | class collapse |" in text and evil not in text
    assert 'id="trouble"' in page and "<b>class collapse</b>" in page and evil not in page
    assert [one["name"] for one in held["troubles"]] == ["test set too small"]
    assert {one["key"]: one["troubles"] for one in held["candidates"]} == {
        "minilm full": [dataclasses.asdict(collapse)],
        "minilm lora": [],
    }


@pytest.mark.slow
def test_a_thousand_runs_are_compared_in_ten_seconds(capsys, whole_report):
    place = save_many(Path("outputs/study"), 1000)
    began = time.process_time()
    compared(capsys, place)
    assert time.process_time() - began < 10
    (page,) = Path("outputs").rglob(HTML)
    assert page.stat().st_size < 6_000_000 and page.read_text().count('<tr data-row="') == 1000


def test_the_report_of_a_sweep_lies_in_its_folder(capsys):
    folder = sweep(*two())
    compared(capsys, folder)
    assert (folder / HTML).is_file() and not list(Path("outputs/study").glob("*_compare_*"))


def test_latest_is_the_newest_sweep_and_what_no_word_means(capsys):
    folder = sweep(*two())
    compared(capsys)
    first = report(folder)
    compared(capsys, "latest")
    assert {**report(folder), "written": ""} == {**first, "written": ""}


def test_patterns_and_folders_mix_and_name_a_run_once(capsys):
    made("outputs/study", *two())
    compared(capsys, "outputs/study/*lora*", "outputs/study", "output=there")
    assert [one["key"] for one in report("there")["candidates"]] == ["minilm lora", "tiny_bert full"]


def test_a_folder_whose_name_holds_what_hydra_reads_is_taken_as_it_is(capsys):
    odd = Path("outputs/a=b, ${c} [1]")
    made(odd, *two())
    compared(capsys, odd, "output=there")
    assert len(report("there")["candidates"]) == 2


def test_constraints_decide_and_a_constraint_nothing_meets_is_no_fault(capsys):
    made("outputs/study", *two())
    said = compared(capsys, "outputs/study", "output=there", "constraints.p95_ms_max=10").out
    assert "Ship tiny_bert full" in said and report("there")["verdict"]["feasible"] == ["tiny_bert full"]
    said = compared(capsys, "outputs/study", "output=there", "constraints.f1_macro_min=0.95").out
    assert "Nothing meets the constraints; minilm lora is nearest" in said
    held = report("there")["verdict"]
    assert held["choice"] is None and held["misses"][0]["by"] == pytest.approx(0.05)


def test_a_new_price_is_told_without_running_anything(capsys):
    made("outputs/study", *two())
    compared(capsys, "outputs/study", "output=there")
    before = {one["key"]: one["values"]["usd_per_1k"] for one in report("there")["candidates"]}
    compared(capsys, "outputs/study", "output=there", "cost.usd_per_hour=9.6", "cost.utilisation=0.25")
    after = {one["key"]: one["values"]["usd_per_1k"] for one in report("there")["candidates"]}
    assert all(after[key] > before[key] for key in before)
    assert "cost.usd_per_hour=9.6 cost.utilisation=0.25" in report("there")["command"]


def on_a_cpu(run):
    cost = dataclasses.replace(run.result.cost, device="cpu")
    return dataclasses.replace(run, result=dataclasses.replace(run.result, cost=cost))


def test_the_command_of_a_report_gives_it_again(capsys):
    made("elsewhere/study", *map(on_a_cpu, two()))
    words = [
        "cost=cpu_m5_large",
        "cost.usd_per_hour=9.6",
        "cost.utilisation=0.25",
        "cost.price_source='a page, (mine\\'s)'",
    ]
    compared(capsys, *words, "output_dir=elsewhere", "output=there", "elsewhere/study/*")
    first = report("there")
    command = shlex.split(first["command"])
    assert {"cost=cpu_m5_large", "cost.usd_per_hour=9.6", "cost.utilisation=0.25", *words[3:]} <= set(command)
    assert "output_dir=elsewhere" in command and not any("price_date" in word for word in command)
    compared(capsys, *command[2:], "output=again")
    assert {**report("again"), "written": ""} == {**first, "written": ""}


def test_the_command_of_a_report_has_a_price_file_of_ones_own_written_out_and_the_store(capsys):
    made("outputs/study", *two())
    compared(
        capsys, "outputs/study", "output=there", "cost.name=mine", "cost.usd_per_hour=1", "tracking.uri=sqlite:///a.db"
    )
    command = shlex.split(report("there")["command"])
    assert command[-3:] == ["cost.name=mine", "cost.usd_per_hour=1.0", "tracking.uri=sqlite:///a.db"]


def test_a_price_of_another_device_is_refused(capsys):
    made("outputs/study", *two())
    assert "device class t4" in fault(capsys, "outputs/study", "output=there", "cost=t4")


def test_one_run_and_a_model_behind_an_api_are_a_pair(capsys):
    alone = two()[0]
    tokens = dataclasses.replace(alone.result.cost, prompt_tokens=30.0, completion_tokens=0.0)
    (one,) = made("outputs/study", dataclasses.replace(alone, result=dataclasses.replace(alone.result, cost=tokens)))
    printed = compared(capsys, one, "output=there", "api_prices=small_models", "requests_per_month=20000").out
    held = report("there")
    assert [c for c in held["candidates"] if c["priced"]] and all(
        c["values"].get("p95_ms") is None for c in held["candidates"] if c["priced"]
    )
    assert "requests a month, over 12 months" in printed


def test_seeds_are_one_row_and_unlike_runs_stand_apart(capsys):
    runs = [made_run(seed=seed, f1_macro=0.8 + seed / 100) for seed in (1, 2)]
    other = made_run("bert_base", test_digest="00ff00ff", run={"started": "2026-01-01T00:00:00+00:00"})
    made("outputs/study", *runs, two()[1], other)
    printed = compared(capsys, "outputs/study", "output=there").out
    assert "Not ranked: bert_base_lora_s42: the test rows" in printed
    held = report("there")
    assert [(c["key"], c["seeds"]) for c in held["candidates"]] == [("minilm lora", [1, 2]), ("tiny_bert full", [42])]
    assert "00ff00ff" in held["apart"][0]["reason"]


def test_json_alone_stands_on_standard_output(capsys):
    made("outputs/study", *two())
    printed = compared(capsys, "outputs/study", "--json", "output=there")
    assert json.loads(printed.out) == report("there") and "report.html" in printed.err


@pytest.mark.slow  # making a store takes seconds
def test_runs_are_named_by_mlflow_too(capsys):
    folders = [path.resolve() for path in made("outputs/study", *two())]
    store = f"sqlite:///{Path('outputs/mlflow.db').resolve()}"
    client = MlflowClient(store)
    experiment = client.create_experiment("my study")
    ids = [client.create_run(experiment, tags={"ftlab.folder": str(path)}).info.run_id for path in folders]
    for words in ("my study", ",".join(ids), experiment):
        compared(capsys, f"mlflow={words}", "output=there")
        assert [one["key"] for one in report("there")["candidates"]] == ["minilm lora", "tiny_bert full"]
    shutil.rmtree("there")
    assert "did you mean my study? experiments:" in fault(capsys, "mlflow=my_study")
    client.log_batch(ids[0], tags=[RunTag("ftlab.folder", "/gone")])
    assert "mlflow=" + ids[0] + " names no run whose folder is on this machine (/gone)" in fault(
        capsys, f"mlflow={ids[0]}"
    )


@pytest.mark.slow
def test_the_report_of_a_sweep_goes_to_its_parent_run(capsys):
    Path("outputs").mkdir()
    client = MlflowClient(f"sqlite:///{Path('outputs/mlflow.db').resolve()}")
    experiment = client.create_experiment("study", artifact_location=Path("kept").resolve().as_uri())
    parent = client.create_run(experiment).info.run_id
    folder = sweep(*two(), parent=parent)
    assert main(["compare", str(folder)]) == 0
    assert {one.path for one in client.list_artifacts(parent, "report")} >= {"report/report.html", "report/report.json"}
    (folder / "sweep.json").write_text(json.dumps({"mlflow_parent_run_id": "0" * 32}))
    capsys.readouterr()
    assert main(["compare", str(folder)]) == 0, "MLflow is no reason to fail"
    assert "MLflow does not take the report" in capsys.readouterr().err


def test_a_store_that_is_not_there_is_not_made(capsys):
    assert "no MLflow store lies at" in fault(capsys, "mlflow=anything")
    assert not list(Path().rglob("mlflow.db"))


def newer(folder):
    record = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**record, "schema": 99}))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "result.json").unlink(), "holds no result.json"),
        (lambda folder: (folder / "result.json").write_text("{"), "result.json"),
        (newer, "has schema 99"),
        (lambda folder: shutil.rmtree(folder), "holds no result.json"),
    ],
)
def test_a_folder_that_cannot_be_read_is_one_sentence(capsys, spoil, said):
    good, bad = made("outputs/study", *two())
    for name in ("state.json", "config.yaml"):
        os.unlink(bad / name)
    spoil(bad)
    sentence = fault(capsys, good, bad)
    assert said in sentence and str(bad) in sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["metric=f2"], "metric has f2, which is nothing to rank by; known: accuracy"),
        (["axes=f1_macro,p95x"], "axes has p95x, which is nothing to rank by; did you mean p95? known: accuracy"),
        (["metric=f1_makro"], "did you mean f1_macro? known: accuracy"),
        (["constraints.f1_mcro_min=0.9"], "constraints has f1_mcro"),
        (["constraints.f1_macro_min=90"], "give a share, such as constraints.f1_macro_min=0.9"),
        (["cost.batch_size=7"], "cost.batch_size=7 was timed by no run"),
    ],
)
def test_what_only_the_runs_can_tell_is_one_sentence_too(capsys, words, said):
    made("outputs/study", *two())
    assert said in fault(capsys, "outputs/study", *words)


def test_runs_that_cannot_be_compared_are_no_pair(capsys):
    made("outputs/study", two()[0], made_run("bert_base", test_digest="00ff00ff"))
    assert "there is no pair to compare, only " in fault(capsys, "outputs/study")


def test_a_sweep_folder_is_no_place_for_a_second_report_of_others(capsys):
    folder = sweep(*two())
    (other,) = made("outputs/study", made_run("bert_base"))
    compared(capsys, folder, other)
    assert not (folder / HTML).exists() and list(Path("outputs/study").glob("*_compare_*/report.html"))
