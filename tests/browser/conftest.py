"""A headless browser, and pages that may not complain or reach for the network."""

import os
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("FTLAB_TEST_CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e .[dev]")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium, or set FTLAB_TEST_CHROMIUM")
    with api.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Return what opens a file; whatever the page complains of, or asks of the network, fails the test at its end."""
    contexts, wrong = [], []

    def start(path, width=1280, height=900, scheme="light", **options):
        contexts.append(
            browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, **options)
        )
        shown = contexts[-1].new_page()
        shown.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on(
            "request",
            lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:", "blob:")) else None,
        )
        shown.goto(path.as_uri())
        shown.wait_for_selector("html[data-ready]", timeout=20_000)
        return shown

    yield start
    for context in contexts:
        context.close()
    assert wrong == []
