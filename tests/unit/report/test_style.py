from __future__ import annotations

import warnings

import matplotlib
import pytest
from PIL import Image

from ftlab.report.style import drawing, grid


def test_a_drawing_is_a_png_of_150_dpi_with_its_size(tmp_path):
    path = tmp_path / "plots" / "x.png"
    with drawing(path, "Title", "model on data", 4, 3) as figure:
        grid(figure.subplots())
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.info["dpi"] == pytest.approx((150, 150), abs=0.1)
        assert picture.width == 600 and 450 < picture.height < 600  # the title comes on top


def test_title_and_subject_stand_above_the_axes_inside_the_picture(tmp_path):
    with drawing(tmp_path / "x.png", "Title", "a long subject " * 20, 4, 3) as figure:
        axes = figure.subplots()
    title, subject = figure.texts
    assert title.get_text() == "Title"
    assert subject.get_text().count("\n") == 1 and subject.get_text().endswith("...")
    boxes = [text.get_window_extent() for text in (title, subject)]
    assert boxes[0].y0 >= boxes[1].y1 > boxes[1].y0 > axes.get_window_extent().y1
    assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_options_hold_only_while_drawing(tmp_path):
    before = matplotlib.rcParams["text.parse_math"]
    with drawing(tmp_path / "x.png", "T", "s", 2, 2):
        assert matplotlib.rcParams["text.parse_math"] is False
    assert matplotlib.rcParams["text.parse_math"] is before


def test_dollars_and_foreign_letters_are_text_and_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with drawing(tmp_path / "x.png", "$a_$ \u65e5\u672c", "$\\frac{$", 2, 2) as figure:
            figure.subplots().set_xlabel("$x^")
    assert (tmp_path / "x.png").is_file()


def test_nothing_is_written_when_drawing_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), drawing(tmp_path / "x.png", "T", "s", 2, 2):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
