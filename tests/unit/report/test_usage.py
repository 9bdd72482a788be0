"""The lines that load a model folder: they compile, and are those of the folder's kind."""

from __future__ import annotations

import dataclasses
import re

import pytest

from ftlab.report.usage import loading_lines, usage
from ftlab.results import RunResult


def of(finished: RunResult, *, head: str, labels: list[str], style: str | None = None) -> RunResult:
    return dataclasses.replace(
        finished,
        model=dataclasses.replace(finished.model, head=head, task="classification" if labels else "causal_lm"),
        dataset=dataclasses.replace(finished.dataset, labels=labels),
        prompt={"name": "none", **({"style": style} if style else {})},
    )


@pytest.mark.parametrize("form", ["full", "adapter"])
@pytest.mark.parametrize(
    ("head", "labels", "style"),
    [("classification", ["no", 'y"es'], None), ("lm", [], "plain"), ("lm", [], "chat")],
)
def test_lines_are_python_and_load_the_form_that_lies_there(finished, form, head, labels, style) -> None:
    found = usage(of(finished, head=head, labels=labels, style=style), form)
    code = re.fullmatch(r"```python\n(.*)```", found, re.DOTALL)
    assert code, "one block"
    compile(code[1], "usage", "exec")
    kind = "SequenceClassification" if labels else "CausalLM"
    assert f"{'AutoPeftModelFor' if form == 'adapter' else 'AutoModelFor'}{kind}.from_pretrained(folder" in code[1]
    assert "{" not in code[1].replace('{"role"', "").replace("{labels}", "") or style == "chat"


def test_conversations_go_through_the_template_and_plain_texts_do_not(finished) -> None:
    chat, plain = (usage(of(finished, head="lm", labels=[], style=style), "full") for style in ("chat", "plain"))
    assert "apply_chat_template(turns, add_generation_prompt=True" in chat and "apply_chat_template" not in plain


def test_labels_by_a_prompt_are_asked_for_by_ftlab(finished) -> None:
    found = usage(of(finished, head="lm", labels=["no", "yes"]), "full")
    assert "ftlab predict" in found and "ftlab.json" in found and "python" not in found


def test_adapter_of_a_classifier_names_its_labels_as_python_reads_them() -> None:
    held: dict[str, object] = {}
    lines = loading_lines(["a", 'b"', "ü"], 64, "adapter")
    exec(next(line for line in lines.splitlines() if line.startswith("labels")), held)
    assert held["labels"] == ["a", 'b"', "ü"] and "num_labels=3" in lines and "max_length=64" in lines
