"""How every picture looks: size, type, colours that colour-blind readers tell apart (Okabe and Ito, 2008)."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#6B6B6B", "#333333"
DPI = 150
_LEFT = 0.12  # inches left of the title
_LETTERS = 11  # of the subject, per inch
_OPTIONS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9.5,
    "text.parse_math": False,  # a label may hold a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.labelcolor": "#333333",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "ftlab",  # the same picture is the same file
}


@contextmanager
def drawing(path: Path, title: str, subject: str, width: float, height: float) -> Iterator[Figure]:
    """Give a figure to draw into, below its title, and write it to ``path`` at the end (PNG, 150 dpi, or SVG).

    Args:
        path: its folder is made.
        title: what the picture shows.
        subject: model and dataset, on the lines below the title.
        width: inches.
        height: inches, without the title.
    """
    lines = textwrap.wrap(subject, int((width - 2 * _LEFT) * _LETTERS), max_lines=2, placeholder="...")
    height += (head := 0.42 + 0.19 * len(lines))
    with matplotlib.rc_context(_OPTIONS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+")  # a label in a script the font lacks is drawn as boxes
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08, rect=(0, 0, 1, 1 - head / height))
        figure = Figure((width, height), dpi=DPI, layout=layout)
        FigureCanvasAgg(figure)
        for text, down, options in (
            (title, 0.12, {"fontsize": 12, "fontweight": "bold"}),
            ("\n".join(lines), 0.35, {"fontsize": 10, "color": GREY}),
        ):
            figure.text(_LEFT / width, 1 - down / height, text, va="top", **options)  # type: ignore[arg-type]
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.canvas.draw()
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write an SVG; a PNG with a palette, a third of the bytes: it holds few colours, and the shades of their edges."""
    if path.suffix == ".svg":
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": "ftlab"})
        return
    pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    picture = Image.fromarray(pixels).convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    picture.save(path, format="PNG", dpi=(DPI, DPI), optimize=True)


def legend_above(axes: Axes) -> None:
    """Put the legend above the axes, where it hides no data, from the left."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), ncols=3, borderpad=0.3, borderaxespad=0, columnspacing=1.2)


def grid(axes: Axes, axis: str = "both") -> None:
    """Draw thin grid lines behind the data."""
    axes.grid(visible=True, axis=axis)  # type: ignore[arg-type]
    axes.tick_params(length=0)
