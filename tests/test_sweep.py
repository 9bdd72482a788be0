"""A sweep: a parent, a child per job, and a failing job that stops nothing."""

import json

from mlflow.tracking import MlflowClient

from ftlab.launch import main
from small import SMALL


def test_a_failing_job_is_recorded_and_the_rest_go_on(tmp_path, capsys):
    overrides = [*SMALL, "trainer.max_epochs=1", "latency.enabled=false", f"output_dir={tmp_path}"]
    # The second job asks for more layers than there are, which only the built model can tell.
    code = main(["-m", *overrides, "adapter=freeze", "adapter.last_layers=1,9,2"])
    assert code == 1
    (sweep,) = tmp_path.glob("default/*")
    records = [json.loads(path.read_text()) for path in sorted(sweep.glob("*/result.json"))]
    assert [r["run"]["status"] for r in records] == ["finished", "failed", "finished"]
    assert "adapter.last_layers" in records[1]["run"]["error"]
    assert len({r["run"]["id"] for r in records}) == 3 and len({r["run"]["sweep"] for r in records}) == 1
    printed = capsys.readouterr().out
    assert "2 of 3 jobs finished" in printed
    assert all(str(path.parent) in printed for path in sweep.glob("*/result.json"))

    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'default'")
    runs = client.search_runs([experiment.experiment_id])
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    assert len(parents) == 1 and parents[0].info.status == "FAILED"
    assert {r.data.tags["mlflow.parentRunId"] for r in children} == {parents[0].info.run_id}
    assert sorted(r.info.status for r in children) == ["FAILED", "FINISHED", "FINISHED"]
    finished = {r["run"]["mlflow"]["run_id"] for r in records}
    assert finished == {r.info.run_id for r in children}


def test_a_sweep_ends_in_the_comparison_of_its_jobs(tmp_path, capsys):
    overrides = [*SMALL, "trainer.max_epochs=1", "latency.enabled=false", f"output_dir={tmp_path}"]
    assert main(["-m", *overrides, "adapter=head,full"]) == 0
    (sweep,) = tmp_path.glob("default/*")
    record = json.loads((sweep / "report.json").read_text())
    assert len(record["candidates"]) == 2
    assert record["verdict"]["choice"] is None, "random weights after one epoch on a few rows guess"
    assert record["verdict"]["sentences"][0].startswith("Ship none of it: nothing can be told from guessing labels; ")
    printed = capsys.readouterr().out
    assert record["verdict"]["sentences"][0] in printed and f"report  {sweep / 'report.html'}" in printed
    assert record["command"] == f"ftlab compare {sweep}", "which gives the same once more"
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    parent = json.loads((sweep / "sweep.json").read_text())["mlflow_parent_run_id"]
    assert "report/report.html" in {one.path for one in client.list_artifacts(parent, "report")}

    one = [word for word in overrides if "tracking" not in word]
    assert main(["-m", *one, "tracking=none", "adapter=head", "seed=1"]) == 0
    assert "no report: there is no pair to compare, only " in capsys.readouterr().out
    assert main(["-m", *one, "tracking=none", "adapter=head", "seed=1", "compare.after_sweep=false"]) == 0
    assert "report" not in capsys.readouterr().out
