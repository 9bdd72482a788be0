"""The text of ``--help``, made from the YAML files and the schema. Imports neither Hydra nor anything heavy."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from ftlab import __version__, schema
from ftlab.command.arguments import DEFAULT, verbs
from ftlab.paths import config_dir

WIDTH = 120
_FIELD = re.compile(r"^    (?P<name>\w+): (?P<hint>.+?) = (?P<value>.+?)(?:  # (?P<comment>.*))?$")
_DEFAULT_CHOICE = re.compile(r"^  - (?:override )?/?(?P<group>\w+): (?P<choice>\w+)\s*$", re.MULTILINE)
_OPTION = re.compile(r"^(?P<name>[a-z]\w*):", re.MULTILINE)
_OPEN = ("adapter", "optimizer", "scheduler", "trainer")

EXAMPLES = {
    "train": (
        ("python -m ftlab", "MiniLM on policy_stance: a result in minutes on a CPU"),
        ("python -m ftlab model=bert_large adapter=lora trainer.max_epochs=3", "another model, another adapter"),
        (
            "python -m ftlab dataset=files dataset.train=train.csv dataset.label_column=stance",
            "your own file; validation and test rows are split off",
        ),
        (
            "python -m ftlab -m model=tiny_bert,minilm adapter=full,head,lora seed=1,2",
            "a sweep: twelve runs, one table",
        ),
        ('ftlab predict latest text="The new bus lanes are a gift to the city."', "the label of one text"),
    ),
    "predict": (
        ('ftlab predict latest text="The new bus lanes are a gift to the city."', "with the newest finished run"),
        ('ftlab predict outputs/default/<run> text="..." device=cpu', "with the run in a folder"),
        (
            "ftlab predict latest input=reviews.csv output=labelled.csv text_column=review",
            "a file: every column kept, a label and its probabilities added; broken off, the same line goes on",
        ),
        ("ftlab predict latest input=-", "what is piped in: one text per line, or jsonl; rows come out as jsonl"),
    ),
    "chat": (
        ("ftlab chat", "with the newest finished run"),
        ('ftlab chat outputs/write_posts/<run> system="You write short posts."', "told something first"),
        ("ftlab chat latest generation.do_sample=true generation.temperature=0.8", "another answer each time"),
    ),
    "evaluate": (
        ("ftlab evaluate latest", "the newest finished run, on its own test rows, timed again"),
        ("ftlab evaluate latest dataset=files dataset.test=new.csv", "on a file of your own: no train rows needed"),
        (
            "ftlab evaluate outputs/default/<run> dataset=imdb dataset.limit.test=500",
            "on another data set with the same label names",
        ),
        ("ftlab evaluate latest dataset.test=new.csv 'dataset.labels=[no,yes]'", "what its numbers 0 and 1 mean"),
    ),
    "plan": (
        ("ftlab plan model=bert_large adapter=lora", "memory, time and money on this machine"),
        (
            "ftlab plan -m model=distilbert,bert_large,llama3_8b adapter=full,lora,qlora device=t4_16gb",
            "nine trainings on a GPU that is not here: which fit, and what would make the others fit",
        ),
        ("ftlab plan -m model=llama3_8b device=t4_16gb,l4_24gb,h100_80gb adapter=qlora", "on which device"),
        ("ftlab plan -m adapter=full,lora,ia3 budget_usd=0.01 skip_unfit=true", "what a sweep would leave out"),
        ("ftlab plan model=bert_base --json", "for a program"),
    ),
    "compare": (
        ("ftlab compare latest", "the newest run's sweep: a table, the verdict, and a report to open in a browser"),
        ("ftlab compare outputs/a/<sweep> outputs/b/<run> 'outputs/c/*lora*'", "any mix of folders and patterns"),
        (
            "ftlab compare latest constraints.f1_macro_min=0.9 constraints.p95_ms_max=20 objective=cheapest",
            "the cheapest that is good and fast enough",
        ),
        ("ftlab compare latest cost=t4 cost.utilisation=0.3 months=6", "at another price; nothing is run again"),
        ("ftlab compare mlflow=my_experiment --json", "from MLflow, for a program"),
    ),
    "list": (
        ("ftlab list", "the newest 20 runs below outputs, sweeps with their jobs"),
        ("ftlab list status=failed,killed", "what went wrong, and where it lies"),
        ("ftlab list dataset=imdb adapter=lora,full sort=main limit=5", "the five best of two adapters"),
        ("ftlab list /data/outputs --json", "all below another folder, for a program"),
    ),
}
_FLAGS = (
    ("-m, --multirun", "run every combination of the values given as a,b"),
    ("--cfg job [--resolve]", "print the configuration and stop"),
    ("--info defaults", "print which files it is made of"),
    ("--config-dir <folder>", "groups of your own beside these"),
    ("--json", "of list, plan and compare: print JSON"),
    ("--version", "print the version"),
    ("--hydra-help", "flags of Hydra"),
    ('eval "$(ftlab -sc install=bash)"', "complete words with the tab key"),
)


def help_text(verb: str = DEFAULT, folder: Path | None = None) -> str:
    """Return the help of a verb; ``folder`` is the user's own folder of groups."""
    folders = [config_dir(), *([folder] if folder else [])]
    parts = [
        f"ftlab {__version__}: fine-tune text models, measure them, and choose the one to ship.",
        "Usage: python -m ftlab [VERB] [GROUP=CHOICE ...] [KEY=VALUE ...]      (installed: ftlab ...)",
        _section(
            "Verbs",
            [(f"{name}{' (default)' * (name == DEFAULT)}", _first_comment(_verb_file(name))) for name in verbs()],
        ),
    ]
    groups = _groups(verb, folders)
    if groups:
        parts.append("Groups: choose with GROUP=CHOICE; * is chosen without a word\n" + "\n".join(groups))
    parts.append(_section("Options: set with KEY=VALUE; all of them: ftlab --cfg job", list(_options(verb))))
    parts.append(_section("Flags", list(_FLAGS)))
    parts.append("Examples\n" + "\n".join(f"  {line}\n      {why}" for line, why in EXAMPLES.get(verb, ())))
    return "\n\n".join(parts)


def _verb_file(verb: str) -> Path:
    return config_dir() / f"{verb}.yaml"


def _groups(verb: str, folders: list[Path]) -> list[str]:
    chosen = dict(_DEFAULT_CHOICE.findall(_verb_file(verb).read_text(encoding="utf-8")))
    lines = []
    for group in (name for name in chosen if any((folder / name).is_dir() for folder in folders)):
        files = sorted(p for folder in folders for p in (folder / group).glob("[!_]*.yaml"))
        if not files:
            continue
        lines.append(f"  {group}")
        lines += [_line(f"  {file.stem}{' *' * (chosen[group] == file.stem)}", _first_comment(file)) for file in files]
    return lines


def _options(verb: str) -> Iterator[tuple[str, str]]:
    """Yield the keys of the schema with their comments, then what the open groups' files set."""
    root: type = getattr(schema, f"{verb.title()}Config")
    hints = get_type_hints(root)
    closed = {n: hint for n, hint in hints.items() if dataclasses.is_dataclass(hint)}
    opened = {n for n in (*_OPEN, "callbacks") if hints.get(n) == dict[str, Any]}
    yield from _commented(root, "", {*closed, *opened})
    for group, hint in closed.items():
        assert isinstance(hint, type), "filtered above"
        yield from _commented(hint, f"{group}.", {"name"})
    for group in _OPEN:
        if group in opened:
            files = sorted((config_dir() / group).glob("[!_]*.yaml"))
            names = [name for file in files for name in _OPTION.findall(file.read_text(encoding="utf-8"))]
            listed = [name for name in dict.fromkeys(names) if name not in ("defaults", "name")]
            yield (
                f"{group}.*",
                ", ".join(listed) + (", and the rest of lightning.Trainer" if group == "trainer" else ""),
            )


def _commented(kind: type, prefix: str, hidden: set[str]) -> Iterator[tuple[str, str]]:
    for line in _fields(kind).values():
        found = _FIELD.match(line)
        if found is None or found["name"] in hidden or found["name"].startswith("_"):
            continue
        inner = getattr(schema, found["hint"], None)
        if dataclasses.is_dataclass(inner):
            names = ",".join(entry.name for entry in dataclasses.fields(inner))
            yield (
                f"{prefix}{found['name']}.{{{names}}}",
                (inspect.getdoc(inner) or "").splitlines()[0].replace("None", "null"),
            )
        else:
            yield f"{prefix}{found['name']}{_default(found['value'])}", (found["comment"] or "").replace("None", "null")


def _fields(kind: type) -> dict[str, str]:
    """Return the line of source of each field, a base's fields first; a field declared again has its later line."""
    lines = [line for one in reversed(kind.__mro__[:-1]) for line in inspect.getsource(one).splitlines()]
    return {found["name"]: line for line in lines if (found := _FIELD.match(line))}


def _default(value: str) -> str:
    found = re.search(r"lambda: (.*)\)$", value)
    if value == "field(default_factory=dict)":
        return ".*"
    plain = {"None": "", '"???"': "", "True": "true", "False": "false"}.get(value, value.strip('"'))
    shown = found[1].replace(" ", "") if found else "" if value.startswith("field(") else plain
    return f"={shown}" if shown else ""


def _section(title: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([title, *(_line(left, right) for left, right in rows)])


def _line(left: str, right: str) -> str:
    start = f"  {left:<34} "
    return (start + _shorten(right, WIDTH - len(start))).rstrip()


def _shorten(text: str, width: int) -> str:
    """Return as many whole sentences as fit; of one that is too long by itself, as many words."""
    if len(text) <= width:
        return text
    ends = [found.end() for found in re.finditer(r"\w{3,}[.:](?= )", text[:width])]
    return text[: ends[-1]].rstrip(":") if ends else text[: width - 4].rpartition(" ")[0] + " ..."


def _first_comment(file: Path) -> str:
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ") if first.startswith("#") else ""
