"""The pictures of a run: PNG, 150 dpi, each below 150 kB. Each function draws one and writes it to ``path``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from ftlab.metrics.calibration import reliability_bins
from ftlab.metrics.measures import MEASURES
from ftlab.report import wording
from ftlab.report.style import BLUE, GREEN, GREY, ORANGE, drawing, grid, legend_above

Point = Mapping[str, Any]  # step, epoch, name, value, seconds
_NAME_LENGTH = 22  # characters of a label on an axis
_WIDE = 5.0  # a panel whose largest time is this many times its smallest gets a log axis
_SMOOTH_FROM = 60  # points of training loss from which a smoothed line is drawn over them


def plot_loss_curve(history: Sequence[Point], monitor: str, mode: str, subject: str, path: Path) -> None:
    """Draw training and validation loss over the steps, and below them the monitored metric with its best point.

    Args:
        history: points {step, epoch, name, value, seconds}; ``train/loss`` and ``val/...``, at least one.
        monitor: ``val/f1_macro``; its best point picked the weights.
        mode: ``max`` or ``min``, the better side of ``monitor``.
        subject: model and dataset.
        path: PNG.
    """
    assert history, "a run that trained has a history"
    names = {point["name"] for point in history}
    monitored = monitor in names and monitor != "val/loss"
    title = f"Loss and {monitor}" if monitored else "Loss"
    with drawing(path, title, subject, 7.2, 5.2 if monitored else 3.8) as figure:
        panels = figure.subplots(2 if monitored else 1, 1, sharex=True, squeeze=False)[:, 0]
        _draw_train_loss(panels[0], *_line(history, "train/loss"))
        dots: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.8}
        if "val/loss" in names:
            panels[0].plot(*_line(history, "val/loss"), color=ORANGE, label="validation", **dots)
        panels[0].set_ylabel("loss (nats)")
        legend_above(panels[0])
        if monitored:
            panels[1].plot(*_line(history, monitor), color=GREEN, **dots)
            panels[1].set_ylabel(_with_unit(monitor))
        if monitor in names:
            _mark_best(panels[-1], *_line(history, monitor), mode)
        for axes in panels:
            grid(axes)
            axes.margins(y=0.14)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        epochs = int(max(point["epoch"] for point in history)) + 1
        panels[-1].set_xlabel(f"optimizer steps ({wording.count(epochs, 'epoch')})")


def _line(history: Sequence[Point], name: str) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return steps (n,) and values (n,) of one name; a value that is not finite leaves a gap."""
    points = sorted((p["step"], p["value"]) for p in history if p["name"] == name)
    values = np.array([float("nan") if v is None else v for _, v in points], dtype=float)
    return np.array([s for s, _ in points]), np.where(np.isfinite(values), values, np.nan)


def _draw_train_loss(axes: Axes, steps: npt.NDArray[Any], losses: npt.NDArray[Any]) -> None:
    if len(steps) < _SMOOTH_FROM:
        marker = "." if len(steps) < 2 else None
        axes.plot(steps, losses, color=BLUE, linewidth=1.6, marker=marker, label="training")
        return
    width = max(3, len(steps) // 30) | 1  # an odd window, so that the mean is not shifted
    known = np.isfinite(losses)
    sums = np.convolve(np.where(known, losses, 0), np.ones(width), "same")
    counts = np.convolve(known.astype(float), np.ones(width), "same")
    smooth = np.divide(sums, counts, out=np.full(len(steps), np.nan), where=counts > 0)
    axes.plot(steps, losses, color=BLUE, linewidth=0.7, alpha=0.3)
    axes.plot(steps, smooth, color=BLUE, linewidth=1.8, label=f"training (mean of {width} points)")


def _mark_best(axes: Axes, steps: npt.NDArray[Any], values: npt.NDArray[Any], mode: str) -> None:
    if not np.isfinite(values).any():
        return
    best = int(np.nanargmax(values) if mode == "max" else np.nanargmin(values))
    late = steps[best] > (steps.min() + steps.max()) / 2
    axes.plot(steps[best], values[best], "o", markersize=10, markerfacecolor="none", markeredgecolor="black")
    axes.annotate(
        f"best {values[best]:.3f}, step {steps[best]:,}",
        (steps[best], values[best]),
        xytext=(-10 if late else 10, 9 if mode == "max" else -15),
        textcoords="offset points",
        ha="right" if late else "left",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )


def _with_unit(monitor: str) -> str:
    measure = MEASURES.get(monitor.rsplit("/", 1)[-1])
    return f"{monitor}\n({measure.unit})" if measure else monitor


def plot_confusion_matrix(
    labels: npt.NDArray[Any], predictions: npt.NDArray[Any], names: Sequence[str], subject: str, path: Path
) -> None:
    """Draw how often each label (row) was taken for each label (column).

    Colour is the share of the row, so that rare labels are seen; the number in a cell is its count.

    Args:
        labels: (N,) int in [0, C).
        predictions: (N,) int in [0, C).
        names: C label names; long ones are cut.
        subject: model and dataset.
        path: PNG.
    """
    c = len(names)
    counts = np.bincount(labels * c + predictions, minlength=c * c).reshape(c, c)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros((c, c)), where=totals > 0)
    cell = max(2.8, min(0.85 * c, 6.0), 0.21 * c) / c  # inches
    short = [_shorten(wording.one_line(name)) for name in names]
    longest = max(map(len, short))
    small = cell < 0.3
    size = 29 * cell if small else min(10.0, 24 * cell)  # points: three digits fit a small cell, four a larger one
    margin = 0.5 + 0.0105 * max(size, 5.5) * longest
    turned = longest * 0.0105 * size > cell
    height = c * cell + (margin if turned else 0.7)
    with drawing(path, "Confusion matrix", subject, max(4.6, c * cell + margin + 1.3), height) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap=colormaps["Blues"].resampled(50), vmin=0, vmax=1)
        axes.set_xticks(range(c), short, rotation=90 if turned else 0, fontsize=max(size, 5.5))
        axes.set_yticks(range(c), short, fontsize=max(size, 5.5))
        axes.tick_params(length=0)
        axes.set_xlabel("predicted label")
        axes.set_ylabel("true label")
        axes.spines[:].set_visible(False)
        for row, column in np.argwhere(counts if c > 12 else np.ones((c, c))):
            dark = shares[row, column] > 0.68
            text = axes.text(column, row, _count(int(counts[row, column]), small), ha="center", va="center")
            text.set(fontsize=size, color="white" if dark else "black", antialiased=not small)  # smooth edges are bytes
            text.set_in_layout(False)  # it lies inside the matrix; 2,500 of them would take seconds to place
        bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, aspect=25, format=PercentFormatter(1, 0))
        bar.set_label("share of the true label's rows")
        bar.outline.set_visible(False)


def _shorten(name: str) -> str:
    """Return a long ``name`` without its middle: names of one family differ at either end."""
    half = (_NAME_LENGTH - 2) // 2
    return name if len(name) <= _NAME_LENGTH else f"{name[:half]}..{name[-half:]}"


def _count(count: int, small: bool) -> str:
    return f"{count / 1000:.0f}k" if small and count >= 1000 else f"{count:,}"


def plot_calibration(probabilities: npt.NDArray[Any], labels: npt.NDArray[Any], subject: str, path: Path) -> None:
    """Draw the reliability diagram: accuracy of the predictions made with a given confidence, and how many they are.

    Args:
        probabilities: (N, C).
        labels: (N,) int in [0, C).
        subject: model and dataset.
        path: PNG.
    """
    bins = reliability_bins(probabilities, labels)
    filled, width = bins.counts > 0, 1 / len(bins.counts)
    left = bins.edges[:-1]
    with drawing(path, "Calibration of the predicted label", subject, 5.6, 5.6) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, label="perfect")
        upper.bar(
            left[filled], bins.accuracy[filled], width, align="edge", color=BLUE, edgecolor="white", label="accuracy"
        )
        low, high = bins.accuracy_ci95()
        upper.vlines(
            bins.mean_confidence[filled], low[filled], high[filled], color="black", linewidth=1, label="95% interval"
        )
        upper.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy (share of rows)")
        legend_above(upper)
        upper.set_title(_calibration_summary(probabilities, labels, bins.ece), pad=24, color=GREY)
        lower.bar(left, bins.counts, width, align="edge", color=ORANGE, edgecolor="white")
        lower.set_ylabel("rows")
        lower.set_xlabel("confidence (probability of the predicted label)")
        lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        grid(upper)
        grid(lower, "y")
        lower.tick_params(axis="x", pad=6)


def _calibration_summary(probabilities: npt.NDArray[Any], labels: npt.NDArray[Any], ece: float) -> str:
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    confidence = float(probabilities.max(axis=1).mean())
    return f"calibration error {ece:.3f}, mean confidence {confidence:.3f}, accuracy {accuracy:.3f}"


def plot_latency(samples: Sequence[Mapping[str, Any]], subject: str, path: Path) -> None:
    """Draw how the inference times are spread, a panel per batch size (and form), with p50 and p95.

    Args:
        samples: one per call: {batch_size, merged, total_ms, ...}, at least one.
        subject: model and dataset.
        path: PNG.
    """
    assert samples, "latency was measured"
    times: dict[tuple[int, bool], list[float]] = {}
    for sample in samples:
        times.setdefault((sample["batch_size"], sample.get("merged", False)), []).append(sample["total_ms"])
    with drawing(path, "Latency, tokenisation included", subject, 7.2, 0.5 + 2.1 * len(times)) as figure:
        panels = figure.subplots(len(times), 1, squeeze=False)[:, 0]
        for axes, (size, merged) in zip(panels, sorted(times), strict=True):
            title = f"batch {size}{', merged' if merged else ''}"
            _draw_times(axes, title, np.array(times[size, merged], dtype=float))
        panels[-1].set_xlabel("time of one call (ms)")


def _draw_times(axes: Axes, title: str, times: npt.NDArray[Any]) -> None:
    wide = bool(0 < times.min() * _WIDE < times.max())
    axes.hist(times, bins=_time_edges(times, wide).tolist(), color=BLUE, edgecolor="white", linewidth=0.4)
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    for share, style, colour, side in ((50, "-", "black", "right"), (95, "--", ORANGE, "left")):
        value = float(np.percentile(times, share))
        axes.axvline(value, color=colour, linestyle=style, linewidth=1.4)
        text = f" p{share} {wording.number(value, 'ms')} "
        axes.text(value, 1.02, text, ha=side, va="bottom", color=colour, transform=axes.get_xaxis_transform())
    axes.set_ylabel("calls")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(f"{title}: {wording.count(len(times), 'call')}{' (log axis)' if wide else ''}", pad=19)
    grid(axes, "y")


def _time_edges(times: npt.NDArray[Any], wide: bool) -> npt.NDArray[Any]:
    """Return the edges of the bars: their width by Freedman and Diaconis (1981), 8 to 80 of them."""
    scaled = np.log(times) if wide else times
    low, high = scaled.min(), scaled.max()
    if high - low < 0.01 * abs(high):  # all the same: an axis around them, not a magnified last digit
        low, high = low - 0.05 * abs(high), high + 0.05 * abs(high)
    quarters = np.percentile(scaled, [25, 75])
    width = 2 * (quarters[1] - quarters[0]) / len(times) ** (1 / 3)
    count = 9 if width == 0 else int(np.clip(np.ceil((high - low) / width), 8, 80))
    edges = np.linspace(
        low - 1e-9, high + 1e-9, count + 1
    )  # exp(log(x)) may fall short of x, and drop the slowest call
    return np.exp(edges) if wide else edges
