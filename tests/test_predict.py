"""``ftlab predict`` over files and pipes, through the command line, with a small run."""

import csv
import gzip
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ftlab.launch import main
from ftlab.streams import chunks
from ftlab.streams.journal import Journal
from small import SMALL

LABELS = ["oppose", "neutral", "support"]
WORDS = "the tram is late again and nobody in the council seems to mind much at all".split()
TEXTS = [" ".join(WORDS[: 1 + (n * 7) % len(WORDS)]) + f" {n}" for n in range(37)]
ROWS = [{"id": str(n), "review": text, "label": "x, y"} for n, text in enumerate(TEXTS)]
ADDED = ["prediction", *(f"p_{label}" for label in LABELS)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    quick = ["trainer.max_epochs=1", "latency.enabled=false", "tracking=none", f"output_dir={place}"]
    assert main([*SMALL, *quick]) == 0
    (result,) = place.glob("*/*/result.json")
    return result.parent


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chunks, "MOST_ROWS", 8)
    with open("in.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "review", "label"])
        writer.writeheader()
        writer.writerows(ROWS)
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    Path("in.jsonl.gz").write_bytes(gzip.compress(Path("in.jsonl").read_bytes()))
    Path("in.txt").write_text("\n".join(TEXTS) + "\n")
    pd.DataFrame(ROWS).to_parquet("in.parquet")
    return tmp_path


def read(path):
    if path.endswith(".parquet"):
        return pd.read_parquet(path).to_dict("records")
    if path.endswith(".csv"):
        return pd.read_csv(path, dtype={"id": str}).to_dict("records")
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def predict(run, *words):
    return main(["predict", str(run), *words])


def probabilities(rows):
    return np.array([[row[name] for name in ADDED[1:]] for row in rows])


def loaded(run):
    """Return the predictor of a run folder."""
    from ftlab.finished import open_run
    from ftlab.verbs.loading import load_labeller

    return load_labeller(*open_run(str(run), run.parent), "cpu")


@pytest.fixture(scope="module")
def expected(run):
    return loaded(run).predict(TEXTS, batch_size=1)


FORMATS = list(
    itertools.product(["in.csv", "in.jsonl", "in.jsonl.gz", "in.parquet"], ["out.csv", "out.jsonl", "out.parquet"])
)
QUICK = [*FORMATS[::4], ("in.parquet", "out.csv")]  # each format once on each side


@pytest.mark.parametrize(
    ("given", "made"), [pytest.param(*one, marks=[] if one in QUICK else [pytest.mark.slow]) for one in FORMATS]
)
def test_every_format_keeps_rows_columns_and_order(run, here, expected, capsys, given, made):
    assert predict(run, f"input={given}", f"output={made}", "text_column=review") == 0
    rows = read(made)
    assert [list(row) for row in rows] == [["id", "review", "label", *ADDED]] * len(ROWS)
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    assert [row["prediction"] for row in rows] == [one.label for one in expected]
    wanted = np.array([[one.probabilities[label] for label in LABELS] for one in expected])
    np.testing.assert_allclose(probabilities(rows), wanted, atol=1e-5)
    assert f"37 rows in {made}; 37 in" in capsys.readouterr().out
    assert not list(here.glob("*.partial*"))


def test_a_pipe_goes_to_the_terminal_as_json_lines(run, here, expected, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(Path("in.txt").read_bytes())))
    assert predict(run, "input=-") == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["prediction"] for row in rows] == [one.label for one in expected]
    assert "37 rows; 37 in" in printed.err


def test_rows_without_a_text_are_kept_and_counted(run, here, capsys):
    Path("few.csv").write_text('text,n\nfine,1\n"",2\n ,3\n')
    for made in ("out.jsonl", "out.csv", "out.parquet"):
        assert predict(run, "input=few.csv", f"output={made}") == 0
        assert "2 without a text have no prediction" in capsys.readouterr().out
    rows = read("out.jsonl")
    assert rows[0]["prediction"] in LABELS
    assert rows[1] == {"text": "", "n": "2", **dict.fromkeys(ADDED)}
    assert Path("out.csv").read_text().splitlines()[2] == ",2,,,,"
    assert pd.read_parquet("out.parquet").isna().sum().to_dict() == {"text": 0, "n": 0, **dict.fromkeys(ADDED, 2)}


def test_batches_of_a_given_size_give_the_same_labels(run, here):
    assert predict(run, "input=in.txt", "output=a.jsonl") == 0
    assert predict(run, "input=in.txt", "output=b.jsonl", "batch_size=3", "prefix=b_") == 0
    one, two = read("a.jsonl"), read("b.jsonl")
    assert [row["prediction"] for row in one] == [row["b_prediction"] for row in two]


def test_names_hold_what_hydra_would_read_otherwise(run, here):
    os.rename("in.txt", "a=b, ${c} {d}.txt")
    assert predict(run, "input=a=b, ${c} {d}.txt", "output=out, [1]=2.jsonl") == 0
    assert len(read("out, [1]=2.jsonl")) == 37


# Each breaks off a run at another moment: while predicting, between rows and state, while finishing.
def _while_predicting(monkeypatch, at):
    from ftlab.predictor import TorchPredictor

    score, calls = TorchPredictor.score, []

    def broken(self, *args):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        return score(self, *args)

    monkeypatch.setattr(TorchPredictor, "score", broken)


def _while_saying(monkeypatch, at):
    say, calls = Journal._say, []

    def broken(self, progress):
        calls.append(1)
        if len(calls) == at:
            raise KeyboardInterrupt
        say(self, progress)

    monkeypatch.setattr(Journal, "_say", broken)


def _while_naming(monkeypatch, at):
    def broken(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("ftlab.streams.journal._sync_folder", broken)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("made", ["out.csv", "out.jsonl", "out.parquet"])
@pytest.mark.parametrize(
    "break_off, at",
    [
        *[
            (_while_predicting, 3),
            (_while_saying, 2),
            (_while_naming, 0),
            pytest.param(_while_predicting, 1, marks=SLOW),
        ],
        *[pytest.param(_while_saying, n, marks=SLOW) for n in (1, 4, 7)],
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_bytes(run, here, monkeypatch, capsys, made, break_off, at):
    words = ["input=in.csv", "text_column=review"]
    assert predict(run, *words, f"output=whole_{made}") == 0
    with monkeypatch.context() as patch:
        break_off(patch, at)
        assert predict(run, *words, f"output={made}") == 130
    assert Path(made).exists() is (break_off is _while_naming)
    capsys.readouterr()
    assert predict(run, *words, f"output={made}") == 0
    assert Path(made).read_bytes() == Path(f"whole_{made}").read_bytes()
    assert not list(here.glob("*.partial*"))


@pytest.mark.parametrize("seed", range(4))
def test_a_torn_end_is_cut_off(run, here, monkeypatch, capsys, seed):
    words = ["input=in.jsonl", "text_column=review"]
    assert predict(run, *words, "output=whole.jsonl") == 0
    with monkeypatch.context() as patch:
        _while_predicting(patch, 4)
        assert predict(run, *words, "output=out.jsonl") == 130
    assert "24 rows are kept in out.jsonl.partial; the same command goes on from there" in capsys.readouterr().err
    whole, kept = Path("whole.jsonl").read_bytes(), Path("out.jsonl.partial").read_bytes()
    assert whole.startswith(kept)
    more = np.random.default_rng(seed).integers(1, len(whole) - len(kept))
    Path("out.jsonl.partial").write_bytes(whole[: len(kept) + more])  # rows on the disk that the state does not know
    assert predict(run, *words, "output=out.jsonl") == 0
    assert "goes on after 24 rows in out.jsonl.partial" in capsys.readouterr().err
    assert Path("out.jsonl").read_bytes() == whole


def test_a_row_that_cannot_be_predicted_keeps_those_before_it(run, here, capsys):
    lines = Path("in.jsonl").read_text().splitlines(keepends=True)
    assert predict(run, "input=in.jsonl", "text_column=review", "output=whole.jsonl") == 0
    Path("in.jsonl").write_text("".join([*lines[:20], '{"id": "20", "review": 3}\n', *lines[21:]]))
    words = ["input=in.jsonl", "text_column=review", "output=out.jsonl"]
    capsys.readouterr()
    assert predict(run, *words) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-2].startswith("in.jsonl line 21 column 'review' holds 3, which is no text")
    assert said[-1] == "16 rows are kept in out.jsonl.partial; the same command goes on from there"
    Path("in.jsonl").write_text("".join(lines))
    assert predict(run, *words) == 0
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_other_rows_or_options_are_refused_and_begun_anew_when_told(run, here, monkeypatch, capsys):
    words = ["input=in.txt", "output=out.jsonl"]
    with monkeypatch.context() as patch:
        _while_predicting(patch, 3)
        assert predict(run, *words) == 130
    capsys.readouterr()
    assert predict(run, *words, "batch_size=4") == 2
    assert 'was begun with batch_size="auto", and now it is 4; write overwrite=true' in capsys.readouterr().err
    Path("in.txt").write_text("something else\n" * 37)
    assert predict(run, *words) == 2
    assert "the first 16 rows of in.txt are not those in out.jsonl.partial" in capsys.readouterr().err
    Path("in.txt").write_text("too short\n")
    assert predict(run, *words) == 2
    assert predict(run, *words, "overwrite=true") == 0
    assert len(read("out.jsonl")) == 1


@pytest.mark.parametrize(
    "words, says",
    [
        (
            ["input=in.csv", "output=out.csv"],
            "in.csv has no column 'text'; its columns: id, review, label; write text_",
        ),
        (["input=in.csv", "output=out.csv", "text_column=id", "prefix="], None),
        (["input=empty.csv", "output=out.csv"], "input=empty.csv holds no rows"),
        (["input=in.cvs"], "input=in.cvs does not exist; did you mean input=in.csv?"),
        (["input=in.csv", "output=out.xlsx"], "output=out.xlsx ends in .xlsx; end it in one of .jsonl, .csv"),
        (["input=in.csv", "output=in.csv"], "output=in.csv is the input itself"),
        (["input=in.csv", "output=in.txt"], "output=in.txt ends in .txt"),
        (["input=in.csv", "output=in.jsonl"], "output=in.jsonl exists; write overwrite=true"),
        (["input=in.csv", "output=in.csv/out.csv"], "output=in.csv/out.csv cannot be written"),
        (["input=in.csv", "text=a"], "text and input=in.csv are given both"),
        (["text=a", "output=out.csv"], "output=out.csv is for the rows of a file; add input=<file>"),
        (["input=in.csv", "batch_size=0"], "batch_size=0 must be auto, or a number of rows from 1"),
        (["input=in.csv", "input_format=xml"], "input_format=xml is none of csv, tsv, txt, jsonl"),
        (["input=.", "output=out.csv"], "input=. is a folder; name a file in it: empty.csv, in.csv"),
        (["input=in.odd"], "input=in.odd ends in .odd; give one of .csv"),
        (["input=in.txt", "text_pair_column=b"], "input=in.txt is read as plain text, one text per line"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(run, here, capsys, words, says):
    Path("empty.csv").write_text("text\n")
    Path("in.odd").write_text("x")
    before = sorted(here.iterdir())
    assert predict(run, *words) == (0 if says is None else 2)
    said = capsys.readouterr().err
    if says is not None:
        assert said.startswith(says) and said.count("\n") == 1
        assert sorted(here.iterdir()) == before


def test_a_column_that_is_there_already_is_not_written_over(run, here, capsys):
    assert predict(run, "input=in.txt", "output=once.csv") == 0
    assert predict(run, "input=once.csv", "output=twice.csv") == 2
    assert "has a column 'prediction' already; write prefix=new_ to add new_prediction" in capsys.readouterr().err
    assert predict(run, "input=once.csv", "output=twice.csv", "prefix=new_") == 0
    rows = read("twice.csv")
    assert [row["prediction"] for row in rows] == [row["new_prediction"] for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize("made", ["out.csv", "out.parquet"])
def test_kill_at_any_moment_loses_and_repeats_no_row(run, here, made):
    Path("long.txt").write_text("".join(f"{text} {n}\n" for n in range(800) for text in TEXTS))
    words = ["predict", str(run), "input=long.txt"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ftlab", *words, f"output={made}"]
    kills = 0
    for seconds in (0.2, 0.9, 1.7, 600):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not Path(f"{made}.partial").exists():
            time.sleep(0.01)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills and process.returncode == 0
    subprocess.run([*command[:-1], f"output=whole_{made}"], env=environment, check=True, stdout=subprocess.DEVNULL)
    assert Path(made).read_bytes() == Path(f"whole_{made}").read_bytes()


@pytest.mark.slow
def test_predict_is_faster_than_the_transformers_pipeline_with_the_same_labels(tmp_path):
    # Mixed lengths, as users' texts have: many of a few words, some of several sentences.
    import torch
    from transformers import pipeline

    words = ["model=minilm", "adapter=head", "trainer.max_epochs=1", "dataset.limit={train: 64, val: 16, test: 16}"]
    assert main([*words, "latency.enabled=false", "tracking=none", f"output_dir={tmp_path}"]) == 0
    (result,) = tmp_path.glob("*/*/result.json")
    draw = np.random.default_rng(3)
    counts = np.clip(draw.lognormal(2.6, 0.9, 320), 1, 80).astype(int)
    texts = [" ".join(draw.choice(WORDS, count)) for count in counts]
    fast = loaded(result.parent)
    slow = pipeline("text-classification", model=str(result.parent / "model"), batch_size=16, device="cpu")

    def ours():
        return [fast.labels[best] for best in fast.score(texts, None).argmax(axis=1)]

    def theirs():
        return [found["label"] for found in slow(texts)]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert ours() == theirs()  # and warm
        seconds = {ours: [], theirs: []}
        for one in (ours, theirs, theirs, ours):
            start = time.process_time()  # of this process alone, however busy the machine is
            one()
            seconds[one].append(time.process_time() - start)
    finally:
        torch.set_num_threads(threads)
    assert min(seconds[theirs]) > 1.5 * min(seconds[ours])
