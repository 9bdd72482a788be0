"""What people give by mistake: each is one sentence that says what to do, exit code 2, and nothing is left behind.

A case is a name, the files that lie in the working directory, the words typed, and what each sentence must say. The
runs stop before a weight is loaded.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.launch import main
from made_runs import save_run, save_state, save_sweep

TINY = "model=tiny_bert trainer=cpu"
FILES = f"{TINY} dataset=files dataset.train=train.csv"
RUN = "outputs/default/2026-01-01_00-00-00_distilbert_lora_0a1b2c3d"
TEXTS = [f"sentence number {number} about nothing" for number in range(40)]


def csv(*rows: str, header: str = "text,label", end: str = "\n") -> str:
    """40 rows of the labels a and b, then ``rows``."""
    good = [f"{text},{'ab'[number % 2]}" for number, text in enumerate(TEXTS)]
    return end.join([header, *good, *rows, ""])


def labelled(*labels: object) -> str:
    """40 rows with these labels in turn."""
    return "text,label\n" + "".join(f"{text},{labels[i % len(labels)]}\n" for i, text in enumerate(TEXTS))


def jsonl(*rows: object) -> str:
    """40 good rows, then ``rows``: a string stands as it is, all else as JSON."""
    good = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(TEXTS)]
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in [*good, *rows])


def parquet(**columns: list) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


Files = dict[str, str | bytes]


@dataclass
class Bad:
    """One mistake.

    Args:
        words: of the command line.
        said: a regular expression per sentence, in order.
        files: path -> what it holds.
        make: writes what is more than a file.
    """

    words: str
    said: str | list[str]
    files: Files = field(default_factory=dict)
    make: Callable[[], object] = lambda: None


CONFIGURATION = {
    "an option nobody knows": Bad(f"{TINY} lr_decay=1", r"^lr_decay is not an option"),
    "a misspelt option": Bad(f"{TINY} trainer.max_epoch=1", r"write trainer\.max_epochs=1"),
    "a word for a number": Bad(f"{TINY} seed=abc", r"^seed=abc is not a whole number; write e\.g\. seed=42"),
    "a number out of range": Bad(f"{TINY} adapter=lora adapter.rank=0", r"at least 1; write e\.g\. adapter\.rank=8"),
    "a misspelt choice": Bad(f"{TINY} adapter=lroa", r"did you mean adapter=lora\? Choices: adalora"),
    "a missing value": Bad(f"{TINY} dataset=files", r"^dataset\.train is missing.*write dataset\.train=<file>"),
    "an option of another choice": Bad(f"{TINY} adapter=full adapter.rank=4", r"write adapter=lora adapter\.rank=4"),
    "several values without -m": Bad(f"{TINY} seed=1,2", r"add -m to run each"),
    "a misspelt verb": Bad("trian", r"did you mean train\? Verbs: "),
    "a class that may not run": Bad(f"{TINY} callbacks.x._target_=os.system", r"set the environment variable FTLAB_"),
    "a login in an address": Bad(f"{TINY} tracking.uri=https://me:pw@host", r"MLFLOW_TRACKING_PASSWORD"),
    "outputs below a file": Bad(f"{TINY} output_dir=taken", r"output_dir=<folder>$", {"taken": ""}),
    "a leak policy nobody knows": Bad(f"{TINY} dataset.on_leak=dorp", r"did you mean drop\?"),
    "a whole for a fraction": Bad(
        f"{FILES} dataset.test_fraction=20", r"type dataset\.test_fraction=0\.1", {"train.csv": csv()}
    ),
    "three mistakes at once": Bad(
        f"{TINY} seed=abc adapter=lroa monitor=f1",
        [r"did you mean adapter=lora", r"seed=42", r"write monitor=val/f1_macro"],
    ),
}

MODEL = {
    "a text longer than the model": Bad(f"{TINY} dataset.max_length=600", r"write dataset\.max_length=512$"),
    "targets that match no layer": Bad(
        f"{FILES} adapter=lora adapter.targets=[qury]",
        r"no layer is called qury; did you mean query\?.*type adapter\.targets=\[",
        {"train.csv": csv()},
    ),
    "a model folder that is not there": Bad("model.checkpoint=./nowhere", r"give model\.checkpoint=<local folder>"),
    "a model folder that brings code": Bad(
        "model.checkpoint=./bad model.tokenizer=bytes",
        r"config\.json sets auto_map.*remove the key",
        {"bad/config.json": json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "evil.Model"}})},
    ),
    "a model folder with pickled weights": Bad(
        f"model.checkpoint=./bad model.tokenizer=bytes trainer=cpu {FILES.split(maxsplit=2)[2]}",
        r"safetensors",
        {
            "bad/config.json": json.dumps({"model_type": "bert", "num_hidden_layers": 1}),
            "bad/pytorch_model.bin": b"\x80\x02",
            "train.csv": csv(),
        },
    ),
}

SOURCES = {
    "a missing file": Bad(
        f"{TINY} dataset=files dataset.train=tran.csv", r"did you mean .*train\.csv\?", {"train.csv": ""}
    ),
    "a missing text column": Bad(
        FILES,
        r"no column 'text' .*it has: review, label; type dataset\.text_column=review",
        {"train.csv": csv(header="review,label")},
    ),
    "a missing label column": Bad(
        FILES, r"no column 'label' .*type dataset\.label_column=stance", {"train.csv": csv(header="text,stance")}
    ),
    "a missing pair column": Bad(
        f"{FILES} dataset.text_pair_column=title", r"no column 'title' .*it has: text, label", {"train.csv": csv()}
    ),
    "a missing group column": Bad(
        f"{FILES} dataset.group_column=author", r"no column 'author' .*it has: text, label", {"train.csv": csv()}
    ),
    "an ending that cannot be read": Bad(
        f"{TINY} dataset=files dataset.train=train.xlsx",
        r"ends in \.xlsx; give one of \.csv",
        {"train.xlsx": b"PK\x03\x04"},
    ),
    "a spreadsheet called csv": Bad(
        FILES, r"is a zip archive or a spreadsheet.*export it", {"train.csv": b"PK\x03\x04\xff"}
    ),
    "a folder without a data file": Bad(
        f"{TINY} dataset=files dataset.train=data",
        r"^dataset\.train=data is a folder without a csv.*name another",
        {"data/notes.txt": "x"},
    ),
    "a pattern that matches nothing": Bad(
        f"{TINY} dataset=files 'dataset.train=data/*.jsonl'",
        r"matches no file; .*holds a\.csv; type another",
        {"data/a.csv": csv()},
    ),
    "a parquet file cut short": Bad(
        f"{TINY} dataset=files dataset.train=train.parquet",
        r"^train\.parquet cannot be read as parquet.*write the file again",
        {"train.parquet": parquet(text=TEXTS, label=["a", "b"] * 20)[:-20]},
    ),
    "a gzip file cut short": Bad(
        f"{TINY} dataset=files dataset.train=train.csv.gz",
        r"^train\.csv\.gz is cut short or damaged.*copy it again",
        {"train.csv.gz": gzip.compress(csv().encode(), mtime=0)[:-30]},
    ),
    "a text file called gz": Bad(
        f"{TINY} dataset=files dataset.train=train.csv.gz",
        r"^train\.csv\.gz is .*(gzip|damaged)",
        {"train.csv.gz": csv()},
    ),
}

ROWS = {
    "an empty text": Bad(
        FILES, r"^train\.csv row 41: column 'text' is empty; fill it in or delete", {"train.csv": csv(",a")}
    ),
    "a null text": Bad(
        FILES.replace("csv", "jsonl"),
        r"row 41: column 'text' is empty",
        {"train.jsonl": jsonl({"text": None, "label": "a"})},
    ),
    "a number for a text": Bad(
        FILES.replace("csv", "jsonl"),
        r"row 41: column 'text' holds a int, not text; choose another column with dataset\.text_column=",
        {"train.jsonl": jsonl({"text": 7, "label": "a"})},
    ),
    "an empty label": Bad(
        FILES, r"^train\.csv row 41.*'label' is empty; label the row or delete it", {"train.csv": csv("x y,")}
    ),
    "bytes that are not UTF-8": Bad(
        FILES,
        r"^train\.csv line 42 is not UTF-8 \(byte 0xe9\); .*iconv -f latin1",
        {"train.csv": csv("caf\xe9,a").encode("latin1")},
    ),
    "a NUL character": Bad(
        FILES, r"train\.csv (row 41|line 42).*NUL.*; (take it out|delete)", {"train.csv": csv("a\0b,a")}
    ),
    "a quote that is never closed": Bad(
        FILES,
        r"^train\.csv line 42 has a quote that is never closed; close it",
        {"train.csv": csv('"open,a', "more,b")},
    ),
    "a row that is too wide": Bad(
        FILES, r"line 42 has 3 columns, the header has 2 .*put quotes", {"train.csv": csv("a,b,c")}
    ),
    "a broken line of JSON": Bad(
        FILES.replace("csv", "jsonl"),
        r"^train\.jsonl line 41 is no JSON .*write one object per line",
        {"train.jsonl": jsonl('{"text": ')},
    ),
    "a line of 10 MB": Bad(
        FILES.replace("csv", "jsonl"),
        r"^train\.jsonl (line|row) 41.*more than [18],000,000.*(break it up|cut the text)",
        {"train.jsonl": jsonl({"text": "x" * 10_000_000, "label": "a"})},
    ),
    "a field of 10 MB": Bad(
        FILES,
        r"^train\.csv line 42 has .*more than [18],000,000 characters",
        {"train.csv": csv(f"{'x' * 10_000_000},a")},
    ),
    "a file without a row": Bad(
        FILES, r"^train\.csv has no rows for train; give another file", {"train.csv": "text,label\n"}
    ),
    "an empty file": Bad(FILES, r"^train\.csv is empty; give a file with a header and rows", {"train.csv": ""}),
    "a test file without a row": Bad(
        f"{FILES} dataset.test=test.csv",
        r"^test\.csv has no rows for test; .*dataset\.test=<file>",
        {"train.csv": csv(), "test.csv": "text,label\n"},
    ),
    "ten faults and more": Bad(
        FILES,
        [rf"^train\.csv row {row}: column 'text' is empty" for row in range(41, 50)]
        + [r"^and 16 more faults like these"],
        {"train.csv": csv(*[",a"] * 25)},
    ),
    "faults in two files": Bad(
        f"{FILES} dataset.test=test.csv",
        [r"^train\.csv row 41", r"^test\.csv row 41"],
        {"train.csv": csv(",a"), "test.csv": csv(",b")},
    ),
    "a test text that stands in train": Bad(
        f"{FILES} dataset.test=test.csv dataset.on_leak=fail",
        r"test texts stand in train .*type dataset\.on_leak=drop",
        {"train.csv": csv(), "test.csv": f"text,label\n{TEXTS[0].upper()}  ,a\nnew text,b\n"},
    ),
}

LABELS = {
    "one class only": Bad(
        FILES, r"label 'a' in every row.*dataset\.label_column=<column>", {"train.csv": labelled("a")}
    ),
    "a named label without a row": Bad(
        f"{FILES} dataset.labels=[a,b,c]",
        r"no row of the label 'c'.*type 'dataset\.labels=\[a,b\]'",
        {"train.csv": labelled("a", "b")},
    ),
    "integers with a gap": Bad(FILES, r"no row of 1; .*dataset\.labels=\[0,2\]", {"train.csv": labelled(0, 2)}),
    "decimal numbers": Bad(
        FILES, r"decimal number 0\.5 .*does not regress; .*write integers or names", {"train.csv": labelled(0.5, 1.25)}
    ),
    "several labels per row": Bad(
        FILES.replace("csv", "jsonl"),
        r"several labels per row are not supported; supported is one label per row",
        {"train.jsonl": "".join(json.dumps({"text": text, "label": ["a", "b"]}) + "\n" for text in TEXTS)},
    ),
    "an unknown label in a later file": Bad(
        f"{FILES} dataset.test=test.csv",
        r"^test\.csv row 2 has the label 'c'; allowed: a, b",
        {"train.csv": csv(), "test.csv": "text,label\nsome text,a\nother text,c\n"},
    ),
    "a label as a row has its own": Bad(
        FILES,
        r"as many labels, one for each row; choose another column",
        {"train.csv": labelled(*(f"n{i}" for i in range(40)))},
    ),
    "fewer rows than classes": Bad(
        f"{FILES} dataset.labels=[a,b,c,d]",
        r"^train\.csv has 2 rows for 4 labels, fewer than one each; add rows",
        {"train.csv": "text,label\none text,a\nother text,b\n"},
    ),
    "too few rows to split": Bad(
        FILES,
        r"too few to split .*dataset\.(test|val)=<file>, or more rows",
        {"train.csv": "text,label\none text,a\nother text,b\n"},
    ),
}


CHATS = "model=tiny_gpt trainer=cpu dataset=files dataset.train=chats.jsonl"
ASK, ANSWER = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}


def chats(*turns: dict) -> str:
    """40 good conversations, then one of these ``turns``."""
    good = [{"messages": [{"role": "user", "content": text}, ANSWER]} for text in TEXTS]
    return "".join(json.dumps(row) + "\n" for row in [*good, *([{"messages": turns}] if turns else [])])


def pairs(**row: object) -> str:
    """40 good prompts with completions, then ``row``."""
    good = [{"prompt": text, "completion": "Indeed."} for text in TEXTS]
    return "".join(json.dumps(one) + "\n" for one in [*good, *([row] if row else [])])


TO_WRITE = {
    "a chat without an answer": Bad(
        CHATS,
        r"^chats\.jsonl row 41 has no assistant turn, so there is nothing to learn; add the answer",
        {"chats.jsonl": chats(ASK)},
    ),
    "an answer before its question": Bad(
        CHATS,
        r"^chats\.jsonl row 41: .*turn 1 is the assistant's before any of the user; put",
        {"chats.jsonl": chats(ANSWER, ASK, ANSWER)},
    ),
    "two questions in turn": Bad(
        CHATS, r"^chats\.jsonl row 41: .*turn 2 is user after user; .*join", {"chats.jsonl": chats(ASK, ASK, ANSWER)}
    ),
    "a question at the end": Bad(
        CHATS, r"row 41 ends with the user's turn; add the assistant's", {"chats.jsonl": chats(ASK, ANSWER, ASK)}
    ),
    "a speaker nobody knows": Bad(
        CHATS,
        r"row 41: .*turn 2 has the role 'asistant', .*did you mean assistant",
        {"chats.jsonl": chats(ASK, {"role": "asistant", "content": "x"})},
    ),
    "an empty answer": Bad(
        CHATS,
        r"row 41: .*turn 2 \(assistant\) is empty; write what is said or delete the row",
        {"chats.jsonl": chats(ASK, {"role": "assistant", "content": " "})},
    ),
    "an empty completion": Bad(
        CHATS, r"^chats\.jsonl row 41: column 'completion' is empty", {"chats.jsonl": pairs(prompt="x", completion=" ")}
    ),
    "columns that fit no format": Bad(
        CHATS,
        r"has the columns frage, antwort, which fit no format; formats and their columns: messages .*; type dataset\.",
        {"chats.jsonl": json.dumps({"frage": "Why?", "antwort": "Because."}) + "\n"},
    ),
    "a template that drops the answers": Bad(
        f"{CHATS} model.chat_template=mine.jinja",
        r"mine\.jinja .*answer.*model\.chat_template=",
        {
            "chats.jsonl": chats(),
            "mine.jinja": "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
        },
    ),
    "a template that is no jinja": Bad(
        f"{CHATS} model.chat_template=mine.jinja",
        r"^model\.chat_template=mine\.jinja is no jinja template \(line 1: .*type model\.chat_template=plain",
        {"chats.jsonl": chats(), "mine.jinja": "{% for m in messages %}"},
    ),
    "a template that refuses": Bad(
        f"{CHATS} model.chat_template=mine.jinja",
        r"mine\.jinja fails \(never\); type model\.chat_template=chatml",
        {"chats.jsonl": chats(), "mine.jinja": "{{ raise_exception('never') }}"},
    ),
    "a template nobody knows": Bad(
        f"{CHATS} model.chat_template=chatlm", r"did you mean chatml\?", {"chats.jsonl": chats()}
    ),
    "a template for a classifier": Bad(
        f"{TINY} model.chat_template=chatml", r"is for models that write, and model=tiny_bert is none; leave it out"
    ),
    "a prompt on texts to write": Bad(
        f"{CHATS} prompt=zero_shot", r"asks for labels, and dataset=files .*write prompt=none", {"chats.jsonl": chats()}
    ),
    "an encoder on texts to write": Bad(
        CHATS.replace("gpt", "bert"),
        r"holds texts to write, and model=tiny_bert gives labels; write model=smollm2_135m, or give",
        {"chats.jsonl": chats()},
    ),
    "the measure of a classifier": Bad(
        f"{CHATS} monitor=val/f1_macro", r"is not measured; write monitor=val/loss, or one of", {"chats.jsonl": chats()}
    ),
    "the measure of a model that writes": Bad(
        f"{TINY} monitor=val/perplexity", r"is not measured; write monitor=val/\w+, or one of val/"
    ),
    "packed labels": Bad(f"{TINY} dataset.batching=packed", r"a label belongs to one text; type dataset\.batching="),
    "packed labels behind a prompt": Bad(
        "model=tiny_gpt trainer=cpu prompt=zero_shot dataset.batching=packed", r"^dataset\.batching=packed puts several"
    ),
    "writing in a run of labels": Bad(
        f"{TINY} 'generation={{limit: 3}}'", r"^generation\.limit is for texts that a model writes.*leave it out"
    ),
    "a schema that is none": Bad(
        f"{CHATS} generation.json_schema=s.json",
        r"^generation\.json_schema=s\.json is no JSON schema: 'objekt' .*\(at type\); correct it",
        {"chats.jsonl": chats(), "s.json": json.dumps({"type": "objekt"})},
    ),
    "a schema that is no JSON": Bad(
        f"{CHATS} generation.json_schema=s.json", r"s\.json is no JSON \(", {"chats.jsonl": chats(), "s.json": "{type"}
    ),
    "a schema that is not there": Bad(
        f"{CHATS} generation.json_schema=s.json",
        r"s\.json does not exist .*give a JSON schema file",
        {"chats.jsonl": chats()},
    ),
    "a chat longer than the model": Bad(
        f"{CHATS} dataset.max_length=5000", r"write dataset\.max_length=1024$", {"chats.jsonl": chats()}
    ),
    "an answer for a label that is not there": Bad(
        f"{FILES.replace('bert', 'gpt')} prompt=zero_shot 'prompt.verbalisers={{a: yes, c: no}}'",
        r"^prompt\.verbalisers names c, which is no label",
        {"train.csv": csv()},
    ),
    "a chat with a classifier": Bad(
        f"chat {RUN}", r"gives labels and does not converse; type: ftlab predict \S+ text=", make=lambda: finished()
    ),
    "a limit of test rows in predict": Bad(
        f"predict {RUN} text=hello generation.limit=3",
        [r"^generation\.limit has no effect on predict.*leave it out", r"is for models that write, and"],
        make=lambda: finished(),
    ),
}


def finished() -> None:
    save_run(Path(RUN))


def failed() -> None:
    save_run(Path(RUN), status="failed", error="boom")


def killed() -> None:
    save_state(Path(RUN))


PREDICT = {
    "a run that is not there": Bad("predict nowhere text=hello", r"^run=nowhere does not exist"),
    "a file for a run": Bad("predict notes.txt text=hello", r"is a file; give the run's folder", {"notes.txt": ""}),
    "a folder that is no run": Bad("predict data text=hello", r"holds no result\.json.*`ftlab list`", {"data/x": ""}),
    "a run that failed": Bad(f"predict {RUN} text=hello", r"is failed.*`ftlab list`", make=failed),
    "a run that was killed": Bad(f"predict {RUN} text=hello", r"no finished run; `ftlab list`|is killed", make=killed),
    "a broken record": Bad("predict x text=hello", r"not valid JSON .*; run the job again", {"x/result.json": "{"}),
    "a sweep for a run": Bad(
        "predict s text=hello", r"is a sweep; give one of its runs", make=lambda: save_sweep(Path("s"))
    ),
    "no run at all": Bad("predict latest text=hello", r"no finished run lies below outputs; train one with"),
    "no text": Bad(f"predict {RUN}", r"text.*type: ftlab predict", make=finished),
    "an input file that is not there": Bad(
        f"predict {RUN} input=in.csv output=out.csv", r"^input=in\.csv does not exist", make=finished
    ),
    "an output that cannot be written": Bad(
        f"predict {RUN} input=in.csv output=out.docx", r"^output=out\.docx .*(jsonl|csv)", {"in.csv": csv()}, finished
    ),
    "an input without the text column": Bad(
        f"predict {RUN} input=in.csv output=out.csv",
        r"^in\.csv has no column 'text'; .*review.*write text_column=",
        {"in.csv": csv(header="review,label")},
        finished,
    ),
    "text and input at once": Bad(
        f"predict {RUN} text=a input=in.csv output=o.csv", r"leave one|leave (text|input)", {"in.csv": csv()}, finished
    ),
}

EVALUATE = {
    "a run to evaluate that is not there": Bad("evaluate nowhere", r"^run=nowhere does not exist"),
    "a failed run to evaluate": Bad(f"evaluate {RUN}", r"is failed.*`ftlab list`", make=failed),
    "a killed run to evaluate": Bad(f"evaluate {RUN}", r"no finished run; `ftlab list`|is killed", make=killed),
    "a label the model does not know": Bad(
        f"evaluate {RUN} dataset=files dataset.test=test.csv device=cpu",
        r"^test\.csv has the label a, which the model does not know; .*of the model: support, oppose",
        {"test.csv": "text,label\nsome text,a\nother text,support\n"},
        finished,
    ),
    "test rows that are not there": Bad(
        f"evaluate {RUN} dataset=files dataset.test=tset.csv",
        r"did you mean dataset\.test=test\.csv\?",
        {"test.csv": ""},
        finished,
    ),
    "an option that evaluate does not read": Bad(f"evaluate {RUN} trainer=cpu", r"trainer", make=finished),
}

RESUME = {
    "a run to resume that is not there": Bad(f"{TINY} resume=nowhere", r"^resume=nowhere does not exist"),
    "a file to resume": Bad(f"{TINY} resume=x.ckpt", r"^resume=\S*x\.ckpt .*(folder|resume=latest)", {"x.ckpt": ""}),
    "an address to resume": Bad(
        f"{TINY} resume=https://host/x.ckpt", r"^resume=\S*host/x\.ckpt .*(folder|resume=latest)"
    ),
    "nothing to resume": Bad(f"{TINY} resume=latest", r"^resume=latest finds no unfinished run.*leave it out"),
    "a finished run to resume": Bad(
        f"{TINY} resume={RUN}", r"is finished.*leave resume out", make=lambda: (finished(), save_state(Path(RUN)))
    ),
    "a run to resume with other options": Bad(
        f"{TINY} resume={RUN} seed=7", r"seed is 42 there, 7 here.*resume_policy=changed", make=killed
    ),
    "a broken state to resume": Bad(
        f"{TINY} resume=x", r"x/state\.json is not a state.*without resume", {"x/state.json": "{"}
    ),
    "a policy nobody knows": Bad(f"{TINY} resume=latest resume_policy=chnaged", r"resume_policy=changed"),
}

LIST = {
    "a folder to list that is not there": Bad("list outptus", r"did you mean output_dir=outputs\?", make=finished),
    "a status nobody knows": Bad("list status=fialed", r"did you mean status=failed\? Choices: running"),
    "an order nobody knows": Bad("list sort=speed", r"^sort=speed is not possible\. Choices: started, main, p50, usd"),
    "JSON of another verb": Bad(f"{TINY} --json", r"^--json is not for train, it is for: compare, list, plan;"),
}

CASES = CONFIGURATION | MODEL | SOURCES | ROWS | LABELS | TO_WRITE | PREDICT | EVALUATE | RESUME | LIST


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """What a command imports is not what a case takes."""
    import ftlab.verbs.train  # noqa: F401


def write(files: Files) -> None:
    for name, held in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held.encode() if isinstance(held, str) else held)


def there() -> dict[str, int]:
    """Every file with its time, every folder; an empty one for the outputs may be made."""
    paths = [path for path in Path().rglob("*") if path != Path("outputs")]
    return {str(path): path.stat().st_mtime_ns if path.is_file() else 0 for path in paths}


@pytest.mark.parametrize("bad", CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_a_mistake_is_one_sentence_with_the_remedy_and_leaves_nothing(bad, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    bad.make()
    write(bad.files)
    before, start = there(), time.perf_counter()
    code = main(shlex.split(bad.words))
    seconds, printed = time.perf_counter() - start, capsys.readouterr()
    assert code == 2, printed
    assert "Traceback" not in printed.err
    sentences, said = printed.err.splitlines(), [bad.said] if isinstance(bad.said, str) else bad.said
    assert len(sentences) == len(said), sentences
    for sentence, wanted in zip(sentences, said, strict=True):
        assert re.search(wanted, sentence), sentence
    assert there() == before
    assert seconds < 10


# Files that look odd and are right: the only fault that is left is the adapter's, which is found after all of theirs.
ACCEPTED: dict[str, Files] = {
    "a byte order mark": {"train.csv": "\ufeff" + csv()},
    "line ends of Windows": {"train.csv": csv(end="\r\n")},
    "NA and null for texts": {"train.csv": csv("NA,a", "null,b", "None,a", "nan,b")},
    "NA and null for labels": {"train.csv": labelled("NA", "null")},
    "a line break within quotes": {"train.csv": csv('"two\nlines",a', '"a ""quoted"" word",b')},
    "semicolons for commas": {"train.csv": csv().replace(",", ";")},
    "blank lines": {"train.csv": csv("", "", "one more,a")},
    "a text of 900 kB": {"train.csv": csv(f"{'word ' * 180_000},a")},
    "accents and signs": {"train.csv": csv("caf\xe9 \U0001f600 \u4f60\u597d,a")},
}


@pytest.mark.slow
@pytest.mark.parametrize("files", ACCEPTED.values(), ids=[name.replace(" ", "-") for name in ACCEPTED])
def test_what_only_looks_like_a_mistake_is_taken(files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(files)
    assert main(shlex.split(f"{FILES} adapter=lora adapter.targets=[nope]")) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("adapter.targets: no layer is called nope")


def test_there_are_at_least_forty():
    assert len(CASES) >= 40
