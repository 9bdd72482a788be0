import dataclasses

import pytest

from ftlab.compare.comparable import likeness, part_unlike
from made_board import made_run


def on(run, **changes):
    rows = [dataclasses.replace(row, **changes) for row in run.result.latency]
    return dataclasses.replace(run, result=dataclasses.replace(run.result, latency=rows))


BOARD = [made_run("minilm", adapter) for adapter in ("full", "lora")]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (made_run("tiny_gpt", task="causal_lm"), ["the task (causal_lm, not classification) differs"]),
        (made_run(test_digest="f0f0f0f0aa"), ["digest f0f0f0f0,", "not 540 of policy_stance, digest e1e1e1e1"]),
        (made_run(protocol="short"), ["the latency protocol (short, not full) differs"]),
        (made_run(protocol=None), ["the latency protocol (untimed, not full) differs"]),
        (on(made_run(), backend="vllm"), ["the backend (vllm, not in process) differs"]),
        (on(made_run(), device="NVIDIA A10G"), ["the device (NVIDIA A10G, not cpu (Some CPU, 2 threads)) differs"]),
        (on(made_run(), threads=1), ["the device (cpu (Some CPU, 1 thread), not cpu (Some CPU, 2 threads)) differs"]),
    ],
    ids=["task", "rows", "protocol", "untimed", "backend", "device", "threads"],
)
def test_unlike_runs_stand_apart_with_both_values(other, words):
    for runs in ([*BOARD, other], [other, *BOARD]):
        chosen, apart = part_unlike(runs)
        assert sorted(run.folder for run in chosen) == sorted(run.folder for run in BOARD)
        (unlike,) = apart
        assert unlike.runs == (other,)
        assert other.result.run.name in unlike.reason and all(word in unlike.reason for word in words)


def test_all_that_differs_is_said():
    (unlike,) = part_unlike([*BOARD, made_run("tiny_gpt", task="causal_lm", test_digest="00", protocol="short")])[1]
    assert all(word in unlike.reason for word in ("the task", "the test rows", "the latency protocol", " differ from"))


def test_another_library_in_our_process_is_compared():
    assert likeness(on(made_run(), backend="onnx").result) == likeness(made_run().result)


def test_of_equal_groups_the_newest_is_the_board():
    def of(digest, day):
        when = {"finished": f"2026-01-0{day}T00:00:00+00:00"}
        return [made_run(adapter=adapter, test_digest=digest, run=when) for adapter in ("full", "lora")]

    old, new = of("aa", 1), of("bb", 2)
    assert set(r.folder for r in part_unlike([*new, *old])[0]) == set(r.folder for r in new)
    assert part_unlike([*new, *old])[0][0].result.dataset.test_digest == "bb"
    assert part_unlike([*old, *new])[0][0].result.dataset.test_digest == "bb"


def test_more_seeds_do_not_outnumber_more_candidates():
    many = [made_run(seed=seed, test_digest="aa") for seed in range(5)]
    assert part_unlike([*many, *BOARD])[0][0].result.dataset.test_digest == "e1e1e1e1"


def test_no_run_is_no_group():
    assert part_unlike([]) == ((), ())
