import base64
import dataclasses
import hashlib
import json
import re
import time
from html.parser import HTMLParser

import pytest

from ftlab.compare.break_even import break_even
from ftlab.report.board.page import page, write_page
from made_page import PLANTED, large_page, made_page


class Elements(HTMLParser):
    """What a browser would make of a page: elements with their attributes, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.found, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data):
        if self.found and self.found[-1][0] == "script" and self.scripts:
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)

    def handle_endtag(self, tag):
        self.found.append((f"/{tag}", {}))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    return made_page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def html(shown):
    return page(shown)


@pytest.fixture(scope="module")
def elements(html):
    return Elements(html)


def test_what_is_planted_in_names_labels_texts_and_troubles_is_text(html, elements):
    assert html.count("window.planted=1") > 10
    assert PLANTED not in html and "<img" not in html
    assert [attrs.get("id") for attrs, _ in elements.scripts] == ["data", "charts", None, None]


def test_no_element_has_a_handler_or_fetches_anything(elements):
    attributes = [(tag, name) for tag, attrs in elements.found for name in attrs]
    assert not [one for one in attributes if one[1].startswith("on") or one[1] in ("src", "srcset", "action")]
    assert not [tag for tag, _ in elements.found if tag in ("link", "iframe", "object", "base", "form")]
    links = [attrs["href"] for tag, attrs in elements.found if tag == "a"]
    assert links and all(link.startswith(("./", "#")) for link in links)


def test_the_policy_allows_the_two_scripts_of_the_page_and_no_other(elements):
    policy = next(attrs["content"] for tag, attrs in elements.found if attrs.get("http-equiv"))
    own = [text for attrs, text in elements.scripts if "id" not in attrs]
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in own]
    assert f"script-src {' '.join(hashes)};" in policy
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy


def test_the_three_sentences_come_first(shown, html):
    places = [html.index(f">{sentence[:20]}") for sentence in shown.verdict.sentences if "<" not in sentence[:20]]
    assert places and max(places) < html.index('id="front"') < html.index('id="board"') < html.index('id="money"')


def test_the_data_of_the_page_is_the_board(shown, elements):
    data = json.loads(next(text for attrs, text in elements.scripts if attrs.get("id") == "data"))
    assert [row["key"] for row in data["rows"]] == [one.key for one in shown.board.candidates]
    marks = {row["key"]: row.get("mark") for row in data["rows"]}
    assert marks[shown.verdict.choice.key] == "choice" and marks[shown.verdict.runner_up.key] == "runner-up"
    assert data["money"]["segments"][0]["low"] == 0 and data["money"]["segments"][-1]["high"] is None


def test_every_candidate_with_rows_has_labels_mistakes_confidence_and_times(html):
    templates = re.findall(r'<template id="drawer-\d+">.*?</template>', html, re.S)
    assert len(templates) == 6
    for title in ("Per label", "Confusion matrix", "Calibration", "Latency of one text"):
        assert all(f"<h3>{title}</h3>" in text for text in templates)


def test_a_drawer_tells_the_trouble_of_its_run_and_where_nobody_looked_says_nothing(html):
    templates = re.findall(r'<template id="drawer-\d+">.*?</template>', html, re.S)
    assert sum("<h3>Diagnosis</h3>" in text for text in templates) == 5
    assert sum("No trouble seen." in text for text in templates) == 3
    assert sum("<code>model.class_weights=balanced</code>" in text for text in templates) == 1


def test_all_trouble_stands_in_one_section_with_who_has_it(html):
    section = re.search(r'<section class="card" id="trouble">.*?</section>', html, re.S)[0]
    items = re.findall(r"<li>.*?</li>", section, re.S)
    assert [re.search("<b>(.*?)</b>", item)[1] for item in items[-2:]] == ["class collapse", "leak"]
    assert " bert_base lora, " in items[-1] and "minilm lora" in items[-1], "what two have is said once"
    assert "<code>model.class_weights=balanced</code>" in items[-2] and "Try" not in items[-1]
    assert "&lt;script&gt;window.planted=1" in items[-2]


def test_links_lead_from_the_page_to_the_run_folders(shown, html):
    path = write_page(shown)
    for link in re.findall(r'<a href="(\./[^"]+)"', html):
        assert (path.parent / link / "result.json").is_file()


def test_every_control_has_a_label(elements):
    labelled = {attrs["for"] for tag, attrs in elements.found if tag == "label" and "for" in attrs}
    wrapped, inside = set(), False
    for tag, attrs in elements.found:
        inside = tag == "label" or (inside and tag != "/label")
        if inside and tag == "input":
            wrapped.add(attrs["id"])
    controls = [attrs for tag, attrs in elements.found if tag in ("input", "select")]
    assert controls and all(one["id"] in labelled | wrapped for one in controls)


def test_ids_are_unique(elements):
    ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_without_trouble_there_is_no_section(tmp_path):
    assert 'id="trouble"' not in page(large_page(tmp_path, 3))


def test_a_thousand_candidates_stay_below_six_megabytes(tmp_path):
    start = time.perf_counter()
    text = page(large_page(tmp_path))
    assert len(text.encode()) < 6e6 and time.perf_counter() - start < 5
    assert text.count('<tr data-row="') == 1000 and "1,000 of 1,000" in text


def test_without_prices_the_page_says_what_would_give_them(tmp_path):
    said = ("no candidate has a price, so nothing is said of money; give cost.usd_per_hour=<number>",)
    text = page(dataclasses.replace(made_page(tmp_path), money=break_even([]), money_said=said))
    assert (
        "<li>No candidate has a price, so nothing is said of money; give cost.usd_per_hour=&lt;number&gt;.</li>" in text
    )
    assert 'id="volume"' not in text
