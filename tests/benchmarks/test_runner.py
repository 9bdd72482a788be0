"""Both sides run turn about, and are only compared where they did the same."""

import gc

import pytest

from benchmarks import __main__ as command
from benchmarks import page, runner


def test_sides_run_turn_about_after_the_warm_up():
    order = []
    runner.abba(lambda: order.append("a"), lambda: order.append("b"), pairs=3, warmup=1)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_a_pair_names_ours_first_whatever_ran_first():
    assert runner.abba(lambda: 1.0, lambda: 2.0, pairs=2, warmup=0) == [(1.0, 2.0), (1.0, 2.0)]


def test_a_side_that_does_not_time_itself_is_timed(monkeypatch):
    times = iter([5.0, 7.5])
    monkeypatch.setattr(runner.time, "perf_counter", lambda: next(times))
    assert runner.seconds(lambda: None) == 2.5


def test_nothing_is_collected_within_a_measurement():
    states = []
    runner.seconds(lambda: states.append(gc.isenabled()))
    assert states == [False]
    assert gc.isenabled()


def test_sides_that_differ_are_not_compared():
    def check():
        raise runner.Unequal("ours saw 31 rows, the other 32")

    with pytest.raises(runner.Unequal, match="31 rows"):
        runner.Workload(lambda: 1.0, lambda: 1.0, check).measure(pairs=1)


def test_a_line_of_rates_is_above_one_where_ours_is_quicker():
    pairs = runner.rates([(1.0, 2.0), (2.0, 4.0), (1.0, 2.0)], amount=100)
    line = runner.compared("w", "rows/s", pairs, ours="ftlab", other="peer", unit="rows/s", wanted=">= 1.5")
    assert (line.ratio, line.median_ours, line.median_other) == (2.0, 100.0, 50.0)
    assert line.held
    assert line.sure


def test_a_number_without_another_side_is_held_against_what_is_wanted():
    assert runner.counted("w", "start", [1.0, 1.2, 1.1], ours="ftlab", unit="s", wanted="< 1.5").held
    short = runner.counted("w", "start", [1.0, 2.0, 1.6], ours="ftlab", unit="s", wanted="< 1.5")
    assert (short.held, short.sure) == (False, False)


def test_a_number_can_be_wanted_between_two_bounds():
    near = runner.counted("w", "meter", [0.99, 1.0, 1.01], ours="ftlab", unit="", wanted="0.98 to 1.02")
    wide = runner.counted("w", "meter", [0.9, 1.0, 1.1], ours="ftlab", unit="", wanted="0.98 to 1.02")
    assert (near.held, near.sure) == (True, True)
    assert (wide.held, wide.sure) == (True, False)


def test_data_that_is_not_there_says_what_to_set(monkeypatch, tmp_path):
    monkeypatch.setenv("FTLAB_TEST_DATA", str(tmp_path))
    with pytest.raises(runner.Skipped, match="sst2: set FTLAB_TEST_DATA"):
        runner.data("sst2")
    (tmp_path / "sst2").mkdir()
    assert runner.data("sst2") == tmp_path / "sst2"


def fake_workload(monkeypatch, measure):
    fake = type("Fake", (), {"NAME": "fake", "WHAT": "Nothing.", "measure": staticmethod(measure)})
    monkeypatch.setattr(command, "workloads", lambda: ["fake"])
    monkeypatch.setattr(command.importlib, "import_module", lambda name: fake)


def test_the_command_writes_numbers_and_page(monkeypatch, tmp_path):
    line = runner.counted("fake", "how long", [1.0], ours="ftlab", unit="s")
    fake_workload(monkeypatch, lambda quick: [line])
    assert command.main(["fake", "--out", str(tmp_path / "results")]) == 0
    assert "| how long | ftlab: 1 s |" in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "results" / "fake.json").is_file()


def test_a_skipped_workload_is_said_on_the_page_and_aloud(monkeypatch, tmp_path, capsys):
    def measure(quick):
        raise runner.Skipped("needs the data set sst2")

    fake_workload(monkeypatch, measure)
    assert command.main(["fake", "--out", str(tmp_path / "results")]) == 0
    assert "needs the data set sst2" in capsys.readouterr().err
    assert "**Not measured here**: needs the data set sst2." in (tmp_path / "RESULTS.md").read_text()


def test_a_workload_whose_sides_differ_writes_nothing_and_fails(monkeypatch, tmp_path):
    def measure(quick):
        raise runner.Unequal("losses differ")

    fake_workload(monkeypatch, measure)
    assert command.main(["fake", "--out", str(tmp_path / "results")]) == 1
    assert not (tmp_path / "results" / "fake.json").exists()


def test_the_machine_is_told_without_its_name():
    told = runner.machine()
    assert told["cores"] >= 1
    assert runner.platform.node() not in told.values()
    assert page.number(0.00001234) == "0.00001234"
