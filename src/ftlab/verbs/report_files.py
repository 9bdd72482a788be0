"""Writes a comparison into a folder: report.html, report.md, report.json; each is replaced in one step."""

from __future__ import annotations

import json
from pathlib import Path

from ftlab.compare.details import read_details
from ftlab.report.board.images import write_images
from ftlab.report.board.markdown import markdown
from ftlab.report.board.page import Page, write_page
from ftlab.report.board.record import record
from ftlab.report.board.whole import Whole
from ftlab.state import write_durably


def write_report(whole: Whole, folder: Path, *, pictures: bool = True) -> list[Path]:
    """Write the files of a report and return them, the one to open first.

    Args:
        whole: what was found.
        folder: that exists; what an earlier report left in it is replaced.
        pictures: whether the charts are drawn too, as PNG and SVG in ``charts``.

    Raises:
        OSError: the folder cannot be written.
    """
    shown = Page(
        whole.board,
        whole.verdict,
        folder,
        whole.money,
        whole.money_said,
        read_details(whole.board, whole.verdict),
        whole.diagnosed,
        whole.written,
        whole.seen,
    )
    page = write_page(shown)
    drawn = write_images(whole.board, whole.verdict, whole.money, folder / "charts") if pictures else []
    named = [f"charts/{path.name}" for path in drawn if path.suffix == ".png"]
    texts = {
        "report.md": markdown(whole, folder, named),
        "report.json": json.dumps(record(whole), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        write_durably(folder / name, text)
    return [page, *(folder / name for name in texts), *drawn]
