"""The page says what was measured, and where a number falls short."""

from benchmarks import page, runner

PEER = {"ours": "ftlab", "other": "Trainer", "unit": "rows/s"}


def record(*lines, **changes):
    return {**runner.document("loop", "Steps a second.", False, lines), "commit": "abc", **changes}


def test_a_row_shows_both_sides_ratio_and_verdict():
    line = runner.compared("loop", "rows/s, ours over Trainer", [(200.0, 100.0)] * 3, **PEER, wanted=">= 1.5")
    assert (
        "| rows/s, ours over Trainer | ftlab: 200 rows/s | Trainer: 100 rows/s | **2** (2 to 2) | 3 | >= 1.5: yes |"
        in page.page([record(line)])
    )


def test_a_number_that_falls_short_is_said_in_words():
    line = runner.compared("loop", "rows/s", [(120.0, 100.0)] * 3, **PEER, wanted=">= 1.5", note="padding eats it.")
    text = page.page([record(line)])
    assert ">= 1.5: **no**" in text
    assert "- rows/s: **falls short**: 1.2 where >= 1.5 is wanted." in text
    assert "- rows/s: padding eats it." in text


def test_an_interval_on_both_sides_of_the_limit_is_said():
    line = runner.compared("loop", "rows/s", [(140.0, 100.0), (150.0, 100.0), (170.0, 100.0)], **PEER, wanted=">= 1.5")
    assert "not sure: the interval lies on both sides of >= 1.5." in page.page([record(line)])


def test_a_quick_run_says_so_and_the_machine_is_named():
    text = page.page([record(quick=True)])
    assert "not for quoting" in text
    assert "cores" in text
    assert "commit abc" in text


def test_workloads_stand_in_order_of_their_names():
    text = page.page([record(name="padding"), record(name="loop")])
    assert text.index("## loop") < text.index("## padding")


def test_numbers_have_three_digits_and_no_exponent():
    assert [page.number(n) for n in (0, 1.2345, 123456.7, 0.0512)] == ["0", "1.23", "123,457", "0.0512"]
