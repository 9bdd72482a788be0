import dataclasses
import itertools
import math
import time

import pytest

from ftlab.compare.board import make_board, require_pair
from ftlab.compare.reading import read_runs
from ftlab.errors import ConfigError, DataError
from made_board import evaluation_of, made_run, save_made, save_many
from made_runs import timed


def board(*runs, axes=None, settings=None):
    return make_board(runs, axes, settings=lambda folder: (settings or {}).get(folder, {}), intervals=lambda run: {})


def test_a_board_has_a_row_per_choice_the_best_first():
    made = board(
        made_run("tiny_bert", "full", f1_macro=0.7),
        made_run("minilm", "lora", f1_macro=0.9, p95_ms=9.0, usd_per_1k=0.004, untrained={"f1_macro": 0.2}),
        made_run("smollm2_135m", "none", "few_shot", f1_macro=0.5),
    )
    assert [c.key for c in made.candidates] == ["minilm lora", "tiny_bert full", "smollm2_135m none few_shot"]
    best = made.candidates[0]
    assert [axis.name for axis in made.axes] == ["f1_macro", "p95_ms", "usd_per_1k"] and made.main is made.axes[0]
    assert [best.values[axis.name] for axis in made.axes] == [0.9, 9.0, 0.004]
    assert best.untrained["f1_macro"] == 0.2 and best.untrained["p95_ms"] is None
    assert best.interval["f1_macro"] == pytest.approx((0.88, 0.92))
    assert (made.dataset, made.test_rows, made.device) == ("policy_stance", 540, "cpu (Some CPU, 2 threads)")
    assert made.candidate("minilm lora") is best and made.axis("p95_ms").unit == "ms" and made.axis("bleu") is None
    assert set(best.values) == set(best.spread) == set(best.untrained) == {axis.name for axis in made.measured}


def test_seeds_fold_into_mean_and_deviation():
    runs = [made_run(seed=seed, f1_macro=value) for seed, value in ((1, 0.7), (2, 0.9), (3, 0.8))]
    (row,) = board(*runs).candidates
    assert row.values["f1_macro"] == pytest.approx(0.8) and row.spread["f1_macro"] == pytest.approx(0.1)
    assert [run.result.run.seed for run in row.runs] == [1, 2, 3] and row.run.result.run.seed == 3
    (alone,) = board(runs[0]).candidates
    assert alone.spread["f1_macro"] is None


def test_the_order_of_the_runs_never_matters():
    grid = itertools.product(("minilm", "tiny_bert"), ("full", "lora"), (1, 2))
    runs = [made_run(model, adapter, seed=seed, f1_macro=0.8) for model, adapter, seed in grid]
    settings = {run.folder: {"trainer.max_epochs": run.result.run.seed} for run in runs}
    assert board(*runs, settings=settings) == board(*runs[::-1], settings=settings)


def test_what_is_unknown_is_none_and_stands_last():
    made = board(made_run("a", f1_macro=math.nan), made_run("b", f1_macro=None), made_run("c", f1_macro=0.3))
    assert [c.values["f1_macro"] for c in made.candidates] == [0.3, None, None]
    assert [c.key for c in made.candidates] == ["c lora", "a lora", "b lora"]


def test_axes_asked_for_are_drawn_and_the_first_metric_ranks():
    made = board(made_run("a", loss=0.3), made_run("b", loss=0.2), axes=["p95", "loss", "accuracy", "cost"])
    assert made.main.name == "loss" and [c.model for c in made.candidates] == ["b", "a"]
    assert {axis.name for axis in made.axes} == {"loss", "p95_ms", "accuracy", "usd_per_1k"}
    assert made.axes[0].name == "loss"
    only = board(made_run("a", size_mb=3.0), axes=["size"])
    assert [axis.name for axis in only.axes] == ["f1_macro", "size_mb"]


def test_a_metric_nobody_measured_does_not_rank():
    made = board(made_run("a"), made_run("b"), axes=["bleu", "accuracy", "p95"])
    assert [axis.name for axis in made.axes] == ["accuracy", "p95_ms"]
    assert any("no candidate has a value of bleu" in note for note in made.notes)
    unknown = board(made_run("a", f1_macro=None), made_run("b", f1_macro=None))
    assert unknown.main.name == "f1_macro" and unknown.candidates[0].values["f1_macro"] is None


def test_an_unknown_axis_lists_what_there_is():
    with pytest.raises(ConfigError, match="did you mean accuracy"):
        board(made_run(), axes=["acuracy"])


def test_an_own_main_metric_is_an_axis():
    made = board(made_run("a", main="mcc", mcc=0.5), made_run("b", main="mcc", mcc=0.6))
    assert made.main.name == "mcc" and [c.model for c in made.candidates] == ["b", "a"]


def test_an_axis_nobody_measured_is_left_out_aloud():
    made = board(made_run("a", protocol="short"), made_run("b", protocol="short"))
    assert [axis.name for axis in made.axes] == ["f1_macro", "usd_per_1k"]
    assert any("short protocol" in note for note in made.notes)
    assert any("no candidate has a value of p95_ms" in note for note in made.notes)
    untimed = board(made_run(protocol=None))
    assert any("latency was not measured" in note for note in untimed.notes)


def test_unlike_and_unfinished_runs_stand_aside():
    failed = made_run("c", run={"status": "failed", "error": "ran out of memory"})
    made = board(made_run("a"), made_run("b"), made_run("d", test_digest="ff"), failed)
    assert [c.model for c in made.candidates] == ["a", "b"]
    assert [unlike.runs[0].result.model.name for unlike in made.apart] == ["d"]
    assert made.failed == (failed,)


def test_a_replaced_tokenizer_is_not_ranked_for_latency():
    own, replaced = made_run("tiny_bert"), made_run("bert_base")
    for_both = [
        dataclasses.replace(
            run, result=dataclasses.replace(run.result, model=dataclasses.replace(run.result.model, tokenizer="bytes"))
        )
        for run in (own, replaced)
    ]
    settings = {own.folder: {"model.tokenizer": "bytes"}, replaced.folder: {"model.tokenizer": None}}
    made = board(*for_both, settings=settings)
    assert made.candidate("tiny_bert lora").values["p95_ms"] == 14.0
    assert made.candidate("bert_base lora").values["p95_ms"] is None
    assert made.candidate("bert_base lora").values["usd_per_1k"] is None
    assert any("bert_base lora" in note and "tokenizer" in note for note in made.notes)


def test_settings_that_vary_name_the_rows():
    runs = [made_run(settings={"adapter.rank": rank}) for rank in (8, 16)]
    runs = [dataclasses.replace(run, folder=run.folder / str(n)) for n, run in enumerate(runs)]
    settings = {run.folder: {"adapter.rank": 8 * (n + 1), "seed": n} for n, run in enumerate(runs)}
    made = board(*runs, settings=settings)
    assert {c.key: dict(c.differs) for c in made.candidates} == {
        "minilm lora rank=8": {"adapter.rank": "8"},
        "minilm lora rank=16": {"adapter.rank": "16"},
    }


def test_prices_that_differ_and_repeats_are_told():
    dear = made_run("b")
    dear = dataclasses.replace(
        dear, result=dataclasses.replace(dear.result, cost=dataclasses.replace(dear.result.cost, usd_per_hour=1.2))
    )
    again = made_run("a", run={"finished": "2027-01-01T00:00:00+00:00"})
    notes = board(made_run("a"), again, dear).notes
    assert any("cost.usd_per_hour differs" in note and "0.096, 1.2" in note for note in notes)
    assert any("1 run left out" in note for note in notes)


def test_nothing_to_compare_is_one_sentence():
    with pytest.raises(DataError, match="no run was given"):
        board()
    with pytest.raises(DataError, match=r"no run finished \(minilm_lora_s42 is failed: out of memory\); `ftlab list`"):
        board(made_run(run={"status": "failed", "error": "out of memory"}))
    with pytest.raises(DataError, match=r"no pair to compare, only minilm lora: .*the test rows .*give two runs"):
        require_pair(board(made_run(run={"finished": "2027"}), made_run("b", test_digest="ff")))
    require_pair(board(made_run("a"), made_run("b")))


def test_folders_become_a_board_with_intervals_of_their_calls(tmp_path):
    for rank in (8, 16):
        settings = {"adapter.rank": rank}
        save_made(tmp_path / f"r{rank}", made_run(settings=settings, p95_ms=10.0 * rank), settings=settings)
    made = make_board(read_runs([tmp_path], tmp_path))
    assert [c.key for c in made.candidates] == ["minilm lora rank=16", "minilm lora rank=8"]
    for one in made.candidates:
        low, high = one.interval["p50_ms"]
        assert low <= one.values["p50_ms"] <= high
        assert "p95_ms" in one.interval


def test_the_form_that_ships_is_the_last_one_timed():
    run = made_run()
    rows = [timed(1, 20, 30, device="cpu"), timed(1, 10, 15, device="cpu", merged=True)]
    made = board(dataclasses.replace(run, result=dataclasses.replace(run.result, latency=rows)))
    assert made.candidates[0].values["p95_ms"] == 15


@pytest.mark.slow
def test_a_thousand_runs_take_less_than_three_seconds(tmp_path):
    save_many(tmp_path, 1000)
    began = time.process_time()
    runs = read_runs([tmp_path], tmp_path)
    read = time.process_time()
    made = make_board(runs)
    done = time.process_time()
    assert len(made.candidates) == 1000 and len({c.key for c in made.candidates}) == 1000
    assert done - read < 3 and read - began < 3


def test_a_board_says_whose_quality_is_not_that_of_the_model_it_is_named_after():
    def of(model, **changes):
        run = made_run(model, "full")
        known = dataclasses.replace(run.result.model, **changes)
        return dataclasses.replace(run, result=dataclasses.replace(run.result, model=known))

    made = board(
        of("minilm", stands_for="distilbert", weights="package"),
        of("distilbert", init="random", weights="random"),
        of("tiny_bert", init="random", weights="random", checkpoint="random"),
        of("smollm2_135m", weights="package_4bit"),
        of("bert_base", weights="hub"),
    )
    keys = {one.key for one in made.candidates}
    assert "distilbert (random weights) full" in keys and "tiny_bert full" in keys, "a tiny one is never anything else"
    drawn, packed, stood = (note for note in made.notes if "weights" in note or "stands in" in note)
    assert drawn.startswith("trained from random weights, or not at all")
    assert drawn.endswith(": distilbert (random weights) full, tiny_bert full")
    assert packed.startswith("weights in 4 bits from a package") and packed.endswith(": smollm2_135m full")
    assert stood == "minilm stands in for distilbert, which the study names: minilm full"
    assert not any("weights" in note or "stands in" in note for note in board(of("bert_base", weights="hub")).notes)


def test_evaluations_of_several_seeds_are_one_row(tmp_path):
    evaluations = []
    for rank, seed in itertools.product((4, 8), (1, 2, 3)):
        settings = {"adapter.rank": rank}
        trained = made_run(seed=seed, settings=settings, f1_macro=0.8 + seed / 100)
        name = f"{rank}_{seed}"
        saved = save_made(tmp_path / name, trained, settings=settings, rows=False)
        evaluations.append(evaluation_of(saved, tmp_path / f"{name}_evaluate"))
    made = make_board(evaluations)
    assert [one.key for one in made.candidates] == ["minilm lora rank=4", "minilm lora rank=8"]
    assert [len(one.runs) for one in made.candidates] == [3, 3]
    assert made.candidates[0].values["f1_macro"] == pytest.approx(0.82)
    assert made.candidates[0].spread["f1_macro"] == pytest.approx(0.01)
