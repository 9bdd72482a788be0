"""The model card: ``README.md`` in the artefact's folder (layout: huggingface.co/docs/hub/model-cards)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ftlab.metrics.measures import MEASURES
from ftlab.report import wording
from ftlab.report.facts import facts
from ftlab.report.tables import latency_columns
from ftlab.report.usage import Form, place_of, usage
from ftlab.results import DatasetInfo, ModelInfo, RunResult

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~$])")
_LEADING = re.compile(r"^(?:(?=[-+#=])|(\d+)(?=[.)](?:\s|$)))")  # a list, a rule or a heading, where a line begins
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_PACKAGES = ("python", "torch", "transformers", "peft")


def write_card(result: RunResult, folder: Path, form: Form) -> Path:
    """Write ``README.md`` into the artefact's ``folder`` and return its path."""
    path = folder / "README.md"
    path.write_text(model_card(result, form), encoding="utf-8")
    return path


def model_card(result: RunResult, form: Form) -> str:
    """Return the card: what the model is, how to load it, how good and fast it is, what it was trained on.

    Args:
        result: of a run with model, data and quality.
        form: ``full`` (or merged) weights, or a peft ``adapter`` without its base.
    """
    model, data = result.model, result.dataset
    assert model and data and result.quality, "a card describes a model that was tested"
    sections = [
        _front_matter(model, form),
        f"# {escape(wording.subject(result))}\n\n{_introduction(result, model, data, form)}",
        f"## Use\n\n{usage(result, form)}",
        *_labels(data),
        f"## Quality\n\n{_quality(result, data)}",
    ]
    if result.latency:
        sections.append(f"## Speed\n\n{_speed(result)}")
    told = [(escape(name), escape(fact)) for name, fact in facts(result).items() if fact != wording.UNKNOWN]
    sections += [
        f"## Cost, energy, size, data\n\n{_table(('', ''), told)}",
        f"## Origin\n\n{_origin(result, model, data)}",
    ]
    return "\n\n".join(sections) + "\n"


def escape(text: str) -> str:
    """Return ``text`` such that Markdown shows it as it is: one line, no markup, no HTML, no table edge."""
    line = wording.one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LEADING.sub(r"\1\\", _SPECIAL.sub(r"\\\1", line))


def _labels(data: DatasetInfo) -> list[str]:
    named = "\n".join(f"{number}. {escape(name)}" for number, name in enumerate(data.labels))
    return [f"## Labels\n\n{named}"] if data.labels else []


def _front_matter(model: ModelInfo, form: Form) -> str:
    lines = [
        f"library_name: {'transformers' if form == 'full' else 'peft'}",
        f"pipeline_tag: {'text-classification' if model.head == 'classification' else 'text-generation'}",
        "tags: [ftlab]",
    ]
    if base := _hub_id(model):
        lines.insert(0, f"base_model: {json.dumps(base)}")
    return "\n".join(("---", *lines, "---"))


def _hub_id(model: ModelInfo) -> str | None:
    """Return the base's id where it has one; a path of this machine means nothing to a reader."""
    named = model.init == "pretrained" and _HUB_ID.fullmatch(model.checkpoint or "")
    return model.checkpoint if named else None


def _introduction(result: RunResult, model: ModelInfo, data: DatasetInfo, form: Form) -> str:
    base = _hub_id(model)
    if base:
        origin = escape(base) + (f" (revision {escape(model.revision)})" if model.revision else "")
    else:
        origin = "random weights" if model.init == "random" else "weights from a local folder"
    what = (
        f"A text classifier that gives a text one of {len(data.labels)} labels" if data.labels else "A language model"
    )
    if data.labels and model.head == "lm":
        what = f"A language model that a prompt asks for one of {len(data.labels)} labels"
    method = str(result.adapter.get("name", "unknown"))
    tuned = "tested as it came" if method == "none" else f"fine-tuned with method {escape(method)}"
    folder = "The folder holds the adapter; its base is loaded beside it." if form == "adapter" else ""
    if form == "adapter" and place_of(result).base == "beside":
        folder = "The folder holds the adapter, and in `base` the model that it goes on."
    return (f"{what}: {escape(model.name)}, from {origin}, {tuned} on {escape(data.name)} by ftlab. {folder}").rstrip()


def _quality(result: RunResult, data: DatasetInfo) -> str:
    quality = result.quality
    assert quality
    main = quality.main["name"]
    names = [name for name, value in quality.test.items() if not isinstance(value, dict)]
    names = [main, *(n for n in MEASURES if n in names and n != main), *(n for n in names if n not in MEASURES)]
    rows = [
        (
            escape(name),
            wording.score(quality.untrained.get(name)),
            wording.score(quality.test.get(name)),
            wording.interval(quality.test_ci95.get(name)),
            wording.better(name, quality.main),
        )
        for name in dict.fromkeys(names)
    ]
    said = f"Measured on {data.test_rows:,} test rows; the intervals are bootstrapped over them."
    table = _table(("metric", "before", "after", "95% interval", "better"), rows)
    text = f"{said} They hold for texts like these rows.\n\n{table}"
    if classes := quality.test.get("per_class"):
        columns = ("precision", "recall", "f1")
        lines = [
            (escape(name), *(wording.score(row.get(c)) for c in columns), wording.number(row.get("support")))
            for name, row in classes.items()
        ]
        text += f"\n\n{_table(('label', *columns, 'rows'), lines)}"
    return text


def _speed(result: RunResult) -> str:
    first = result.latency[-1]  # timed last: the form that lies in this folder
    columns = {n: heading for n, heading in latency_columns(first).items() if n != "tokenization_ms"}
    rows = [
        (str(r.batch_size), *(wording.number(getattr(r, name)) for name in columns))
        for r in result.latency
        if r.merged == first.merged
    ]
    program = escape(f"{first.backend} {first.dtype}")
    where = f"{escape(first.device)}, {wording.count(first.threads, 'thread')}, {program}"
    return f"On {where}, tokenisation included.\n\n{_table(('batch', *columns.values()), rows)}"


def _origin(result: RunResult, model: ModelInfo, data: DatasetInfo) -> str:
    run = result.run
    lines = {
        "run": run.id,
        "seed": str(run.seed),
        "configuration": run.config_digest,
        "code": run.git_commit,
        "weights before training (sha256)": model.weights_digest,
        "data (sha256)": data.digest,
        "test data (sha256)": data.test_digest,
        "versions": ", ".join(f"{p} {result.environment[p]}" for p in _PACKAGES if p in result.environment),
    }
    return _table(("", ""), [(name, escape(value)) for name, value in lines.items() if value])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    edge = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, edge, *rows))
