"""Answers of many prompts: those of transformers' generate, whatever stands beside them in the batch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, TaskType, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

import ftlab.models
from ftlab.decoding.decoder import Decoder, context_tokens
from ftlab.decoding.ends import NEVER, Ends, find_ends
from ftlab.decoding.generate import batches, generate, open_answers, prompt_room, steps
from ftlab.decoding.pieces import decode
from ftlab.decoding.writing import Generated
from ftlab.schema import GenerationConfig

CPU = torch.device("cpu")
BYTES = Path(ftlab.models.__file__).parent / "bytes"
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 96},
    "llama": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 96,
    },
}
SLIDING = {**SHAPES["llama"], "sliding_window": 6}
VOCABULARY = 2048  # the byte tokenizer's


def network(kind: str, **changed: Any) -> Any:
    torch.manual_seed(3)
    shape = {**SHAPES.get(kind, SLIDING), "vocab_size": VOCABULARY, "eos_token_id": 3, "bos_token_id": 2, **changed}
    # Of random weights the likeliest token soon repeats itself; wider ones vary more, as trained ones do.
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, initializer_range=0.3, **shape)).eval()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(BYTES)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def net(request: pytest.FixtureRequest) -> Any:
    return network(request.param)


def ragged(count: int = 7) -> list[list[int]]:
    drawn = np.random.default_rng(0)
    return [drawn.integers(5, VOCABULARY, size).tolist() for size in (9, 1, 14, 5, 5, 23, 2)[:count]]


def answers(net: Any, tokenizer: Any, prompts: Any, *, ends: Ends | None = None, **options: Any) -> list[Generated]:
    config = GenerationConfig(**{"max_new_tokens": 12, **options})
    return generate(net, prompts, config, tokenizer, CPU, 10_000, ends=ends)


def theirs(net: Any, prompts: list[list[int]], new: int = 12, **options: Any) -> list[list[int]]:
    """transformers' answers, each prompt by itself."""
    found = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        kept = {"attention_mask": torch.ones_like(ids), "do_sample": False, "max_new_tokens": new, "pad_token_id": 0}
        found.append(net.generate(input_ids=ids, **kept, **options)[0, len(prompt) :].tolist())
    return found


@pytest.mark.parametrize("size", [1, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4, 5, 6, 7))])
def test_greedy_answers_are_those_of_transformers_at_any_batch_size(net: Any, tokenizer: Any, size: int) -> None:
    found = answers(net, tokenizer, ragged(), batch_size=size)
    assert [a.ids for a in found] == theirs(net, ragged())
    assert [a.prompt_tokens for a in found] == [len(p) for p in ragged()]
    assert all(a.completion_tokens == len(a.ids) for a in found)
    assert len({token for a in found for token in a.ids}) > 10  # no net that says one thing only


def test_layers_that_forget_are_as_transformers_has_them(tokenizer: Any) -> None:
    net = network("mistral")
    assert [a.ids for a in answers(net, tokenizer, ragged(), batch_size=4)] == theirs(net, ragged())


def test_prompts_may_be_arrays(net: Any, tokenizer: Any) -> None:
    arrays = [np.asarray(p, np.int32) for p in ragged()]
    assert answers(net, tokenizer, arrays) == answers(net, tokenizer, ragged())


def test_an_answer_ends_at_any_of_several_ends(net: Any, tokenizer: Any) -> None:
    free = [a.ids for a in answers(net, tokenizer, ragged())]
    ends = sorted({free[0][4], free[2][7]})
    net.generation_config.eos_token_id = ends
    try:
        for size in (1, 3, 7):
            found = answers(net, tokenizer, ragged(), batch_size=size)
            for a, whole in zip(found, free, strict=True):
                places = [i for i, token in enumerate(whole) if token in ends]
                assert a.ids == (whole[: places[0] + 1] if places else whole)
                assert a.stopped == ("eos" if places else "length")
        assert [a.ids for a in found] == theirs(net, ragged())
        assert {a.stopped for a in found} == {"eos", "length"}
    finally:
        net.generation_config.eos_token_id = 3


def test_rows_that_have_ended_are_computed_no_more(net: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = Decoder.step
    monkeypatch.setattr(Decoder, "step", lambda self, tokens: (sizes.append(len(tokens)), real(self, tokens))[1])
    options = GenerationConfig(max_new_tokens=12)
    prompts = dict(enumerate(ragged()))
    open_ = open_answers(net, prompts, options, tokenizer, NEVER, None)
    for place, answer in enumerate(open_):
        answer.limit = place + 2
    list(steps(net, open_, options, tokenizer, CPU))
    assert sizes == [7, 6, 5, 4, 3, 2, 1]
    assert [a.finished().ids for a in open_] == [ids[: n + 2] for n, ids in enumerate(theirs(net, ragged()))]


def test_a_special_token_named_as_stop_string_ends_the_answer(net: Any, tokenizer: Any) -> None:
    ends = find_ends(net, tokenizer, ["[SEP]", "END", "[MASK]"], also=[7])
    assert (ends.eos, ends.stop, ends.strings) == ({3, 7}, {3, 4}, ("END",))


def test_stop_strings_are_cut_off_also_across_tokens(net: Any, tokenizer: Any) -> None:
    free = answers(net, tokenizer, ragged(), max_new_tokens=24)
    target = next(a for a in free if a.text.isprintable() and len(a.ids) == 24)
    seam = len(decode(tokenizer, target.ids[:9]))
    stop = target.text[seam - 1 : seam + 1]  # of two tokens
    for size in (1, 7):
        found = answers(net, tokenizer, ragged(), max_new_tokens=24, stop=[stop], batch_size=size)
        for a, whole in zip(found, free, strict=True):
            assert a.text == whole.text.split(stop)[0]
            assert a.ids == whole.ids[: len(a.ids)]
            assert a.stopped == ("stop" if stop in whole.text else "length")
    cut = found[free.index(target)]
    assert stop in decode(tokenizer, cut.ids)
    assert stop not in decode(tokenizer, cut.ids[:-1])  # not a token more than the stop string needs
    assert cut.completion_tokens == len(cut.ids) < 24


def test_sampled_answers_do_not_depend_on_the_batch(net: Any, tokenizer: Any) -> None:
    options = {"do_sample": True, "temperature": 0.9, "top_p": 0.9, "top_k": 50, "seed": 5}
    alone = answers(net, tokenizer, ragged(), batch_size=1, **options)
    for size in (2, 7):
        assert answers(net, tokenizer, ragged(), batch_size=size, **options) == alone
    assert answers(net, tokenizer, ragged(), **{**options, "seed": 6}) != alone
    assert alone != answers(net, tokenizer, ragged())
    same = answers(net, tokenizer, [ragged()[0]] * 5, **options)
    assert len({tuple(a.ids) for a in same}) > 1  # each row draws its own


def test_prompts_that_do_not_fit_lose_their_beginning_and_positions_are_never_passed(net: Any, tokenizer: Any) -> None:
    long = np.random.default_rng(1).integers(5, VOCABULARY, 200).tolist()
    first, second = answers(net, tokenizer, [long, long[:4]], max_new_tokens=20)
    assert (first.prompt_tokens, first.prompt_cut, first.completion_tokens) == (76, 124, 20)
    assert (second.prompt_tokens, second.prompt_cut) == (4, 0)
    assert first.ids == theirs(net, [long[-76:]], 20)[0]
    (half,) = answers(net, tokenizer, [long], max_new_tokens=5000, ends=NEVER)
    assert (half.prompt_tokens, half.completion_tokens, half.stopped) == (48, 48, "length")
    (short,) = answers(net, tokenizer, [long[:4]], max_new_tokens=5000, ends=NEVER)
    assert (short.prompt_tokens, short.completion_tokens) == (4, 92)  # what the prompt leaves is the answer's


def test_max_prompt_bounds_the_prompt(net: Any, tokenizer: Any) -> None:
    options = GenerationConfig(max_new_tokens=5)
    (found,) = generate(net, [list(range(10, 30))], options, tokenizer, CPU, 1000, max_prompt=6)
    assert (found.prompt_tokens, found.prompt_cut) == (6, 14)
    assert found.ids == theirs(net, [list(range(24, 30))], 5)[0]


def test_an_empty_prompt_begins_with_a_special_token(net: Any, tokenizer: Any) -> None:
    (found,) = answers(net, tokenizer, [[]])
    assert (found.prompt_tokens, found.ids) == (1, theirs(net, [[tokenizer.cls_token_id]])[0])
    assert answers(net, tokenizer, []) == []


def test_batches_hold_prompts_of_like_length_within_both_limits() -> None:
    options = GenerationConfig(batch_size=3, max_new_tokens=10)
    assert batches([5, 1, 30, 7, 6], options, 10_000) == [[2, 3, 4], [0, 1]]
    assert batches([5, 1, 30, 7, 6], options, 40) == [[2], [3, 4], [0, 1]]
    assert batches([500], options, 40) == [[0]]  # one is always taken


def test_where_memory_runs_out_batches_are_halved(net: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tried = Decoder.__init__, []

    def scarce(self: Any, net: Any, prompts: Any, *rest: Any) -> None:
        tried.append(len(prompts))
        if len(prompts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        real(self, net, prompts, *rest)

    plain = answers(net, tokenizer, ragged())
    monkeypatch.setattr(Decoder, "__init__", scarce)
    assert answers(net, tokenizer, ragged()) == plain
    assert tried == [7, 3, 1, 2, 4, 2, 2]


ADAPTERS = {
    "lora": lambda: LoraConfig(task_type=TaskType.CAUSAL_LM, init_lora_weights=False),
    "prompt": lambda: PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=4),
    "p_tuning": lambda: PromptEncoderConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=4, encoder_hidden_size=8),
    "prefix": lambda: PrefixTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=4),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("adapter", list(ADAPTERS))
def test_adapters_write_as_their_own_forward_says_token_by_token(kind: str, adapter: str, tokenizer: Any) -> None:
    torch.manual_seed(4)
    net = get_peft_model(network(kind), ADAPTERS[adapter]()).eval()
    with torch.no_grad():
        for p in net.parameters():
            if p.requires_grad:
                p.normal_(0, 0.3)
    found = answers(net, tokenizer, ragged(5), max_new_tokens=5, batch_size=5, ends=NEVER)
    for a, prompt in zip(found, ragged(5), strict=True):
        ids = list(prompt)
        for _ in range(5):  # without a cache, without padding
            with torch.no_grad():
                row = torch.tensor([ids])
                ids.append(int(net(input_ids=row, attention_mask=torch.ones_like(row)).logits[0, -1].argmax()))
        assert a.ids == ids[len(prompt) :]
    assert context_tokens(net) == (96 if adapter == "lora" else 92)


def test_options_are_not_changed(net: Any, tokenizer: Any) -> None:
    options = GenerationConfig(max_new_tokens=3)
    before = dataclasses.replace(options)
    generate(net, ragged(), options, tokenizer, CPU, 1000)
    assert options == before


@pytest.mark.parametrize(
    ("new", "most", "wanted"), [(20, None, 76), (20, 64, 64), (20, 90, 76), (500, None, 48), (96, 60, 48), (1, 0, 1)]
)
def test_room_of_a_prompt_leaves_room_for_the_answer(tokenizer: Any, new: int, most: int | None, wanted: int) -> None:
    net, options = network("gpt2"), GenerationConfig(max_new_tokens=new)
    assert prompt_room(net, options, most) == wanted
    (answer,) = open_answers(net, {0: [5] * 200}, options, tokenizer, NEVER, most)
    assert len(answer.prompt) == wanted
