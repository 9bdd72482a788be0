from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from ftlab.datasets.batching import EpochBatches
from ftlab.datasets.datamodule import TextDataModule
from ftlab.datasets.splits import Rows, Splits
from ftlab.errors import ConfigError
from ftlab.schema import DatasetConfig


def rows_of(number: int, name: str, pairs: bool = False) -> Rows:
    texts = [("good " * (i % 6 + 1)).strip() for i in range(number)]
    return Rows(
        texts,
        ["bad"] * number if pairs else None,
        [i % 3 % 2 for i in range(number)],
        [f"{name}:{i}" for i in range(number)],
    )


@pytest.fixture
def make(tokenizer: Any) -> Callable[..., TextDataModule]:
    def make_data(pairs: bool = False, **options: Any) -> TextDataModule:
        splits = Splits(
            "toy",
            rows_of(60, "train", pairs),
            rows_of(9, "val", pairs),
            rows_of(12, "test", pairs),
            ["no", "yes"],
            "d",
            "t",
            2,
            1,
            [],
        )
        return TextDataModule(splits, tokenizer, DatasetConfig(**{"name": "toy", "batch_size": 8, **options}), seed=5)

    return make_data


def test_what_is_known_about_the_rows(make: Callable[..., TextDataModule]) -> None:
    data = make(max_length=6, eval_batch_size=5)
    assert data.labels == ["no", "yes"] and data.class_counts == [40, 20]
    assert data.truncated_rows == 20 + 2 + 4  # five and six words and two special tokens: over all splits
    assert data.mean_test_tokens == (3 + 4 + 5 + 6 + 6 + 6) / 6
    info = data.info()
    assert (info.train_rows, info.val_rows, info.test_rows) == (60, 9, 12)
    assert (info.name, info.digest, info.test_digest, info.labels) == ("toy", "d", "t", ["no", "yes"])
    assert (info.max_length, info.truncated_rows, info.duplicate_rows, info.leaked_rows) == (6, 26, 2, 1)


def test_texts_and_rows_are_those_of_the_split(make: Callable[..., TextDataModule]) -> None:
    data, paired = make(), make(pairs=True)
    assert data.texts("val")[:2] == ["good", "good good"] and paired.texts("test")[0] == ("good", "bad")
    assert data.rows("train").ids[3] == "train:3" and len(data.texts("train")) == 60


@pytest.mark.parametrize(("split", "number"), [("val", 9), ("test", 12)])
def test_evaluation_batches_cover_the_split_longest_first(
    make: Callable[..., TextDataModule], split: str, number: int
) -> None:
    data = make(eval_batch_size=5)
    batches = list(getattr(data, f"{split}_dataloader")())
    assert sorted(torch.cat([b["row_ids"] for b in batches]).tolist()) == list(range(number))
    widths = [b["input_ids"].shape[1] for b in batches]
    assert widths == sorted(widths, reverse=True) and len(batches[0]["labels"]) == 5
    for batch in batches:
        expected = [data.rows(split).labels[i] for i in batch["row_ids"]]  # type: ignore[arg-type]
        assert batch["labels"].tolist() == expected


def test_batching_chooses_order_and_width(make: Callable[..., TextDataModule]) -> None:
    grouped, shuffled, fixed = (make(batching=name, max_length=20) for name in ("length_grouped", "shuffled", "fixed"))
    order = {
        name: [b["row_ids"].tolist() for b in data.train_dataloader()]
        for name, data in (("grouped", grouped), ("shuffled", shuffled), ("fixed", fixed))
    }
    assert order["shuffled"] == order["fixed"] != order["grouped"]
    for loader in (fixed.train_dataloader(), fixed.val_dataloader(), fixed.test_dataloader()):
        assert {b["input_ids"].shape[1] for b in loader} == {20}
    assert grouped.padding_fraction() < shuffled.padding_fraction() < fixed.padding_fraction() < 1


def test_rows_with_labels_cannot_be_packed(make: Callable[..., TextDataModule]) -> None:
    with pytest.raises(ConfigError, match=r"a label belongs to one text; type dataset\.batching=length_grouped"):
        make(batching="packed")


@pytest.mark.parametrize("batching", ["length_grouped", "shuffled", "fixed"])
def test_padding_fraction_is_that_of_the_first_epoch(make: Callable[..., TextDataModule], batching: str) -> None:
    data = make(batching=batching)
    masks = [b["attention_mask"] for b in data.train_dataloader()]
    real, computed = sum(int(m.sum()) for m in masks), sum(m.numel() for m in masks)
    assert data.padding_fraction() == pytest.approx(1 - real / computed, abs=1e-12)


def test_the_longest_rows_are_had_for_a_try(make: Callable[..., TextDataModule]) -> None:
    data = make(batch_size="auto", effective_batch_size=4, max_length=7)
    assert data.longest(3)["input_ids"].shape == (3, 7) and data.longest(3)["attention_mask"].all()
    assert len(data.longest(1000)["labels"]) == 60
    assert {len(batch["labels"]) for batch in data.train_dataloader()} == {4}


def test_scored_batches_can_be_made_smaller_and_never_larger(make: Callable[..., TextDataModule]) -> None:
    data = make(eval_batch_size=5)
    data.score_at_most(8)
    assert max(len(batch["labels"]) for batch in data.test_dataloader()) == 5
    data.score_at_most(2)
    assert {len(batch["labels"]) for batch in data.val_dataloader()} == {2, 1}


def test_loading_leaves_the_global_random_state_alone(make: Callable[..., TextDataModule]) -> None:
    data = make()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    list(data.train_dataloader()), list(data.val_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_worker_processes_give_the_same_batches(make: Callable[..., TextDataModule]) -> None:
    alone, helped = make(), make(num_workers=1)
    for a, b in zip(alone.train_dataloader(), helped.train_dataloader(), strict=True):
        assert all(torch.equal(a[key], b[key]) for key in a)


class Recorder(L.LightningModule):
    """Remembers which rows each epoch gave."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)
        self.seen: list[list[list[int]]] = []
        self.tested: list[int] = []

    def on_train_epoch_start(self) -> None:
        self.seen.append([])

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        self.seen[-1].append(batch["row_ids"].tolist())
        loss: Tensor = self.net(torch.ones(1, 1)).sum()
        return loss

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        assert not self.training

    def test_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        self.tested += batch["row_ids"].tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def run(folder: Path, epochs: int, **options: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(accelerator="cpu", max_epochs=epochs, default_root_dir=folder, **quiet, **options)


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("workers", [0, 1])
def test_lightning_keeps_our_batches_and_tells_them_the_epoch(
    make: Callable[..., TextDataModule], tmp_path: Path, workers: int
) -> None:
    data, module = make(num_workers=workers), Recorder()
    trainer = run(tmp_path, 3, enable_checkpointing=False)
    trainer.fit(module, data)
    batches: EpochBatches = data._train_batches
    assert trainer.train_dataloader.batch_sampler is batches
    assert module.seen == [batches.batches(epoch) for epoch in range(3)]
    trainer.test(module, data, verbose=False)
    assert sorted(module.tested) == list(range(12))


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_resumed_after_an_epoch_goes_on_with_the_next_order(
    make: Callable[..., TextDataModule], tmp_path: Path, workers: int
) -> None:
    run_one = run(tmp_path, 1, enable_checkpointing=False)
    run_one.fit(Recorder(), make())
    run_one.save_checkpoint(tmp_path / "one.ckpt")
    data, module = make(num_workers=workers), Recorder()
    run(tmp_path, 2, enable_checkpointing=False).fit(module, data, ckpt_path=tmp_path / "one.ckpt")
    assert module.seen == [data._train_batches.batches(1)]
