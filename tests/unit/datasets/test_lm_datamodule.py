from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ftlab.datasets.examples import Example, Examples, LmSplits
from ftlab.datasets.lm_datamodule import LmDataModule
from ftlab.datasets.shares import IGNORED, Part
from ftlab.prompts.chat import load_template
from ftlab.prompts.turns import Turn
from ftlab.schema import DatasetConfig

Make = Callable[..., LmDataModule]
NUMBERS = {"train": 40, "val": 7, "test": 9}


def chat(number: int) -> Example:
    said = " ".join(["good"] * (number % 5 + 1))
    return Example((Turn("user", f"film {said}"), Turn("assistant", f"very {said}")))


def pair(number: int) -> Example:
    return Example(prompt="bus fare " * (number % 3 + 1), completion="vote " * (number % 4 + 1))


def text(number: int) -> Example:
    return Example(text="the council and the bus " * (number % 4 + 1))


@pytest.fixture
def make(make_tokenizer: Callable[..., Any]) -> Make:
    def make_data(
        kind: Callable[[int], Example] = chat, part: Part | None = None, template: str | None = "plain", **options: Any
    ) -> LmDataModule:
        parts = {
            name: Examples(map(kind, range(number)), [f"{name}:{i + 1}" for i in range(number)])
            for name, number in NUMBERS.items()
        }
        splits = LmSplits(
            "toy", "messages", **parts, digest="d", test_digest="t", duplicate_rows=3, leaked_rows=2, notes=[]
        )
        words = ["[PAD]", "User:", "Assistant:", *"good bad film the a and very bus fare council vote".split()]
        tokenizer = make_tokenizer(words[1:], model_input_names=["input_ids", "attention_mask"])
        cfg = DatasetConfig(**{"name": "toy", "batch_size": 4, "eval_batch_size": 3, "max_length": 32, **options})
        more = {} if part is None else {"part": part}
        return LmDataModule(splits, tokenizer, load_template(template, None), cfg, seed=5, **more)

    return make_data


def predicted(batches: list[dict[str, Tensor]]) -> int:
    return sum(int((batch["labels"] != IGNORED).sum()) for batch in batches)


def test_the_record_of_the_data(make: Make) -> None:
    data = make(max_length=8)
    tokens = {name: data.tokens(name) for name in NUMBERS}  # type: ignore[arg-type]
    info = data.info()
    assert (info.train_rows, info.val_rows, info.test_rows, info.labels, data.labels) == (40, 7, 9, [], [])
    assert (info.duplicate_rows, info.leaked_rows, info.max_length, info.digest) == (3, 2, 8, "d")
    assert info.truncated_rows == data.truncated_rows + data.truncated_answers
    assert data.truncated_rows == sum(t.truncated for t in tokens.values()) > 0
    assert not hasattr(data, "class_counts")
    assert data.mean_test_tokens == len(tokens["test"].ids) / 9
    assert data.mean_prompt_tokens == tokens["test"].prompt_lengths.mean()
    assert data.train_tokens == len(tokens["train"].ids) > data.supervised_train_tokens > 0


@pytest.mark.parametrize("batching", ["length_grouped", "shuffled", "fixed", "packed"])
@pytest.mark.parametrize("kind", [chat, pair, text])
def test_an_epoch_predicts_each_supervised_token_once(
    make: Make, batching: str, kind: Callable[[int], Example]
) -> None:
    data = make(kind, batching=batching)
    batches = list(data.train_dataloader())
    assert predicted(batches) == data.supervised_train_tokens
    assert sum(int(batch["whole_supervised"]) for batch in batches) == data.supervised_train_tokens
    assert sum(int(batch["whole_tokens"][0]) for batch in batches) == data.train_tokens
    assert sum(int(batch["whole_examples"]) for batch in batches) == len(data.tokens("train"))
    computed = sum(batch["input_ids"].numel() for batch in batches)
    assert sum(int(batch["whole_tokens"][1]) for batch in batches) == computed
    assert data.padding_fraction() == pytest.approx(1 - data.train_tokens / computed, abs=1e-12)
    assert {batch["attention_mask"].ndim for batch in batches} == ({4} if batching == "packed" else {2})
    assert max(len(batch["input_ids"]) for batch in batches) == 4


def test_packing_leaves_little_padding(make: Make) -> None:
    found = [make(batching=name).padding_fraction() for name in ("packed", "shuffled", "fixed")]
    assert found == sorted(found) and found[0] < 0.1


@pytest.mark.parametrize("batching", ["length_grouped", "packed"])
def test_shares_of_two_processes_make_up_the_batches_of_one(make: Make, batching: str) -> None:
    alone = list(make(batching=batching, batch_size=6).train_dataloader())
    shared = [list(make(batching=batching, batch_size=6, part=Part(rank, 2)).train_dataloader()) for rank in range(2)]
    assert len(alone) == len(shared[0]) == len(shared[1])
    for whole, *parts in zip(alone, *shared, strict=True):
        assert {int(part["whole_supervised"]) for part in parts} == {int(whole["whole_supervised"])}
        assert predicted(parts) == int(whole["whole_supervised"])
        computed = sum(part["input_ids"].numel() for part in parts if predicted([part]))
        assert {tuple(part["whole_tokens"].tolist()) for part in parts} == {(int(whole["whole_tokens"][0]), computed)}


@pytest.mark.parametrize("batching", ["length_grouped", "packed"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_evaluation_batches_are_rows_padded_on_the_right(make: Make, split: Any, batching: str) -> None:
    data = make(batching=batching)
    batches = list(getattr(data, f"{split}_dataloader")())
    assert sorted(torch.cat([b["row_ids"] for b in batches]).tolist()) == list(range(NUMBERS[split]))
    tokens = data.tokens(split)
    for batch in batches:
        for line, row in enumerate(batch["row_ids"].tolist()):
            ids, marks = tokens.row(row)
            assert batch["input_ids"][line].tolist()[: len(ids)] == ids.tolist()
            assert batch["attention_mask"][line].sum() == batch["attention_mask"][line][: len(ids)].sum() == len(ids)
            assert (batch["labels"][line] != IGNORED).nonzero().flatten().tolist() == np.flatnonzero(marks).tolist()


def test_prompts_references_and_names_of_conversations(make: Make) -> None:
    data = make()
    ids, marks = data.tokens("test").row(2)
    assert data.prompts("test")[2].tolist() == ids[: int(np.flatnonzero(marks)[0])].tolist()
    assert data.references("test")[2] == "very good good good"
    assert data.shown("test")[2] == "[CLS] User: film good good good Assistant:"
    assert data.ids("test")[2] == "test:3"


def test_a_cut_answer_keeps_its_reference(make: Make) -> None:
    data = make(max_length=3)
    assert data.tokens("test").truncated_answers == 9
    assert data.references("test")[4] == "very good good good good good"


def test_plain_text_is_continued_from_its_first_half(make: Make) -> None:
    data = make(text, max_length=8)
    assert data.ids("test")[:5] == ["test:1/1", "test:2/1", "test:2/2", "test:3/1", "test:3/2"]
    assert data.shown("test")[0] == "[CLS] the council" and data.references("test")[0] == "and the bus"
    for row, (prompt, reference) in enumerate(zip(data.prompts("test"), data.references("test"), strict=True)):
        ids, _ = data.tokens("test").row(row)
        assert prompt.tolist() == ids[: len(ids) // 2].tolist()
        assert reference == data._decode([ids[len(ids) // 2 :]], control=False)[0]


def test_samples_become_prompts_of_their_kind(make: Make) -> None:
    samples = {"samples": ["film good", "bus"]}
    question = make(**samples)
    assert question._decode(question.samples(), control=True)[0] == "[CLS] User: film good Assistant:"
    raw, framed = make(pair, template=None, **samples), make(pair, **samples)
    assert raw._decode(raw.samples(), control=True)[1] == "[CLS] bus"
    assert framed._decode(framed.samples(), control=True)[1] == "[CLS] User: bus Assistant:"
    begun = make(text, **samples)
    assert begun._decode(begun.samples(), control=True)[1] == "[CLS] bus"
    assert question.ends() == [3] and make().samples() == []


def test_a_test_split_alone_can_be_loaded(make: Make) -> None:
    data = make()
    none = Examples((), ())
    splits = LmSplits("toy", "messages", none, none, data.splits.test, "d", "t", 0, 0, [])
    alone = LmDataModule(splits, data._tokenizer, data.template, DatasetConfig(name="toy", max_length=32), seed=5)
    assert len(list(alone.test_dataloader())) == 1 and alone.info().train_rows == 0


@pytest.mark.parametrize("batching", ["length_grouped", "packed"])
def test_an_epoch_broken_off_goes_on_with_the_batches_it_has_not_had(make: Make, batching: str) -> None:
    def seen(loader: Any) -> list[list[list[int]]]:
        return [batch["input_ids"].tolist() for batch in loader]

    first, data = make(batching=batching), make(batching=batching)
    first._train_batches.set_epoch(1)
    whole = seen(first.train_dataloader())
    rest = data.train_dataloader()
    rest.load_state_dict({"epoch": 1, "batches": 2})  # type: ignore[attr-defined]
    assert seen(rest) == whole[2:] and len(whole) > 2
    assert rest.state_dict() == {"epoch": 1, "batches": len(whole)}  # type: ignore[attr-defined]
    first._train_batches.set_epoch(0)
    assert seen(first.train_dataloader()) != whole


def test_worker_processes_give_the_same_batches(make: Make) -> None:
    alone, helped = make(batching="packed"), make(batching="packed", num_workers=1)
    for a, b in zip(alone.train_dataloader(), helped.train_dataloader(), strict=True):
        assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
