"""Every command and snippet of the README works, as it stands there."""

import contextlib
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
PREDICTS = [c for c in OURS if " predict " in c]
TRAINS = [c for c in OURS if c not in PREDICTS]
# Weights that only the hub has, or a device that this machine may lack: checked, not run.
ELSEWHERE = re.compile(r"bert_large adapter=lora|google/|trainer=gpu|dry_run=true")


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
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_has_commands_to_test():
    assert len(TRAINS) >= 8 and len(PREDICTS) == 1


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
def test_predict_and_the_notebook_lines_read_the_latest_run(workplace, capsys):
    assert main([*SMALL, "trainer.max_epochs=1", "latency.enabled=false"]) == 0
    assert main(words_of(PREDICTS[0])) == 0
    assert "oppose" in capsys.readouterr().out
    (snippet,) = [block for kind, block in BLOCKS if kind == "python"]
    assert len(snippet.strip().splitlines()) == 4
    found = {}
    with contextlib.redirect_stdout(None):
        exec(snippet, found)
    assert found["run"].run.status == "finished"
    assert len(found["rows"]) == found["run"].dataset.test_rows
