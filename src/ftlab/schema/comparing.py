"""The root of ``ftlab compare``: which runs, by what, at what price, and where the report goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from ftlab.schema.measuring import TrackingConfig


@dataclass
class ReportPriceConfig:
    """Another price at report time; None: as each run has recorded it. A file of ``conf/cost``, or single keys."""

    name: str = "auto"
    device_class: Optional[str] = None  # that the price is of
    usd_per_hour: Optional[float] = None
    price_source: Optional[str] = None
    price_date: Optional[str] = None
    utilisation: Optional[float] = None  # share of an hour in which the server is busy, in (0, 1]
    batch_size: Optional[int] = None  # the latency row the price rests on


@dataclass
class AfterSweepConfig:
    """What a sweep (-m) does with its jobs when they have ended."""

    after_sweep: bool = True  # write the comparison of its jobs into its folder: report.html, report.md, report.json


@dataclass
class CompareConfig:
    """Root of ``ftlab compare``. Any words are run folders, sweep folders, patterns, or latest."""

    runs: list[str] = field(default_factory=lambda: ["latest"])  # the same words as a list; the key may be left out
    mlflow: Optional[str] = None  # experiments (name or id) or run ids of an MLflow store: a,b
    metric: Optional[str] = None  # the main one; None: that of the runs
    axes: Optional[str] = None  # what the front is drawn over: a,b,c; None: the main metric, p95_ms, usd_per_1k
    objective: str = "balanced"  # cheapest, fastest, best, balanced
    constraints: dict[str, Any] = field(default_factory=dict)  # <axis>_min and <axis>_max, such as p95_ms_max=20
    cost: ReportPriceConfig = field(default_factory=ReportPriceConfig)
    api_prices: Optional[str] = None  # models behind an API as rows: a price file of ftlab, or the path of yours
    months: float = 12.0  # that training is spread over, for the break-even
    requests_per_month: Optional[float] = None  # says who is the cheapest at this volume
    pictures: bool = True  # draw the charts as PNG and SVG too, for slides
    output: Optional[str] = None  # folder of the report; None: the sweep's, or a new one below output_dir
    output_dir: str = "outputs"  # where latest is looked for, and a new folder is made
    tracking: TrackingConfig = field(default_factory=TrackingConfig)  # of a sweep: its parent run keeps the report
    json: bool = False  # print report.json instead of the table; also written --json
