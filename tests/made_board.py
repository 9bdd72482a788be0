"""Runs and boards made by hand for the tests of comparing: nothing is trained, every number is chosen.

- ``made_run("minilm", "lora", f1_macro=0.91, p95_ms=8.0)``: a finished run in memory, for ``make_board``.
- ``save_made(folder, made_run(...))``: its folder: result.json, state.json, config.yaml, latency.parquet, and
  predictions.parquet, whose share of right rows is the run's accuracy (``hard`` is shared: rows that are hard for one
  run are hard for all).
- ``evaluation_of(run, folder)``: a saved evaluation of a saved run.
- ``save_texts(folder, run)``: predictions.parquet of a model that writes.
- ``save_many(place, 1000)``: that many run folders in about three seconds.
- ``made_candidate("minilm lora", f1_macro=0.9, p95_ms=8.0)`` and ``board_of(...)``: candidates with chosen numbers and
  a board of them, no run behind it unless given; for the verdict, the money and the pictures.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ftlab.compare.axes import AXES
from ftlab.compare.types import Axis, Board, Candidate, Run
from ftlab.metrics.measures import MEASURES
from ftlab.report.frames import write_latency, write_predictions
from ftlab.report.generations import write_generations
from ftlab.results import Energy, TrainingStats
from made_runs import model_info, run_info, run_result, timed

LABELS = ["oppose", "neutral", "support"]
MODELS = {"minilm": 22.7, "tiny_bert": 4.4, "distilbert": 67.0, "bert_base": 110.0, "smollm2_135m": 135.0}
ADAPTERS = ("full", "head", "freeze", "lora", "dora", "none")
_COST = {"usd_per_1k": "usd_per_1k_requests", "usd_per_1m_tokens": "usd_per_1m_tokens", "usd_training": "training_usd"}
_TRAINING = {"training_seconds": "seconds", "peak_memory_mb": "peak_memory_mb"}
_ENERGY = {"wh_per_1k": "wh_per_1k_requests", "wh_training": "training_wh"}
_LATENCY = ("p50_ms", "p95_ms", "ttft_ms", "inter_token_ms", "tokens_per_second")


def made_run(
    model: str = "minilm",
    adapter: str = "lora",
    prompt: str = "none",
    compression: str = "none",
    *,
    seed: int = 42,
    main: str = "f1_macro",
    task: str = "classification",
    test_digest: str = "e1e1e1e1",
    test_rows: int = 540,
    protocol: str | None = "full",
    settings: dict[str, Any] | None = None,
    folder: Path | None = None,
    untrained: dict[str, float] | None = None,
    run: dict[str, Any] | None = None,
    **values: float | None,
) -> Run:
    """Return a finished run with chosen numbers on any axis (``f1_macro=0.9, p95_ms=8.0, usd_per_1k=0.002``).

    Args:
        model, adapter, prompt, compression: their names.
        seed: of the run; runs that differ in it only have one ``config_digest``.
        main: name of the main metric.
        task: classification or causal_lm.
        test_digest, test_rows: of the test rows.
        protocol: of the latency; None: not timed.
        settings: configuration keys beside the names of the groups, which change the digest.
        folder: where it is said to lie.
        untrained: metrics before training.
        run: changes of the section ``run``.
        values: by axis; quality metrics get an interval of 0.02 to either side.
    """
    chosen: dict[str, Any] = {"f1_macro": 0.8, "accuracy": 0.8, "p95_ms": 14.0, "usd_per_1k": 0.002, **values}
    if task == "causal_lm":
        chosen = {"loss": 2.0, "p95_ms": 900.0, "usd_per_1k": 0.2, **values}
    test = {name: value for name, value in chosen.items() if name not in AXES or AXES[name].kind == "quality"}
    names = {"model": model, "adapter": adapter, "prompt": prompt, "compression": compression}
    digest = hashlib.sha256(json.dumps([names, settings or {}], sort_keys=True).encode()).hexdigest()
    whole, name = run_result(), "_".join(part for part in names.values() if part != "none") + f"_s{seed}"
    direction = MEASURES[main].direction if main in MEASURES else "max"
    assert whole.quality and whole.dataset and whole.cost and whole.artefact
    info = run_info(name=name, id=f"{digest[:8]}s{seed}", seed=seed, config_digest=digest, sweep=None, **(run or {}))
    result = run_result(
        run=info,
        model=model_info(
            name=model,
            task=task,
            size_mb=4.0 * MODELS.get(model, 50.0),
            trainable_percent=chosen.get("trainable_percent"),
        ),
        adapter={"name": adapter, "learning_rate": 1e-3},
        prompt={"name": prompt},
        compression={"name": compression},
        dataset=dataclasses.replace(
            whole.dataset,
            test_digest=test_digest,
            test_rows=test_rows,
            labels=LABELS if task == "classification" else [],
        ),
        quality=dataclasses.replace(
            whole.quality,
            main={"name": main, "split": "test", "direction": direction},
            untrained={"f1_macro": 0.17, "accuracy": 0.33} if untrained is None else untrained,
            test=test,
            test_ci95={key: (value - 0.02, value + 0.02) for key, value in test.items() if value is not None},
        ),
        training=TrainingStats(steps=100, **{key: chosen.get(axis) for axis, key in _TRAINING.items()}),
        latency=[] if protocol is None else [_row(chosen, protocol)],
        cost=dataclasses.replace(whole.cost, **{key: chosen.get(axis) for axis, key in _COST.items()}),
        energy=Energy(**{key: chosen.get(axis) for axis, key in _ENERGY.items()}, method="estimate", scope="cpu"),
        artefact=dataclasses.replace(whole.artefact, size_mb=chosen.get("size_mb", 4.0 * MODELS.get(model, 50.0))),
        environment={"cpu": "Some CPU", "device": "cpu", "device_class": "cpu", "threads": 2},
    )
    return Run(folder or Path("outputs/made") / name, result)


def _row(chosen: dict[str, Any], protocol: str) -> Any:
    p95 = chosen.get("p95_ms") or 14.0
    p50 = chosen.get("p50_ms") or 0.8 * p95
    times = {name: chosen[name] for name in _LATENCY[2:] if name in chosen}
    speed = chosen.get("throughput") or 1000 / p50
    return timed(1, p50, p95, protocol=protocol, device="cpu", throughput_per_second=speed, **times)


def save_made(folder: Path, run: Run, *, settings: dict[str, Any] | None = None, rows: bool = True) -> Run:
    """Write the folder of ``run``; return it with its place. ``settings`` are the keys of its configuration.

    ``rows=False`` leaves predictions.parquet and latency.parquet out.
    """
    folder.mkdir(parents=True)
    _write_records(folder, run, settings or {})
    run = Run(folder, run.result)
    if rows:
        _write_rows(folder, run)
        _write_calls(folder, run)
    return run


def evaluation_of(trained: Run, folder: Path) -> Run:
    """Write the folder of an evaluation of ``trained``, a run with a folder, and return it; it keeps no rows."""
    result = trained.result
    assert result.artefact is not None
    where = {"verb": "evaluate", "id": f"{result.run.id}e", "parent": result.run.id}
    info = dataclasses.replace(
        result.run, config_digest=hashlib.sha256(str(trained.folder).encode()).hexdigest(), **where
    )
    model = dataclasses.replace(result.artefact, path=os.path.relpath(trained.folder / "model", folder))
    run = Run(folder, dataclasses.replace(result, run=info, artefact=model))
    return save_made(folder, run, settings={"run": str(trained.folder), "dataset.limit.test": 90}, rows=False)


def _write_records(folder: Path, run: Run, settings: dict[str, Any]) -> None:
    result, info = run.result, run.result.run
    parts = {"adapter": result.adapter, "prompt": result.prompt, "compression": result.compression}
    names = {"model": result.model.name if result.model else "minilm", **{k: v.get("name") for k, v in parts.items()}}
    keys = {**{f"{group}.name": name for group, name in names.items()}, "optimizer.lr": 1e-3, **settings}
    (folder / "result.json").write_text(json.dumps(result.to_dict()), encoding="utf-8")
    state = {"schema": 1, "id": info.id, "name": info.name, "verb": info.verb, "pid": 2**22 + 1, "host": "here"}
    state |= {"started": info.started, "config_digest": info.config_digest, "seed": info.seed, "dataset_digest": None}
    state |= {"overrides": [], "mlflow": {}, "sweep": info.sweep, "config": keys}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    nested: dict[str, Any] = {}
    for key, value in keys.items():
        group, _, last = key.partition(".")
        nested.setdefault(group, {})[last] = value
    (folder / "config.yaml").write_text(json.dumps(nested, indent=1), encoding="utf-8")  # JSON is YAML, and quicker


def _write_rows(folder: Path, run: Run) -> None:
    data, quality = run.result.dataset, run.result.quality
    assert data is not None and quality is not None
    if not data.labels:
        save_texts(folder, run)
        return
    count, classes = data.test_rows, len(data.labels)
    labels = np.arange(count) % classes
    hard = np.random.default_rng(0).random(count)  # the same for every run
    own = np.random.default_rng(run.result.run.seed).random(count)
    wrong = np.argsort(0.7 * hard + 0.3 * own)[round((quality.test.get("accuracy") or 0.8) * count) :]
    predictions = labels.copy()
    predictions[wrong] = (labels[wrong] + 1) % classes
    probabilities = np.full((count, classes), 0.2 / (classes - 1))
    probabilities[np.arange(count), predictions] = 0.8
    losses = -np.log(probabilities[np.arange(count), labels])
    ids, texts = [f"r{n}" for n in range(count)], [f"Text {n} <script>alert(1)</script>" for n in range(count)]
    write_predictions(
        folder / "predictions.parquet", ids, texts, labels, predictions, probabilities, losses, data.labels
    )


def save_texts(folder: Path, run: Run, loss: float | None = None) -> None:
    """Write predictions.parquet of a model that writes, half the rows answered; ``loss``: nats a token."""
    data, quality = run.result.dataset, run.result.quality
    assert data is not None and quality is not None
    count = data.test_rows
    generator = np.random.default_rng(run.result.run.seed)
    tokens = np.random.default_rng(0).integers(5, 50, count)
    mean = quality.test.get("loss", 2.0) if loss is None else loss
    answered = np.where(np.arange(count) < count // 2, 1.0, np.nan)
    numbers = {
        "loss_sum": tokens * (mean + 0.1 * generator.standard_normal(count)),
        "supervised_tokens": tokens,
        "rouge1": answered * generator.random(count),
        "exact_match": answered * (generator.random(count) < 0.2),
    }
    prompts, answers = [f"Question {n}?" for n in range(count)], {n: f"Answer <b>{n}</b>" for n in range(count // 2)}
    references = [f"Answer {n}" for n in range(count)]
    ids = [f"r{n}" for n in range(count)]
    write_generations(folder, ids, prompts, references, answers, answers, numbers, keep_text=True, table_rows=4)


def _write_calls(folder: Path, run: Run) -> None:
    calls = []
    for row in run.result.latency:
        drawn = np.random.default_rng(1).lognormal(np.log(row.p50_ms), 0.1, 200)
        calls += [
            {"batch_size": row.batch_size, "merged": row.merged, "call": n, "total_ms": ms, "tokenization_ms": 0.1}
            for n, ms in enumerate(drawn)
        ]
    write_latency(folder / "latency.parquet", calls)


def save_many(place: Path, count: int = 1000, seeds: int = 1) -> Path:
    """Write ``count`` run folders below ``place``: models x adapters x ranks, ``seeds`` of each; return ``place``.

    All have the rows and calls of one run, linked, since what is timed is reading them, not their numbers.
    """
    generator = np.random.default_rng(0)
    first = save_made(place / "first", made_run(folder=place / "first", accuracy=0.8))
    grid = itertools.product(range(1, count + 1), MODELS, ADAPTERS)
    for number, (rank, model, adapter) in zip(range(count - 1), (g for g in grid for _ in range(seeds)), strict=False):
        share, pace = MODELS[model] / 135, float(generator.uniform(0.9, 1.1))
        quality = float(0.95 - 0.3 * np.exp(-3 * share) + generator.normal(0, 0.01))
        numbers = {"f1_macro": quality, "accuracy": quality, "p95_ms": 5 + 60 * share * pace}
        numbers |= {"usd_per_1k": 0.001 + 0.01 * share * pace, "training_seconds": 100 * share, "usd_training": 0.01}
        settings = {"adapter.rank": rank, "dataset.max_length": 128}
        run = made_run(model, adapter, seed=number % seeds, settings=settings, **numbers)
        folder = place / f"{number:04}_{model}_{adapter}"
        save_made(folder, run, settings=settings, rows=False)
        for name in ("predictions.parquet", "latency.parquet"):
            (folder / name).hardlink_to(first.folder / name)
    return place


def made_candidate(
    key: str,
    *,
    runs: tuple[Run, ...] = (),
    spread: dict[str, float | None] | None = None,
    interval: dict[str, tuple[float, float]] | None = None,
    priced: Any = None,
    differs: dict[str, str] | None = None,
    **values: float | None,
) -> Candidate:
    """Return a candidate whose ``key`` is "model adapter [prompt]"; ``values`` by axis."""
    model, adapter, prompt = (*key.split(), "none", "none")[:3]
    return Candidate(
        key=key,
        model=model,
        adapter=adapter,
        prompt=prompt,
        compression="none",
        runs=runs,
        chosen=runs[0] if runs else None,
        values=values,
        spread={name: None for name in values} | (spread or {}),
        interval=interval or {},
        untrained={name: None for name in values},
        differs=differs or {},
        priced=priced,
    )


def board_of(
    *candidates: Candidate, axes: tuple[str, ...] = ("f1_macro", "p95_ms", "usd_per_1k"), **changes: Any
) -> Board:
    """Return a board of ``candidates`` as they are given; values that one lacks are unknown (None)."""
    drawn = tuple(AXES[name] for name in axes)
    named = {name: AXES.get(name, Axis(name, "max", "", name, "quality")) for c in candidates for name in c.values}
    measured = (*drawn, *(axis for name, axis in named.items() if name not in axes))
    whole = tuple(
        dataclasses.replace(one, values={axis.name: one.values.get(axis.name) for axis in measured})
        for one in candidates
    )
    board = Board(whole, drawn, drawn[0], measured, dataset="policy_stance", test_digest="e1e1e1e1", test_rows=540)
    return dataclasses.replace(board, **{"device": "cpu (Some CPU, 2 threads)", **changes})
