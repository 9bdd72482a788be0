"""How a model folder is used: in plain transformers or peft, or, where a prompt asks, by ftlab."""

from __future__ import annotations

import json
from typing import Literal

from ftlab.results import RunResult

Form = Literal["full", "adapter"]

_FULL = """\
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
inputs = tokenizer("Your text.", truncation=True, max_length={max_length}, return_tensors="pt")
print(model.config.id2label[int(model(**inputs).logits.argmax())])
"""
_ADAPTER = """\
from peft import AutoPeftModelForSequenceClassification
from transformers import AutoTokenizer

folder = "path/to/this/folder"
labels = {labels}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoPeftModelForSequenceClassification.from_pretrained(folder, num_labels={num_labels}).eval()
inputs = tokenizer("Your text.", truncation=True, max_length={max_length}, return_tensors="pt")
print(labels[int(model(**inputs).logits.argmax())])
"""
_WRITES = """\
{imports}

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {model}.from_pretrained(folder).eval()
{inputs}
written = model.generate(**inputs, max_new_tokens=128, do_sample=False)
print(tokenizer.decode(written[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))
"""
_OF_FORM = {
    "full": ("from transformers import AutoModelForCausalLM, AutoTokenizer", "AutoModelForCausalLM"),
    "adapter": (
        "from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer",
        "AutoPeftModelForCausalLM",
    ),
}
_PLAIN = 'inputs = tokenizer("How the text begins", return_tensors="pt")'
_CHAT = """\
turns = [{"role": "user", "content": "Your text."}]
inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True, return_tensors="pt")"""
_ASKED = """\
ftlab predict path/to/the/run text="Your text."
"""


def usage(result: RunResult, form: Form) -> str:
    """Return, as Markdown, the lines that load the folder and answer a text.

    Args:
        result: of a run with model and data.
        form: ``full`` (or merged) weights, or a peft ``adapter`` without its base.
    """
    model, data = result.model, result.dataset
    assert model and data, "a run that was tested has both"
    if model.head == "classification":
        return _python(loading_lines(data.labels, data.max_length, form))
    if data.labels:
        return f"The prompt and its answers stand in `ftlab.json`.\n\n```sh\n{_ASKED}```"
    imports, name = _OF_FORM[form]
    inputs = _PLAIN if result.prompt.get("style") == "plain" else _CHAT
    return _python(_WRITES.format(imports=imports, model=name, inputs=inputs))


def loading_lines(labels: list[str], max_length: int, form: Form) -> str:
    """Return the Python lines that load a classifier's folder and label a text."""
    if form == "full":
        return _FULL.format(max_length=max_length)
    # peft builds the base first and must be told how many labels its head has; JSON strings are Python strings.
    return _ADAPTER.format(labels=json.dumps(labels), num_labels=len(labels), max_length=max_length)


def _python(lines: str) -> str:
    return f"```python\n{lines}```"
