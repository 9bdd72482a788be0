"""Rules of ``predict``: a text or an input, an output that can be written, and what goes with which."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ftlab.check.components import typed
from ftlab.check.composed import Composed, missing_path, missing_run, options
from ftlab.check.device_rules import device, threads
from ftlab.check.generation_rules import generation
from ftlab.errors import UserError, closest
from ftlab.paths import check_writable
from ftlab.streams.names import FORMATS, INPUTS, OUTPUTS, STDIN, input_kind, output_kind, state_of

_OF_ROWS = ("output", "overwrite", "input_format", "text_column", "text_pair_column", "prefix", "batch_size")


def run(c: Composed) -> Iterable[str]:
    """Yield a run that is no folder."""
    given = str(c.values["run"])
    if given != "latest" and not Path(given).is_dir():
        yield missing_run("run", given)


def _what(c: Composed) -> Iterable[str]:
    run, text, source = str(c.values["run"]), c.values["text"], c.values["input"]
    if text is None and source is None:
        yield f'text is missing; type: ftlab {c.verb} {run} text="your sentence", or input=<file>'
    elif text is not None and source is not None:
        yield f"text and input={source} are given both; leave one of them out"
    elif source is None:
        for key in _OF_ROWS:
            if c.values[key] != c.defaults[key]:
                yield f"{key}={typed(c.values[key])} is for the rows of a file; add input=<file>, or leave it out"


def _input(c: Composed) -> Iterable[str]:
    source, kind = c.values["input"], c.values["input_format"]
    if kind is not None and kind not in FORMATS:
        yield (
            f"input_format={kind} is none of {', '.join(FORMATS)}; write input_format={closest(kind, FORMATS) or 'csv'}"
        )
    if source is None or source == STDIN:
        return
    path = Path(source).expanduser()
    if not path.exists():
        yield missing_path("input", source, lambda name: input_kind(name) is not None)
    elif path.is_dir():
        held = ", ".join(sorted(p.name for p in path.iterdir() if input_kind(p.name))[:8])
        yield f"input={source} is a folder; name a file in it: {held or 'it holds none that can be read'}"
    elif kind is None and input_kind(source) is None:
        yield (
            f"input={source} ends in {path.suffix or 'nothing'}; give one of {', '.join(INPUTS)}, or say what it is: "
            f"input_format={'|'.join(FORMATS)}"
        )


def _output(c: Composed) -> Iterable[str]:
    source, output = c.values["input"], c.values["output"]
    if output is None:
        if c.values["overwrite"]:
            yield "overwrite=true has nothing to replace, since there is no output; add output=<file>, or leave it out"
        return
    path = Path(output).expanduser()
    if output_kind(output) is None:
        ends = path.suffix or "nothing"
        yield f"output={output} ends in {ends}; end it in one of {', '.join(OUTPUTS)}, which says the format"
    elif path.is_dir():
        yield f"output={output} is a folder; name a file in it, e.g. output={path / 'predictions.jsonl'}"
    elif source not in (None, STDIN) and path.resolve() == Path(source).expanduser().resolve():
        yield f"output={output} is the input itself; give the output another name"
    elif path.exists() and not c.values["overwrite"] and not state_of(path).exists():
        yield f"output={output} exists; write overwrite=true to replace it, or another output=<file>"
    else:
        try:
            check_writable(path.parent)
        except UserError:
            yield f"output={output} cannot be written: {path.parent} is no folder you may write to; give another"


def _batch_size(c: Composed) -> Iterable[str]:
    size = c.values["batch_size"]
    if size != "auto" and (type(size) is not int or size < 1):
        yield f"batch_size={typed(size)} must be auto, or a number of rows from 1; write batch_size=auto"


PREDICT_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(_what, run, _input, _output, _batch_size, options),
    *(generation, device, threads),
)
