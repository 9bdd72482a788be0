"""Rules of ``evaluate``: a finished run, the rows to score it on, what is timed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ftlab.check.composed import Composed, options
from ftlab.check.device_rules import device, threads
from ftlab.check.generation_rules import generation
from ftlab.check.shared_rules import dataset_files, dataset_options, latency, login, names, output
from ftlab.errors import UserError
from ftlab.finished import open_run

# What a run has settled, or what only training reads.
_NO_EFFECT = {
    "dataset.tokenizer": "the run brings its own tokenizer",
    "dataset.batch_size": "rows are scored dataset.eval_batch_size at a time",
    "dataset.batching": "it is for training",
    "dataset.val": "only test rows are scored",
    "dataset.limit.train": "only test rows are scored",
    "dataset.limit.val": "only test rows are scored",
    "dataset.on_leak": "nothing is trained",
    "dataset.samples": 'type ftlab predict <run> text="..."',
    "dataset.num_workers": "no loader is started",
}


def _files(c: Composed) -> Iterable[str]:
    dataset = c.values["dataset"]
    if not any(dataset[key] for key in ("bundled", "hub", "train", "test")):
        yield "dataset.test is missing, so there are no rows to score; write dataset.test=<file>"
    yield from dataset_files(c, ("test",) if dataset["test"] is not None else ("train", "val", "test"))


def _no_effect(c: Composed) -> Iterable[str]:
    for key in sorted(c.given & set(_NO_EFFECT)):
        yield f"{key} has no effect on evaluate: {_NO_EFFECT[key]}; leave it out"


def _positions(c: Composed) -> Iterable[str]:
    try:
        _, record = open_run(str(c.values["run"]), str(c.values["output_dir"]))
    except UserError:
        return  # said where the run is opened
    most = record.model.max_positions if record.model else None
    virtual = int(record.prompt.get("virtual_tokens") or 0)  # that its adapter puts before each text
    length = c.values["dataset"]["max_length"]
    if most is not None and length > most - virtual:
        less = f", of which {virtual} are its adapter's" if virtual else ""
        yield (
            f"dataset.max_length={length} is beyond the model's {most} positions{less}; write "
            f"dataset.max_length={most - virtual}"
        )


EVALUATE_RULES: tuple[Callable[[Composed], Iterable[str]], ...] = (
    *(options, dataset_options, _files, _no_effect, _positions),
    *(generation, latency, names, output, login, device, threads),
)
