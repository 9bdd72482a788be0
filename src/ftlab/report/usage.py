"""How a model folder is used: in plain transformers or peft, or, where a prompt asks, by ftlab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ftlab.results import RunResult

Form = Literal["full", "adapter"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the base of an adapter lies, and how it is held."""

    base: str = "hub"  # or beside
    load: Mapping[str, Any] = field(default_factory=dict)  # adapter.load


_LABELS = """\
{imports}

folder = "path/to/this/folder"
{labels}tokenizer = AutoTokenizer.from_pretrained(folder)
{model}
inputs = tokenizer("Your text.", truncation=True, max_length={max_length}, return_tensors="pt")
print({named}[int(model(**inputs).logits.argmax())])
"""
_WRITES = """\
{imports}

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
{model}
{inputs}
written = model.generate(**inputs, max_new_tokens=128, do_sample=False)
print(tokenizer.decode(written[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
"""
_PLAIN = 'inputs = tokenizer("How the text begins", return_tensors="pt")'
_CHAT = """\
turns = [{"role": "user", "content": "Your text."}]
inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")"""
_ASKED = """\
ftlab predict path/to/the/run text="Your text."
"""
_FOUR_BITS = """\
few_bits = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="{quantization}",
    bnb_4bit_use_double_quant={double},
    bnb_4bit_compute_dtype=torch.{dtype},
    llm_int8_skip_modules=adapter.modules_to_save,  # the head
)
"""


def usage(result: RunResult, form: Form) -> str:
    """Return, as Markdown, the lines that load the folder and answer a text.

    Args:
        result: of a run with model and data.
        form: ``full`` (or merged) weights, or a peft ``adapter`` without its base.
    """
    model, data = result.model, result.dataset
    assert model and data, "a run that was tested has both"
    place = place_of(result)
    if model.head == "classification":
        return _python(loading_lines(data.labels, data.max_length, form, place))
    if data.labels:
        return f"The prompt and its answers stand in `ftlab.json`.\n\n```sh\n{_ASKED}```"
    inputs = _PLAIN if result.prompt.get("style") == "plain" else _CHAT
    return _python(writing_lines(inputs, form, place))


def place_of(result: RunResult) -> Place:
    """Return where the base of a run's adapter lies; of an older record the hub."""
    beside = result.artefact is not None and result.artefact.base == "beside"
    load = result.adapter.get("load")
    return Place("beside" if beside else "hub", load if isinstance(load, Mapping) else {})


def loading_lines(labels: list[str], max_length: int, form: Form, place: Place | None = None) -> str:
    """Return the Python lines that load a classifier's folder and label a text."""
    if form == "full":
        imports, model = _lines("SequenceClassification", form, place or Place())
        return _LABELS.format(
            imports=imports, labels="", model=model, max_length=max_length, named="model.config.id2label"
        )
    # The base is built first and must be told how many labels its head has; JSON strings are Python strings.
    imports, model = _lines("SequenceClassification", form, place or Place(), f", num_labels={len(labels)}")
    said = f"labels = {json.dumps(labels)}\n"
    return _LABELS.format(imports=imports, labels=said, model=model, max_length=max_length, named="labels")


def writing_lines(inputs: str, form: Form, place: Place | None = None) -> str:
    """Return the Python lines that load a language model's folder and go on from ``inputs``, a line that sets them."""
    imports, model = _lines("CausalLM", form, place or Place())
    return _WRITES.format(imports=imports, model=model, inputs=inputs)


def _lines(kind: str, form: Form, place: Place, options: str = "") -> tuple[str, str]:
    """Return the lines that import what loads a network of this kind, and those that load it."""
    auto = f"AutoModelFor{kind}"
    if form == "full":
        return f"from transformers import {auto}, AutoTokenizer", f"model = {auto}.from_pretrained(folder).eval()"
    beside, quantization = place.base == "beside", place.load.get("quantization", "none")
    if not beside and quantization == "none":
        peft = f"AutoPeftModelFor{kind}"
        imports = f"from peft import {peft}\nfrom transformers import AutoTokenizer"
        return imports, f"model = {peft}.from_pretrained(folder{options}).eval()"
    few = quantization in ("nf4", "fp4")
    configured = few or not beside
    imports = (
        ("import torch\n" if few else "")
        + f"from peft import {'PeftConfig, ' if configured else ''}PeftModel\n"
        + f"from transformers import {auto}, AutoTokenizer{', BitsAndBytesConfig' if few else ''}"
    )
    lines = "adapter = PeftConfig.from_pretrained(folder)\n" if configured else ""
    if few:
        dtype = str(place.load.get("compute_dtype", "auto")).replace("auto", "float32")
        double = place.load.get("double_quantization", True) is True
        lines += _FOUR_BITS.format(quantization=quantization, double=double, dtype=dtype)
        options += ", quantization_config=few_bits, dtype=torch.float32"
    elif quantization != "none":
        lines += f"# Trained on weights in {quantization}: on whole ones, as here, outputs differ a little.\n"
    where = 'f"{folder}/base"' if beside else "adapter.base_model_name_or_path, revision=adapter.revision"
    lines += f"base = {auto}.from_pretrained({where}{options})\nmodel = PeftModel.from_pretrained(base, folder).eval()"
    return imports, lines


def _python(lines: str) -> str:
    return f"```python\n{lines}```"
