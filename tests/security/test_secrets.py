"""Secrets of the environment, of files and of the command line reach no file, no record and no terminal (T49)."""

import sqlite3

import pyarrow.parquet as pq
import pytest

from ftlab import redact
from ftlab.launch import main
from ftlab.verbs import stages
from small import SMALL

MARKER = "marker-7f3a"  # no secret: proves that the search would find one
SECRETS = {
    "HF_TOKEN": "hf_" + "Zq9" * 11,
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_ACCESS_KEY_ID": "AKIAQ4W7ZZ5XEXAMPLE1",
    "MLFLOW_TRACKING_PASSWORD": "correct-horse-battery",
    "OPENAI_API_KEY": "sk-" + "a8K" * 12,
    "MY_SERVICE_TOKEN": "looks like ordinary words",
}
LOGIN = "http://someone:open-sesame-77@127.0.0.1:9/mlflow"  # nobody listens there
HIDDEN = [*SECRETS.values(), "open-sesame-77"]
QUICK = [*SMALL, "trainer.max_epochs=1", "latency.enabled=false", "dataset.limit={train: 24, val: 12, test: 12}"]


@pytest.fixture
def planted(monkeypatch):
    """Secrets in the environment; MLflow without patience."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


def search(folder, words):
    """Return where any of ``words`` stands below ``folder``: bytes of every file, cells of tables, names of files."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        held = path.read_bytes()
        if path.suffix == ".parquet":
            held += repr(pq.read_table(path).to_pydict()).encode()
        elif path.suffix == ".db":
            with sqlite3.connect(path) as database:
                held += "\n".join(database.iterdump()).encode()
        found += [(path.name, word) for word in words if word.encode() in held or word in str(path)]
    return found


EXPERIMENT = """\
# @package _global_
model: {revision: "${oc.env:AWS_SECRET_ACCESS_KEY}"}
cost: {price_source: "see ${oc.env:HF_TOKEN} and hf_ZZZZZZZZZZZZZZZZZZZZZZZZZZZ"}
dataset: {revision: "http://me:open-sesame-77@host/x"}
"""


def crash(*args, **options):
    held = " and ".join(SECRETS.values())
    raise RuntimeError(f"cannot reach https://me:open-sesame-77@host with {held}")


@pytest.mark.slow
def test_a_sweep_with_a_run_and_a_crash_leaves_no_secret_anywhere(planted, groups, tmp_path, capfd, monkeypatch):
    fit = stages.fit
    calls = []

    def crash_second(*args, **options):
        calls.append(1)
        return fit(*args, **options) if len(calls) == 1 else crash()

    monkeypatch.setattr(stages, "fit", crash_second)
    words = [*QUICK, *groups(EXPERIMENT), "-m", "seed=1,2", f"name={MARKER}", f"output_dir={tmp_path / 'out'}"]
    assert main(words) == 1
    said = "".join(capfd.readouterr())
    assert "cannot reach https://<hidden>@host with <hidden>" in said
    assert [word for word in [*HIDDEN, "hf_ZZZ"] if word in said] == []
    assert search(tmp_path / "out", [*HIDDEN, "hf_ZZZ"]) == []
    # The search sees what may be seen: of the run, and of the crash.
    found = {name for name, _ in search(tmp_path / "out", [MARKER])}
    assert {"mlflow.db", "config.yaml", "result.json"} <= found
    found = {name for name, _ in search(tmp_path / "out", ["cannot reach https://<hidden>@host"])}
    assert {"result.json", "run.log"} <= found
    # What only sounds like a secret stays.
    kept = {name for name, _ in search(tmp_path / "out", ['"pad_token": "[PAD]"'])}
    assert "tokenizer_config.json" in kept
    shown = next((tmp_path / "out").glob("**/config.yaml")).read_text()
    assert redact.HIDDEN in shown and "${oc.env:AWS_SECRET_ACCESS_KEY}" in shown


def test_a_crash_with_a_login_in_the_tracking_address_leaves_no_secret_anywhere(planted, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(stages, "fit", crash)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", LOGIN)
    assert main([*QUICK, f"name={MARKER}", f"output_dir={tmp_path / 'out'}"]) == 1
    said = "".join(capfd.readouterr())
    assert "cannot reach https://<hidden>@host with <hidden>" in said and "Traceback" in said
    assert "MLflow at http://<hidden>@127.0.0.1:9/mlflow" in said
    assert [word for word in HIDDEN if word in said] == []
    assert search(tmp_path / "out", HIDDEN) == []
    assert {"result.json", "config.yaml"} <= {name for name, _ in search(tmp_path / "out", [MARKER])}


@pytest.mark.parametrize(
    "word",
    [
        f"model.revision={SECRETS['HF_TOKEN']}",
        f"name={SECRETS['MY_SERVICE_TOKEN']}",
        f"model.revision='{SECRETS['AWS_SECRET_ACCESS_KEY']}'",
        f"tracking.uri={LOGIN}",
        "+hf_token=abc-open-sesame-77",
        "++callbacks.x.api_key=open-sesame-77",
        "dataset.samples=[open-sesame-77,http://me:open-sesame-77@host]",
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(planted, word, tmp_path, capfd):
    for flags in ([], ["-m"], ["--cfg", "job"]):
        assert main([*QUICK, *flags, word, f"output_dir={tmp_path / 'out'}"]) == 2
        said = "".join(capfd.readouterr())
        assert "environment variable" in said
        assert [secret for secret in HIDDEN if secret in said] == []
    assert not (tmp_path / "out").exists()


def test_a_configuration_that_is_shown_hides_what_it_reads_from_the_environment(planted, groups, capfd):
    assert main([*QUICK, *groups(EXPERIMENT), "--cfg", "job", "--resolve"]) == 0
    said = "".join(capfd.readouterr())
    assert [secret for secret in [*HIDDEN, "hf_ZZZ"] if secret in said] == []
    assert redact.HIDDEN in said and "price_source: see" in said


def test_without_redaction_the_search_finds_them(planted, groups, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("ftlab.command.runs.redact_text", lambda text: text)
    assert main([*QUICK, *groups(EXPERIMENT), "--cfg", "job", "--resolve"]) == 0
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "x.yaml").write_text(capfd.readouterr().out)
    assert {word for _, word in search(tmp_path / "out", HIDDEN)} == {
        SECRETS["AWS_SECRET_ACCESS_KEY"],
        SECRETS["HF_TOKEN"],
        "open-sesame-77",
    }


def test_names_of_ordinary_settings_are_no_secrets(planted):
    plain = {
        "pad_token": "[PAD]",
        "max_new_tokens": 64,
        "use_cls_token": "yes",
        "tokenizer": "bytes",
        "monkey": "x" * 9,
    }
    assert redact.redact(plain) == plain
    for name in (
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "MLFLOW_TRACKING_PASSWORD",
        "ssh_private_key",
    ):
        assert redact.names_secret(name)
    for name in ("TOKENIZERS_PARALLELISM", "KEYBOARD", "PATH", "pad_token", "PWD", "SECRETARY"):
        assert not redact.names_secret(name)
