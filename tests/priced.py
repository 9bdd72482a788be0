"""Candidates and boards of which money is known, made by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ftlab.compare.axes import AXES
from ftlab.compare.types import Board, Candidate, Run
from ftlab.results import Cost, RunResult
from made_runs import model_info, run_info, run_result, timed


def priced(key: str, training: float | None, per_1k: float | None, **more: Any) -> Candidate:
    """Return a candidate with two prices, and values on other axes."""
    values = {"f1_macro": more.pop("f1_macro", 0.8), "usd_training": training, "usd_per_1k": per_1k}
    parts: dict[str, Any] = {"adapter": "full", "prompt": "none", "runs": (), "chosen": None, **more}
    return Candidate(key=key, model=key, compression="none", values=values, spread=dict.fromkeys(values), **parts)


def cost(**changes: Any) -> Cost:
    """Return the cost of a classifier on a CPU: 0.096 $/h, half busy, batch 1."""
    plain = Cost("cpu", 0.096, "AWS m5.large", "2026-01-19", 0.5, 1, prompt_tokens=30.0, completion_tokens=0.0)
    return dataclasses.replace(plain, usd_prompt_share=0.0, **changes)


def run(name: str = "minilm_lora", model: str = "minilm", **sections: Any) -> Run:
    """Return a finished run that trained for 754 s on the CPU that answers, 10 ms a text, its dollars not yet there."""
    info = run_info(name=name, id=name, config_digest=name, **sections.pop("info", {}))
    about = {"device": "cpu", "device_class": "cpu", "trained_on": "cpu", "cpu": "Some CPU", "threads": 2}
    whole = {
        "model": model_info(name=model, tokenizer=sections.pop("tokenizer", "wordpiece")),
        "cost": cost(),
        "latency": [timed(1, 10.0, device="cpu"), timed(32, 200.0, device="cpu")],
        "environment": about | sections.pop("environment", {}),
        **sections,
    }
    result: RunResult = run_result(run=info, **whole)
    return Run(Path("runs") / name, result)


def board(*candidates: Candidate, task: str = "classification") -> Board:
    """Return a board of candidates, in their order."""
    main = AXES["f1_macro"]
    measured = (main, AXES["usd_per_1k"], AXES["usd_training"])
    return Board(candidates, axes=(main, AXES["usd_per_1k"]), main=main, measured=measured, task=task)
