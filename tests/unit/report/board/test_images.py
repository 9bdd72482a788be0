from PIL import Image

from ftlab.compare.break_even import break_even
from ftlab.compare.verdict import make_verdict
from ftlab.report.board.images import write_images
from made_board import board_of, made_candidate


def made_board():
    return board_of(
        made_candidate("small $x$", f1_macro=0.7, p95_ms=2.0, usd_per_1k=0.001, usd_training=0.5),
        made_candidate("large <b>", f1_macro=0.9, p95_ms=40.0, usd_per_1k=0.01, usd_training=20.0),
        made_candidate("prompted", f1_macro=0.8, p95_ms=400.0, usd_per_1k=0.09, usd_training=0.0),
        made_candidate("untimed", f1_macro=0.8, p95_ms=None, usd_per_1k=None),
    )


def test_both_charts_are_written_as_png_and_svg(tmp_path):
    board = made_board()
    paths = write_images(board, make_verdict(board), break_even(board.candidates), tmp_path / "charts")
    assert sorted(path.name for path in paths) == ["break_even.png", "break_even.svg", "front.png", "front.svg"]
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.width > 900 and path.stat().st_size < 150_000
        else:
            assert path.read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_without_prices_only_the_front_is_drawn(tmp_path):
    board = board_of(made_candidate("a", f1_macro=0.7, p95_ms=2.0), made_candidate("b", f1_macro=0.8, p95_ms=3.0))
    paths = write_images(board, make_verdict(board), break_even(board.candidates), tmp_path)
    assert [path.name for path in paths] == ["front.png", "front.svg"]
