"""The report of a real sweep of tiny models and a prompted one, in a real browser."""

import json

import pytest

from ftlab.launch import main
from small import SMALL

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("sweep")
    where = ["experiment_name=study", "tracking=none", f"output_dir={outputs}"]
    assert main(["-m", *SMALL, *where, "adapter=full,head,freeze,lora"]) == 0
    assert main([*SMALL[1:], *where, "model=tiny_gpt", "prompt=zero_shot", "adapter=none"]) == 0
    assert main(["compare", str(outputs / "study"), f"output={outputs / 'report'}", "pictures=false"]) == 0
    return outputs / "report"


def test_every_candidate_has_its_row_and_the_verdict_is_that_of_the_record(open_page, folder):
    record = json.loads((folder / "report.json").read_text())
    assert len(record["candidates"]) == 5
    shown = open_page(folder / "report.html")
    rows = {row.inner_text().split("\n")[0].strip() for row in shown.locator("#board tbody .open").all()}
    assert {one["key"] for one in record["candidates"]} == {row.replace("\u00a0", " ") for row in rows}
    assert record["verdict"]["sentences"][0] in shown.locator("body").inner_text()
    assert shown.locator("#front").bounding_box()["width"] > 200


def test_the_drawer_of_a_real_run_has_its_settings_labels_and_mistakes(open_page, folder):
    shown = open_page(folder / "report.html")
    shown.locator("#board tbody .open").first.click()
    text = shown.locator("#drawer").inner_text().lower()
    assert "oppose" in text and "support" in text and "latency" in text
