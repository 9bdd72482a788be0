"""Every command and snippet of the README works, as it stands there."""

import contextlib
import json
import re
import shlex
from pathlib import Path

import pytest

from ftlab.launch import main
from small import SMALL

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
COMMANDS = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines() if line.strip()]
OURS = [c.split("#")[0].strip() for c in COMMANDS if "-m ftlab" in c]
# These look at runs that are there.
LATER = [c for c in OURS if re.search(r"ftlab (predict|evaluate|list|compare) ", c)]
RESUMES = [c for c in OURS if "resume=" in c]
TRAINS = [c for c in OURS if c not in LATER + RESUMES]
# Weights that only the hub has, or a device that this machine may lack: checked, not run.
ELSEWHERE = re.compile(
    r"bert_large adapter=lora|roberta_base|google/|trainer=gpu|dry_run=true|smollm2|write_posts|prompt_|model=gpt2"
    r"|mlads_imdb|abb_|=policy_stance"
)


def words_of(command):
    words = shlex.split(command)
    while ("=" in words[0] and words[0].isupper()) or words[0] in {"python", "-m", "ftlab"}:
        words = words[1:]
        if words[0] == "ftlab":
            return words[1:]
    return words


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    rows = [
        f"{text} {n},{label}" for n in range(40) for text, label in (("a fine film", "good"), ("a dull film", "bad"))
    ]
    (tmp_path / "reviews.csv").write_text("review,stars\n" + "\n".join(rows) + "\n")
    (tmp_path / "new.csv").write_text("text,label\nFree buses are a gift.,support\nBan them.,oppose\nA vote.,neutral\n")
    chat = {"messages": [{"role": "user", "content": "An idea"}, {"role": "assistant", "content": "The post."}]}
    for name in ("train", "validation"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(chat) + "\n")
    (tmp_path / "r8").mkdir()
    for name in ("train", "test"):
        topics = [
            f"{topic}\t{name} {n} on the price of {topic}" for n in range(20) for topic in ("earn", "acq", "grain")
        ]
        (tmp_path / "r8" / f"{name}.tsv").write_text("Category\tText\n" + "\n".join(topics) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_has_commands_to_test():
    assert len(TRAINS) >= 9 and len(RESUMES) == 1
    assert [words_of(c)[0] for c in LATER] == ["evaluate", "predict", "predict", "compare", "list"]


@pytest.mark.parametrize("command", TRAINS)
def test_every_command_passes_its_check(workplace, capsys, command):
    assert main([*words_of(command), "dry_run=true"]) == 0, capsys.readouterr().err
    assert not (workplace / "outputs").exists()


@pytest.mark.parametrize("target", re.findall(r"make ([a-z-]+)", README))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_every_link_leads_somewhere(link):
    assert (ROOT / link).exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in TRAINS if not ELSEWHERE.search(c)])
def test_every_command_that_needs_no_hub_runs_to_its_end(workplace, command):
    # As typed, but for the size: a few rows, a few steps. The model stays the command's own.
    quick = [*SMALL[1:], "trainer.max_steps=2", "dataset.max_length=32"]
    assert main([*words_of(command), *[q for q in quick if q.split("=")[0] not in command]]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("command", RESUMES)
def test_the_command_that_goes_on_ends_a_run_that_failed(workplace, monkeypatch, command):
    quick = [*SMALL[1:], "trainer.max_steps=2", "dataset.max_length=32"]
    words = words_of(command)
    with monkeypatch.context() as patch:
        patch.setattr("ftlab.verbs.train.finish_run", lambda *parts: 1 / 0)
        assert main([w for w in [*words, *quick] if not w.startswith("resume=")]) == 1
    assert main([*words, *quick]) == 0
    assert len(list(workplace.glob("outputs/default/*"))) == 1


@pytest.mark.slow
def test_the_later_commands_and_the_notebook_lines_read_the_latest_run(workplace, capsys):
    assert main([*SMALL, "adapter=head", "trainer.max_epochs=1", "latency.enabled=false"]) == 0
    assert main([*SMALL, "trainer.max_epochs=1", "latency.enabled=false"]) == 0
    for command in LATER:
        quick = SMALL[-1:] if " evaluate " in command else []
        words = [word.replace("outputs/stance", "outputs/default") for word in words_of(command)]
        assert main([*words, *quick]) == 0, command
    printed = capsys.readouterr().out
    assert "oppose" in printed and "policy_stance" in printed
    given, labelled = ((workplace / name).read_text().splitlines() for name in ("reviews.csv", "labelled.csv"))
    assert [row.split(",")[:2] for row in labelled] == [row.split(",") for row in given]
    (snippet,) = [block for kind, block in BLOCKS if kind == "python"]
    assert sum(1 for line in snippet.splitlines() if line.strip()) == 4
    found = {}
    with contextlib.redirect_stdout(None):
        exec(snippet, found)
    assert found["run"].run.status == "finished"
    assert len(found["rows"]) == found["run"].dataset.test_rows
