"""The two charts of a page, as bokeh documents without data: the page's script fills, colours and labels them.

Colours stand here as the names of the page's own, each hidden in a colour bokeh accepts (``INK`` and so on): the script
puts in the values of the theme that is shown.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import bokeh
from bokeh.embed import json_item
from bokeh.models import (
    ColumnDataSource,
    HoverTool,
    LogTicker,
    MultiLine,
    NumeralTickFormatter,
    PlainText,
    Range1d,
    Scatter,
    Segment,
    TapTool,
)
from bokeh.models.annotations import LabelSet, Span
from bokeh.plotting import figure

# Of the style sheet: --ink, --muted, --rule, --accent, --card.
INK, MUTED, RULE, ACCENT, CARD = "#010101", "#020202", "#030303", "#040404", "#050505"
COLOURS = {INK: "--ink", MUTED: "--muted", RULE: "--rule", ACCENT: "--accent", CARD: "--card"}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
SCALES = ("linear", "log")


@cache
def script() -> str:
    """Return bokeh's script: the core, without widgets, tables, WebGL and mathematics."""
    return (Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js").read_text(encoding="utf-8")


@cache
def chart_items() -> dict[str, Any]:
    """Return the charts as JSON, not to be changed: ``front/<x scale>/<y scale>`` for each pair, and ``money``."""
    fronts = {f"front/{x}/{y}": json_item(_front(x, y)) for x in SCALES for y in SCALES}
    return {**fronts, "money": json_item(_money())}


def _front(x: str, y: str) -> figure:
    """Return the plane of two axes: dots, their intervals, the front's line, rings around the verdict's."""
    plot = _plane(x, y, "front")
    bars = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1", "color")}, name="bars")
    plot.add_glyph(
        bars, Segment(x0="x0", y0="y0", x1="x1", y1="y1", line_color="color", line_alpha=0.55, line_width=1.3)
    )
    steps = ColumnDataSource({"x": [], "y": []}, name="steps")
    plot.line("x", "y", source=steps, line_color=MUTED, line_width=1.6, line_dash=[5, 4])
    points = ColumnDataSource(
        {n: [] for n in ("x", "y", "color", "size", "alpha", "edge", "width", "row")}, name="points"
    )
    dots = Scatter(
        x="x", y="y", size="size", fill_color="color", fill_alpha="alpha", line_color="edge", line_width="width"
    )
    shown = plot.add_glyph(points, dots, selection_glyph=dots, nonselection_glyph=dots)
    plot.add_tools(HoverTool(tooltips=None, renderers=[shown]), TapTool(renderers=[shown]))
    _labels(plot, "names")
    return plot


def _money() -> figure:
    """Return the plane of requests a month and dollars: a curve each, a line where the best choice changes."""
    plot = _plane("log", "log", "money")
    plot.xaxis.formatter = NumeralTickFormatter(format="0.[0]a")
    plot.yaxis.formatter = NumeralTickFormatter(format="$0,0.[000000]")
    breaks = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1")}, name="breaks")
    plot.add_glyph(
        breaks, Segment(x0="x0", y0="y0", x1="x1", y1="y1", line_color=MUTED, line_width=1.2, line_dash=[3, 4])
    )
    curves = ColumnDataSource({name: [] for name in ("xs", "ys", "color", "width", "alpha")}, name="curves")
    plot.add_glyph(curves, MultiLine(xs="xs", ys="ys", line_color="color", line_width="width", line_alpha="alpha"))
    best = ColumnDataSource({name: [] for name in ("xs", "ys", "color")}, name="cheapest")
    wide = MultiLine(xs="xs", ys="ys", line_color="color", line_width=5, line_alpha=0.9, line_cap="round")
    plot.add_glyph(best, wide)
    turns = ColumnDataSource({"x": [], "y": []}, name="turns")
    plot.add_glyph(turns, Scatter(x="x", y="y", size=9, fill_color=CARD, line_color=INK, line_width=1.6))
    plot.add_layout(Span(dimension="height", location=None, line_color=ACCENT, line_width=1.2, name="cursor"))
    _labels(plot, "volumes")
    _labels(plot, "names")
    return plot


def _plane(x: str, y: str, name: str) -> figure:
    plot = figure(
        name=name,
        x_axis_type=x,  # type: ignore[arg-type]
        y_axis_type=y,  # type: ignore[arg-type]
        x_range=Range1d(start=1, end=2),
        y_range=Range1d(start=1, end=2),
        sizing_mode="stretch_both",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_drag=None,  # a finger that moves the page must not move the chart
        toolbar_location="right",
        background_fill_color=CARD,
        border_fill_color=CARD,
        outline_line_color=None,
        lod_threshold=None,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.toolbar_inner = True  # it hides with the mouse, and should leave no gap
    for axis in plot.axis:
        axis.formatter = NumeralTickFormatter(format="0,0.[000000000]")
        if isinstance(axis.ticker, LogTicker):
            axis.ticker = LogTicker(mantissas=[1, 2, 5], desired_num_ticks=6)
        axis.update(axis_line_color=RULE, major_tick_line_color=RULE, minor_tick_line_color=None)
        axis.update(major_label_text_color=MUTED, major_label_text_font=_FONT, major_label_text_font_size="12px")
        axis.update(axis_label_text_color=INK, axis_label_text_font=_FONT, axis_label_text_font_size="13px")
        axis.update(axis_label_text_font_style="normal", axis_label=PlainText(text=" "), axis_label_standoff=8)
    for grid in plot.grid:
        grid.update(grid_line_color=RULE, grid_line_alpha=0.7)
    return plot


def _labels(plot: figure, name: str) -> None:
    columns = ("x", "y", "text", "dx", "dy", "color")
    source = ColumnDataSource({column: [] for column in columns}, name=name)
    label = LabelSet(
        x="x",
        y="y",
        text="text",
        x_offset="dx",
        y_offset="dy",
        text_color="color",
        source=source,
        text_font=_FONT,
        text_font_size="12px",
        text_baseline="middle",
        background_fill_color=CARD,
        background_fill_alpha=0.82,
    )
    plot.add_layout(label)
