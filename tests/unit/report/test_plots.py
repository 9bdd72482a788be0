from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from ftlab.report import plots, style

SUBJECT = "minilm + full on policy_stance"


@pytest.fixture
def drawn(monkeypatch):
    """The figures, as they were when written."""
    figures = []
    save = style._save

    def keep(figure, path):
        figures.append(figure)
        save(figure, path)

    monkeypatch.setattr(style, "_save", keep)
    return figures


def overlapping(texts) -> list[tuple[str, str]]:
    boxes = [(t.get_text(), t.get_window_extent().padded(-1)) for t in texts if t.get_text().strip()]
    return [(a, b) for (a, x), (b, y) in itertools.combinations(boxes, 2) if x.overlaps(y)]


def outside(figure) -> list[str]:
    """Texts that stick out of the picture."""
    found = []
    for text in itertools.chain(figure.texts, *([*a.texts, a.xaxis.label, a.yaxis.label] for a in figure.axes)):
        box = text.get_window_extent() if text.get_in_layout() else figure.bbox  # a count lies in its cell
        if text.get_text().strip() and not (box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1):
            found.append(text.get_text())
    return found


def check_picture(path, figure):
    assert path.stat().st_size < 150_000
    with Image.open(path) as picture:
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert [text.get_text() for text in figure.texts][1] == SUBJECT
    assert outside(figure) == []


def history(steps: int, epochs: int) -> list[dict]:
    points = [
        {"step": s, "epoch": (s - 1) * epochs // steps, "name": "train/loss", "value": 1 / s, "seconds": s}
        for s in range(1, steps + 1)
    ]
    for epoch, (loss, f1) in enumerate([(0.9, 0.5), (0.7, 0.8), (0.8, 0.6)][:epochs]):
        at = {"step": steps * (epoch + 1) // epochs, "epoch": epoch, "seconds": 1.0}
        points += [{**at, "name": "val/loss", "value": loss}, {**at, "name": "val/f1_macro", "value": f1}]
    return points


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def test_the_loss_curve_shows_both_losses_and_the_best_point(tmp_path, drawn):
    path = tmp_path / "loss.png"
    plots.plot_loss_curve(history(30, 3), "val/f1_macro", "max", SUBJECT, path)
    check_picture(path, drawn[0])
    upper, lower = drawn[0].axes
    assert lines(upper)["training"].shape == (30, 2)
    assert lines(upper)["validation"].tolist() == [[10, 0.9], [20, 0.7], [30, 0.8]]
    assert lower.lines[0].get_xydata().tolist() == [[10, 0.5], [20, 0.8], [30, 0.6]]
    assert [text.get_text() for text in lower.texts] == ["best 0.800, step 20"]
    assert upper.get_ylabel() == "loss (nats)"
    assert lower.get_ylabel() == "val/f1_macro\n(mean over labels)"
    assert lower.get_xlabel() == "optimizer steps (3 epochs)"


def test_a_monitored_loss_needs_no_second_panel(tmp_path, drawn):
    plots.plot_loss_curve(history(30, 3), "val/loss", "min", SUBJECT, tmp_path / "loss.png")
    (only,) = drawn[0].axes
    assert [text.get_text() for text in only.texts] == ["best 0.700, step 20"]


def test_many_points_of_training_loss_are_smoothed_over_the_raw_ones(tmp_path, drawn):
    points = history(300, 1)
    points[100]["value"] = float("nan")
    plots.plot_loss_curve(points, "val/f1_macro", "max", SUBJECT, tmp_path / "loss.png")
    smooth = lines(drawn[0].axes[0])["training (mean of 11 points)"]
    assert smooth[150, 1] == pytest.approx(np.mean([1 / s for s in range(146, 157)]))
    assert np.isfinite(smooth).all()


def test_values_that_are_not_finite_leave_a_gap_and_no_best_point(tmp_path, drawn):
    points = [
        {"step": 1, "epoch": 0, "name": "train/loss", "value": float("inf"), "seconds": 0},
        {"step": 1, "epoch": 0, "name": "val/auroc", "value": None, "seconds": 0},
    ]
    plots.plot_loss_curve(points, "val/auroc", "max", SUBJECT, tmp_path / "loss.png")
    assert all(np.isnan(line.get_ydata()).all() for axes in drawn[0].axes for line in axes.lines)
    assert len(drawn[0].axes[1].texts) == 0


def test_an_own_monitor_has_its_name_alone(tmp_path, drawn):
    points = [{"step": s, "epoch": 0, "name": "val/mcc", "value": s / 10, "seconds": 0} for s in (1, 2)]
    plots.plot_loss_curve(points, "val/mcc", "max", SUBJECT, tmp_path / "loss.png")
    assert drawn[0].axes[1].get_ylabel() == "val/mcc"


def confuse(count, classes, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    return labels, np.where(generator.random(count) < 0.6, labels, generator.integers(classes, size=count))


def test_the_confusion_matrix_has_true_rows_and_their_shares(tmp_path, drawn):
    path = tmp_path / "confusion.png"
    labels, predictions = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 1, 2])
    plots.plot_confusion_matrix(labels, predictions, ["a", "b", "c"], SUBJECT, path)
    check_picture(path, drawn[0])
    axes = drawn[0].axes[0]
    shares = axes.images[0].get_array()
    assert shares.tolist() == [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 0]]
    assert [t.get_text() for t in axes.texts] == ["3", "1", "0", "0", "1", "1", "0", "0", "0"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true label", "predicted label")
    assert [t.get_text() for t in axes.get_yticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("classes", "count"),
    [
        (2, 20_000),
        pytest.param(20, 2000, marks=pytest.mark.slow),
        pytest.param(50, 1000, marks=pytest.mark.slow),
        pytest.param(50, 60_000, marks=pytest.mark.slow, id="no empty cell"),
    ],
)
def test_the_confusion_matrix_is_readable_with_2_to_50_labels(tmp_path, drawn, classes, count):
    path = tmp_path / "confusion.png"
    names = [f"family.of.long.names.number.{i}" for i in range(classes)]
    plots.plot_confusion_matrix(*confuse(count, classes), names, SUBJECT, path)
    check_picture(path, drawn[0])
    axes = drawn[0].axes[0]
    assert overlapping(axes.get_xticklabels()) == [] and overlapping(axes.get_yticklabels()) == []
    assert len({t.get_text() for t in axes.get_xticklabels()}) == classes  # cut, and still told apart
    cell = axes.get_window_extent().width / classes
    assert all(t.get_window_extent().width <= cell for t in axes.texts[: 3 * classes])


def test_thousands_in_small_cells_are_shortened(tmp_path, drawn):
    labels = np.repeat(np.arange(30), 1200)
    plots.plot_confusion_matrix(labels, labels, [str(i) for i in range(30)], SUBJECT, tmp_path / "c.png")
    assert {t.get_text() for t in drawn[0].axes[0].texts} == {"1k"}


def test_calibration_draws_accuracy_per_confidence_and_the_rows_behind_it(tmp_path, drawn):
    path = tmp_path / "calibration.png"
    confidences = np.array([0.55] * 4 + [0.95] * 6)
    labels = np.array([0, 0, 1, 1, 0, 0, 0, 0, 0, 1])
    plots.plot_calibration(np.stack([confidences, 1 - confidences], axis=1), labels, SUBJECT, path)
    check_picture(path, drawn[0])
    upper, lower = drawn[0].axes
    assert [round(bar.get_height(), 4) for bar in upper.patches] == [0.5, 0.8333]
    assert [bar.get_height() for bar in lower.patches if bar.get_height()] == [4, 6]
    ece = 0.4 * 0.05 + 0.6 * (0.95 - 5 / 6)
    title = f"calibration error {ece:.3f}, mean confidence 0.790, accuracy 0.700"
    assert upper.get_title(loc="left") == title
    assert upper.get_ylabel() == "accuracy (share of rows)"
    assert lower.get_xlabel() == "confidence (probability of the predicted label)"


def test_calibration_of_a_diverged_net_is_drawn_all_the_same(tmp_path, drawn):
    plots.plot_calibration(np.full((5, 2), np.nan), np.zeros(5, dtype=int), SUBJECT, tmp_path / "c.png")
    assert "calibration error nan" in drawn[0].axes[0].get_title(loc="left")


def calls(batch_size, times, merged=False):
    return [{"batch_size": batch_size, "merged": merged, "total_ms": float(t)} for t in times]


def test_latency_has_a_panel_per_batch_size_with_p50_and_p95(tmp_path, drawn):
    path = tmp_path / "latency.png"
    plots.plot_latency(calls(32, np.linspace(200, 300, 101)) + calls(1, np.linspace(10, 20, 101)), SUBJECT, path)
    check_picture(path, drawn[0])
    first, second = drawn[0].axes
    assert first.get_title(loc="left") == "batch 1: 101 calls"
    assert second.get_title(loc="left") == "batch 32: 101 calls"
    assert [t.get_text().strip() for t in first.texts] == ["p50 15 ms", "p95 19.5 ms"]
    assert [line.get_xdata()[0] for line in second.lines] == pytest.approx([250, 295])
    assert sum(bar.get_height() for bar in first.patches) == 101
    assert second.get_xlabel() == "time of one call (ms)"
    assert first.get_xscale() == "linear"


def test_a_wide_spread_has_a_log_axis_and_says_so(tmp_path, drawn):
    plots.plot_latency(calls(1, np.geomspace(2, 200, 50)), SUBJECT, tmp_path / "latency.png")
    (axes,) = drawn[0].axes
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "batch 1: 50 calls (log axis)"
    ticks = [t.get_text() for t in axes.get_xticklabels()]
    assert {"5", "10", "20", "100"} <= set(ticks)
    assert sum(bar.get_height() for bar in axes.patches) == 50


def test_merged_and_separate_adapters_have_their_own_panels(tmp_path, drawn):
    plots.plot_latency(calls(1, [5, 6]) + calls(1, [3, 4], merged=True), SUBJECT, tmp_path / "latency.png")
    titles = [axes.get_title(loc="left") for axes in drawn[0].axes]
    assert titles == ["batch 1: 2 calls", "batch 1, merged: 2 calls"]


@pytest.mark.parametrize("times", [[5.0], [300.0] * 40 + [1200.0], [1.0] * 40 + [1.2], list(np.linspace(10, 10.3, 40))])
def test_percentile_labels_do_not_overlap_whatever_the_spread(tmp_path, drawn, times):
    plots.plot_latency(calls(1, times), SUBJECT, tmp_path / "latency.png")
    (axes,) = drawn[0].axes
    assert overlapping([*axes.texts, axes._left_title]) == []
    assert outside(drawn[0]) == []
    assert sum(bar.get_height() for bar in axes.patches) == len(times)
