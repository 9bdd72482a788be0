"""The lines that load a model folder: they compile, and are those of the folder's kind."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import torch

import peft_kinds
from ftlab.artefact import Base, save_artefact
from ftlab.models.load_options import read_load_options
from ftlab.models.quantization import quantize_base
from ftlab.report.card import model_card
from ftlab.report.usage import Place, loading_lines, place_of, usage, writing_lines
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


@pytest.mark.parametrize(
    ("kind", "shape", "labels", "load"),
    [
        ("lora", "bert", True, {}),
        ("dora", "bert", True, {}),
        ("ia3", "bert", True, {}),
        ("prompt_tuning", "bert", True, {}),
        ("prefix_tuning", "llama", False, {}),
        ("lora", "bert", True, {"quantization": "int8"}),
        ("ia3", "llama", False, {"quantization": "nf4"}),
    ],
)
def test_lines_load_the_adapter_on_the_base_beside_it(tmp_path, kind, shape, labels, load) -> None:
    if load.get("quantization") == "nf4":
        pytest.importorskip("bitsandbytes")
    names = peft_kinds.LABELS if labels else None
    base, options = peft_kinds.base(shape, names), read_load_options(load)
    quantize_base(base, options)
    net = peft_kinds.trained(kind, shape, names, base)
    place = Base(load=lambda: peft_kinds.base(shape, names))
    save_artefact(
        net, peft_kinds.tokenizer(shape), tmp_path / "model", labels=names, base=place, load=options.to_json()
    )

    where = Place("beside", load)
    begins = 'inputs = tokenizer("How the text begins", return_tensors="pt", add_special_tokens=False)'
    lines = loading_lines(names, 32, "adapter", where) if names else writing_lines(begins, "adapter", where)
    held: dict[str, Any] = {}
    exec(lines.replace("path/to/this/folder", str(tmp_path / "model")), held)
    expected = peft_kinds.logits(net)
    # Plain transformers quantises what is multiplied with weights in 8 bits too; the lines load them whole, and say so.
    tolerance = 0.5 if load.get("quantization") == "int8" else 1e-5
    torch.testing.assert_close(peft_kinds.logits(held["model"]), expected, rtol=0, atol=tolerance)
    assert ("outputs differ" in lines) == (load.get("quantization") == "int8")


def test_lines_of_a_quantised_base_on_the_hub_name_it_as_the_adapter_does() -> None:
    load = {"quantization": "fp4", "double_quantization": False, "compute_dtype": "bfloat16"}
    lines = loading_lines(["a", "b"], 32, "adapter", Place("hub", load))
    compile(lines, "usage", "exec")
    assert 'quant_type="fp4"' in lines and "double_quant=False" in lines and "compute_dtype=torch.bfloat16" in lines
    assert "from_pretrained(adapter.base_model_name_or_path, revision=adapter.revision, num_labels=2, quant" in lines


def test_the_place_of_the_base_is_that_of_the_record(finished) -> None:
    beside = dataclasses.replace(finished, artefact=dataclasses.replace(finished.artefact, base="beside"))
    assert (place_of(finished).base, place_of(beside).base) == ("hub", "beside")
    assert 'f"{folder}/base"' in usage(of(beside, head="lm", labels=[], style="chat"), "adapter")
    assert "in `base` the model that it goes on" in model_card(beside, "adapter")
