"""The page in a real browser: what a reader does with mouse, finger and keys. Run with ``-m browser``."""

import dataclasses
import re

import pytest

from ftlab.compare.break_even import break_even
from ftlab.report.board.page import write_page
from made_page import PLANTED, large_page, made_page, written_page

pytestmark = pytest.mark.browser
POINTS = "(document.getElementById('front').chart?.named('points').data ?? {x: [9]})"
CONTRAST = """(pick) => {
  const number = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const one = document.querySelector(pick);
  let behind = one;
  while (behind && (number(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
  const under = getComputedStyle(behind || document.body).backgroundColor;
  const [a, b] = [getComputedStyle(one).color, under].map((c) => light(number(c)));
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    return write_page(made_page(tmp_path_factory.mktemp("report")))


@pytest.fixture
def shown(open_page, report):
    return open_page(report)


def names(shown):
    return shown.locator("#board tbody .open").all_inner_texts()


def until(shown, true):
    """Wait for an expression; the page forbids ``eval``, which the browser's own waiting would use."""
    for _ in range(100):
        if shown.evaluate(true):
            return
        shown.wait_for_timeout(50)
    raise AssertionError(f"never came true: {true}")


def column(shown, number):
    cells = shown.locator(f"#board tbody tr[data-row] > :nth-child({number})").all()
    return [float(cell.get_attribute("data-v")) for cell in cells]


def test_nothing_planted_runs_and_all_of_it_is_shown_as_text(shown):
    for number in range(6):
        shown.locator("#board .open").nth(number).click()
        shown.keyboard.press("Escape")
    shown.select_option("#group", "model")
    assert shown.evaluate("window.planted") is None
    assert shown.locator("img").count() == 0
    assert any(PLANTED in name for name in names(shown))
    assert "<script>alert(1)</script>" in shown.locator("#texts").inner_text()


def test_the_choice_of_axes_moves_the_points(shown):
    before = shown.evaluate(f"Array.from({POINTS}.x)")
    shown.select_option("#x-axis", "usd_per_1k")
    until(shown, f"Math.max(...{POINTS}.x) < 1")
    assert shown.evaluate(f"Array.from({POINTS}.x)") != before
    shown.uncheck("#x-log")
    until(shown, "document.getElementById('front').chart?.plot.x_scale.type === 'LinearScale'")


def test_a_tooltip_names_the_point_below_the_mouse(shown):
    shown.locator("#front").scroll_into_view_if_needed()
    place = shown.evaluate(
        f"""() => {{ const box = document.getElementById('front'), view = box.chart.view, data = {POINTS};
        const at = data.row.length - 1, edge = box.getBoundingClientRect(), frame = view.frame;
        return [edge.left + frame.x_scale.compute(data.x[at]), edge.top + frame.y_scale.compute(data.y[at])]; }}"""
    )
    shown.mouse.move(place[0] - 40, place[1] - 40)
    shown.mouse.move(*place, steps=4)
    tip = shown.locator("#tip")
    tip.wait_for(state="visible")
    assert "choice" in tip.inner_text() and "p95 (ms)" in tip.inner_text()
    shown.mouse.click(*place)
    assert shown.locator("#drawer[open]").count() == 1


def test_a_heading_sorts_by_click_and_by_key(shown):
    head = shown.locator("#board th", has_text="p95 (ms)")
    number = 1 + head.evaluate("(cell) => cell.cellIndex")
    head.locator("button").click()
    assert column(shown, number) == sorted(column(shown, number)) and head.get_attribute("aria-sort") == "ascending"
    shown.keyboard.press("Enter")
    assert column(shown, number) == sorted(column(shown, number), reverse=True)
    main = shown.locator("#board th", has_text="f1_macro").locator("button")
    main.focus()
    shown.keyboard.press("Space")
    assert column(shown, 2) == sorted(column(shown, 2), reverse=True)  # the best first


def test_the_filter_groups_and_the_front_narrow_the_rows(shown):
    shown.fill("#filter", "tiny_bert full")
    assert names(shown) == ["tiny_bert full"] and shown.inner_text("#shown") == "1 of 6"
    shown.fill("#filter", "")
    shown.select_option("#group", "adapter")
    heads = shown.locator("#board .group").all_inner_texts()
    assert sorted(re.sub(r"\s+", " ", one).strip() for one in heads) == ["full (2)", "head (1)", "lora (2)", "none (1)"]
    shown.check("#only-front")
    assert 0 < len(names(shown)) < 6


def test_keys_alone_open_read_and_close_a_drawer(shown):
    shown.locator("#group").focus()
    for _ in range(40):
        shown.keyboard.press("Tab")
        if shown.evaluate("document.activeElement.className") == "open":
            break
    name = shown.evaluate("document.activeElement.textContent")
    shown.keyboard.press("Enter")
    drawer = shown.locator("#drawer[open]")
    assert drawer.locator("#drawer-title").inner_text() == name
    for title in ("Numbers", "What differs", "Per label", "Confusion matrix", "Calibration", "Latency of one text"):
        assert drawer.locator("h3", has_text=title).count() == 1
    shown.keyboard.press("Escape")
    assert shown.locator("#drawer[open]").count() == 0
    assert shown.evaluate("document.activeElement.textContent") == name


def open_drawer(shown, name):
    shown.locator("#board .open").get_by_text(name, exact=True).click()
    return shown.locator("#drawer[open]")


def test_trouble_stands_in_its_section_and_in_the_drawer_as_text(shown):
    section = shown.locator("#trouble")
    said = section.inner_text()
    assert "class collapse" in said and PLANTED in said and "model.class_weights=balanced" in said
    assert section.locator("li", has_text="leak").inner_text().startswith("leak bert_base lora, ")
    drawer = open_drawer(shown, "bert_base lora")
    held = drawer.locator("section", has=shown.locator("h3", has_text="Diagnosis"))
    assert "class collapse" in held.inner_text() and PLANTED in held.inner_text()
    assert held.locator("code").inner_text() == "model.class_weights=balanced"
    shown.keyboard.press("Escape")
    assert "No trouble seen" in open_drawer(shown, "tiny_bert full").inner_text()
    shown.keyboard.press("Escape")
    assert "Diagnosis" not in open_drawer(shown, "tiny_bert head").inner_text(), "nobody looked at it"
    assert shown.evaluate("window.planted") is None


def test_a_drawer_reads_its_rows_beside_the_choice_and_leads_to_more(shown):
    drawer = open_drawer(shown, "tiny_bert head")
    section = drawer.locator("section", has=shown.locator("h3", has_text="Where it differs from"))
    choice = shown.locator("#board tr[data-mark=choice] .open").text_content()
    assert section.locator("h3").inner_text() == f"Where it differs from {choice}"
    assert section.locator(".read").count() == 3
    for row in section.locator(".read").all():
        assert row.locator("dt").all_inner_texts() == ["true label", "tiny_bert head", choice]
        assert len(set(row.locator("dd.yes, dd.no").all_inner_texts())) == 2
    section.locator("button").click()
    assert shown.locator("#drawer[open]").count() == 0
    picked = "[...document.querySelectorAll('#rows select')].map((one) => one.selectedOptions[0].textContent)"
    assert shown.evaluate(picked) == ["tiny_bert head", choice]


def test_what_two_models_wrote_is_read_in_the_drawer(open_page, tmp_path):
    shown = open_page(write_page(written_page(tmp_path)))
    for number in range(2):
        shown.locator("#board .open").nth(number).click()
        section = shown.locator("#drawer section", has=shown.locator("h3", has_text="What it wrote, beside"))
        names = section.locator(".read").first.locator("dt").all_inner_texts()
        assert names[1] == shown.inner_text("#drawer-title") and names[2] != names[1] and len(names) == 3
        assert "Answer <b>0</b>" in section.inner_text()
        shown.keyboard.press("Escape")


def test_arrow_keys_walk_over_the_front_and_enter_opens(shown):
    shown.locator("#front").focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("ArrowRight")
    said = shown.inner_text("#front-said")
    assert "p95 (ms)" in said and shown.locator("#tip").is_visible()
    shown.keyboard.press("Enter")
    assert shown.inner_text("#drawer-title") == said.partition(";")[0]


def test_a_volume_shows_what_each_costs(shown):
    low = shown.inner_text("#costs")
    shown.locator("#volume").focus()
    shown.keyboard.press("End")
    high = shown.inner_text("#costs")
    assert low != high and "(cheapest)" in high and "tiny_bert head" in high
    shown.keyboard.press("Home")
    assert re.search(r"smollm2_135m none \$\S+ \(cheapest\)", shown.inner_text("#costs"))


def test_who_is_cheap_and_of_unknown_quality_is_marked(open_page, tmp_path):
    one = made_page(tmp_path)
    cheap = one.board.candidates[0]
    unknown = dataclasses.replace(cheap, values={**cheap.values, one.board.main.name: None, "usd_per_1k": 1e-9})
    board = dataclasses.replace(one.board, candidates=(unknown, *one.board.candidates[1:]))
    shown = open_page(write_page(dataclasses.replace(one, board=board, money=break_even(board.candidates))))
    shown.locator("#volume").focus()
    shown.keyboard.press("End")
    assert f"{cheap.key} (f1_macro unknown) $" in shown.inner_text("#costs")


def test_two_models_are_read_row_by_row(shown):
    before = shown.inner_text("#pair")
    shown.select_option("#second", label="smollm2_135m none")
    assert shown.inner_text("#pair") != before
    marks = shown.locator("#texts .read").first.locator("dd.yes, dd.no").count()
    assert marks == 2 and "differ on" in shown.inner_text("#pair")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_can_be_read_and_the_button_changes_them(open_page, report, scheme):
    shown = open_page(report, scheme=scheme)
    assert shown.get_attribute("html", "data-theme") == scheme
    for _ in range(2):
        for pick in (
            ".first",
            ".facts",
            ".chip",
            ".tile dd",
            ".open",
            ".badge.choice",
            "#board small",
            ".read .no",
            ".read .yes",
        ):
            assert shown.evaluate(CONTRAST, pick) >= 4.5, pick
        card = shown.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--card').trim()")
        until(shown, f"document.getElementById('front').chart?.plot.background_fill_color === '{card}'")
        shown.click("#theme")
    assert shown.get_attribute("html", "data-theme") == scheme


def test_a_phone_scrolls_up_and_down_only(open_page, report):
    shown = open_page(report, 390, 844, has_touch=True, is_mobile=True)
    wide = "[document.documentElement.scrollWidth, document.body.scrollWidth].every((width) => width <= 390)"
    assert shown.evaluate(wide)
    shown.locator("#board .open").first.tap()
    assert shown.evaluate(wide) and shown.evaluate("document.getElementById('drawer').scrollWidth <= 390")


def test_a_thousand_candidates_are_drawn_sorted_and_filtered_at_once(open_page, tmp_path):
    shown = open_page(write_page(large_page(tmp_path)))
    taken = shown.evaluate("""() => { const start = performance.now();
        document.querySelector('#board th:nth-child(2) button').click();
        const box = document.getElementById('filter'); box.value = 'model3'; box.dispatchEvent(new Event('input'));
        document.getElementById('board').offsetHeight; return performance.now() - start; }""")
    assert taken < 2000 and len(shown.evaluate(f"Array.from({POINTS}.x)")) == 1000
    shown.locator("#board .open").first.click()
    assert "not kept on the page" in shown.inner_text("#drawer-body")
