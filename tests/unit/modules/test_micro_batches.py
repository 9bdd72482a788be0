"""Rows at a time change no gradient; where memory runs out, the step is done again with half of them."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from transformers import AutoConfig, AutoModelForCausalLM

from ftlab.build import build_optimizer, build_trainer
from ftlab.callbacks.measuring import tokens_in_parts
from ftlab.callbacks.saving_memory import SavingMemory
from ftlab.callbacks.throughput import Throughput
from ftlab.datasets.packing import block_causal
from ftlab.decoding.label_scores import LabelScorer
from ftlab.errors import RunError
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.micro_batches import split
from ftlab.modules.prompted import PromptedModule
from tests.prompting import TEXTS, WORDS, language_model, prompt_tokens

Batch = dict[str, Tensor]
LENGTHS = (3, 7, 5, 6, 2, 7, 4)
WIDTH = 9  # two columns that no row needs


class Mean(nn.Module):
    """Mean of embeddings, and a layer; it has no dropout, and memory for ``most`` rows only."""

    def __init__(self, most: int = 100, back: int = 100) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(30, 6), nn.Linear(6, 3)
        self.most, self.back, self.seen = most, back, [(0, 0)][:0]

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        rows = len(input_ids)
        self.seen.append((rows, input_ids.shape[1]))
        if rows > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        weights = attention_mask[..., None].float()
        logits = self.head((self.table(input_ids) * weights).sum(dim=1) / weights.sum(dim=1))
        if logits.requires_grad:
            logits.register_hook(lambda gradient: self._goes_back(rows, gradient))
        return SimpleNamespace(logits=logits)

    def _goes_back(self, rows: int, gradient: Tensor) -> Tensor:
        if rows > self.back:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return gradient


class Loader(list[Batch]):
    """Lightning takes it for one loader."""


def labelled(seed: int = 0, lengths: tuple[int, ...] = LENGTHS) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.arange(WIDTH) < torch.tensor(lengths)[:, None]).long()
    ids = torch.randint(1, 30, mask.shape, generator=generator) * mask
    labels = torch.randint(0, 3, (len(lengths),), generator=generator)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "row_ids": torch.arange(len(lengths))}


def taught(seed: int = 0) -> Batch:
    batch = labelled(seed)
    marks = torch.rand(batch["input_ids"].shape, generator=torch.Generator().manual_seed(seed)) < 0.6
    batch["labels"] = torch.where(marks & batch["attention_mask"].bool(), batch["input_ids"], -100)
    batch["labels"][4] = -100  # a row that teaches nothing
    return {**batch, "whole_supervised": (batch["labels"][:, 1:] != -100).sum()}


def packed(seed: int = 0) -> Batch:
    """Two texts a line, then padding."""
    ids = torch.randint(1, 30, (5, WIDTH), generator=torch.Generator().manual_seed(seed))
    texts = torch.tensor([[0, 0, 0, 3, 3, 3, 6, 7, 8]] * 3 + [[0, 0, 0, 0, 0, 5, 5, 5, 5]] * 2)
    starts = torch.tensor([[0, 1, 2, 0, 1, 2, 0, 0, 0]] * 3 + [[0, 1, 2, 3, 4, 0, 1, 2, 3]] * 2)
    labels = torch.where(starts > 0, ids, -100)
    supervised = (labels[:, 1:] != -100).sum()
    mask = block_causal(texts)
    return {
        **{"input_ids": ids, "position_ids": starts, "attention_mask": mask, "labels": labels},
        "whole_supervised": supervised,
    }


def options(optimizer: str = "AdamW") -> dict[str, Any]:
    return {
        "optimizer": build_optimizer({"_target_": f"torch.optim.{optimizer}", "lr": 0.02}, "cpu", "32-true"),
        "scheduler": lambda optimizer, steps: torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.2, steps),
    }


def metrics() -> MetricCollection:
    return MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")})


def classifier(net: nn.Module, **more: Any) -> ClassifierModule:
    return ClassifierModule(net, metrics(), **{**options(), **more})


def mean(**sizes: int) -> Mean:
    torch.manual_seed(0)
    return Mean(**sizes)


def writer() -> nn.Module:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    ids = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0, "num_key_value_heads": 1}
    net: nn.Module = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", vocab_size=30, **sizes, **ids))
    return net.double()  # Adam makes much of the rounding where a gradient is next to nothing


class Seen(L.Callback):
    """Keeps what each batch lost."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.computed: list[int | None] = []

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Batch, batch_idx: int) -> None:
        loss = outputs["batch_loss"] if "batch_loss" in outputs else outputs["loss"] * trainer.accumulate_grad_batches
        self.losses.append(float(loss))
        self.computed.append(tokens_in_parts(outputs))


def fit(
    folder: Any, module: Any, batches: list[Batch], rows: int | None = None, *more: L.Callback, **trainer: Any
) -> tuple[L.Trainer, Seen]:
    module.micro_batches.rows = rows
    seen = Seen()
    node = {"_target_": "lightning.Trainer", "accelerator": "cpu", "devices": 1, "max_epochs": 2, **trainer}
    node = {
        "enable_progress_bar": False,
        "gradient_clip_val": 1.0,
        "enable_checkpointing": False,
        "limit_val_batches": 0,
        **node,
    }
    made = build_trainer(node, precision="32-true", folder=folder, callbacks=[seen, *more], logger=False)
    module.train()
    made.fit(module, Loader(batches))
    return made, seen


def weights(module: Any) -> dict[str, Tensor]:
    return {name: p.detach().clone() for name, p in module.net.named_parameters()}


def assert_alike(ours: Any, theirs: Any) -> None:
    for name, value in weights(theirs).items():
        torch.testing.assert_close(weights(ours)[name], value, rtol=0, atol=1e-6, msg=name)


def switches(trainer: Any) -> dict[str, Any]:
    saving = next(c for c in trainer.callbacks if isinstance(c, SavingMemory))
    return saving.measured()["training"]


def test_parts_hold_every_row_once_the_longest_first_without_padding_of_others() -> None:
    batch = labelled()
    parts = split(batch, 3)
    assert [part["input_ids"].shape for part in parts] == [(3, 7), (3, 5), (1, 2)]
    assert torch.cat([part["row_ids"] for part in parts]).sort().values.tolist() == list(range(7))
    assert all(torch.equal(part["whole_labels"], batch["labels"]) for part in parts)
    for part in parts:
        for line, row in enumerate(part["row_ids"].tolist()):
            width = part["input_ids"].shape[1]
            assert torch.equal(part["input_ids"][line], batch["input_ids"][row, :width])
            assert part["labels"][line] == batch["labels"][row]
    assert {part["input_ids"].shape[1] for part in split(batch, 3, cut=False)} == {WIDTH}
    assert split(batch, 7)[0] is batch


def test_packed_lines_are_cut_with_their_mask() -> None:
    parts = split(packed(), 2)
    assert [part["attention_mask"].shape for part in parts] == [(2, 1, 9, 9), (2, 1, 6, 6), (1, 1, 6, 6)]
    assert torch.equal(parts[1]["attention_mask"], packed()["attention_mask"][:2, :, :6, :6])


PARTS = {
    "labels": lambda: (classifier(mean()), [labelled(0), labelled(1, (4, 4, 2)), labelled(2)]),
    "labels, weighted and smoothed": lambda: (
        classifier(mean(), class_weights=[0.2, 1.0, 3.0], label_smoothing=0.1),
        [labelled(0), labelled(1, (4, 4, 2)), labelled(2)],
    ),
    "texts": lambda: (CausalLMModule(writer(), **options()), [taught(0), taught(1), taught(2)]),
    "packed texts": lambda: (CausalLMModule(writer(), **options()), [packed(0), packed(1), taught(2)]),
    "prompted": lambda: prompted(),
    "prompted, weighted": lambda: prompted(class_weights=[0.5, 2.0, 3.0]),
}


def prompted(**more: Any) -> tuple[PromptedModule, list[Batch]]:
    torch.manual_seed(0)
    net, tokens = language_model("llama").double(), prompt_tokens(verbalisers=WORDS["several"])
    module = PromptedModule(net, metrics(), scorer=LabelScorer(net, tokens, calibration="none"), **options(), **more)
    batch = {**module.scorer.encode(TEXTS), "labels": torch.tensor([0, 1, 2, 1]), "row_ids": torch.arange(4)}
    return module, [batch, batch]


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("kind", PARTS)
def test_weights_and_losses_are_those_of_whole_batches(kind: str, accumulated: int, tmp_path: Any) -> None:
    (whole, batches), (parts, _) = PARTS[kind](), PARTS[kind]()
    before = weights(parts)
    _, expected = fit(tmp_path, whole, batches, None, accumulate_grad_batches=accumulated)
    trainer, seen = fit(tmp_path, parts, batches, 2, accumulate_grad_batches=accumulated)
    assert_alike(parts, whole)
    assert any(not torch.equal(value, before[name]) for name, value in weights(parts).items())
    assert seen.losses == pytest.approx(expected.losses, abs=1e-5)
    most = max(len(batch["input_ids"]) for batch in batches)
    found = switches(trainer)
    assert (found["micro_batch_size"], found["accumulation"]) == (2, -(-most // 2) * accumulated)
    assert found["out_of_memory"] == []


def test_computed_tokens_are_those_of_the_parts(tmp_path: Any) -> None:
    speed = Throughput()
    _, seen = fit(tmp_path, classifier(mean()), [labelled()], 3, speed, max_epochs=1)
    assert seen.computed == [3 * 7 + 3 * 5 + 2]
    assert speed.measured()["training"]["padding_fraction"] == pytest.approx(1 - sum(LENGTHS) / (3 * 7 + 3 * 5 + 2))


@pytest.mark.parametrize("accumulated", [1, 3])
@pytest.mark.parametrize("sizes", [{"most": 4}, {"back": 4}], ids=["forward", "backward"])
def test_out_of_memory_halves_once_and_loses_nothing(sizes: Any, accumulated: int, tmp_path: Any, caplog: Any) -> None:
    batches = [labelled(0, (4, 4, 2)), labelled(1), labelled(2), labelled(3, (5,)), labelled(4)]
    plain, tight = classifier(mean()), classifier(mean(**sizes))
    _, expected = fit(tmp_path, plain, batches, None, accumulate_grad_batches=accumulated)
    trainer, seen = fit(tmp_path, tight, batches, None, accumulate_grad_batches=accumulated)
    assert_alike(tight, plain)
    assert seen.losses == pytest.approx(expected.losses, abs=1e-6)
    found = switches(trainer)
    assert found["out_of_memory"] == [{"step": 2 if accumulated == 1 else 1, "from": 7, "to": 3}]
    assert (found["micro_batch_size"], found["accumulation"]) == (3, 3 * accumulated)
    assert "7 rows at a time: goes on with 3" in caplog.text


def test_the_earlier_texts_of_a_step_are_done_again_too(tmp_path: Any) -> None:
    def tight(net: nn.Module) -> nn.Module:
        forward = net.forward

        def limited(*args: Any, **given: Any) -> Any:
            if len(given["input_ids"]) > 5:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(*args, **given)

        net.forward = limited  # type: ignore[method-assign]
        return net

    batches = [packed(0), taught(1), packed(2)]
    plain, short = CausalLMModule(writer(), **options()), CausalLMModule(tight(writer()), **options())
    _, expected = fit(tmp_path, plain, batches, None, accumulate_grad_batches=3)
    trainer, seen = fit(tmp_path, short, batches, None, accumulate_grad_batches=3)
    assert_alike(short, plain)
    assert seen.losses == pytest.approx(expected.losses, abs=1e-5)
    assert [halving["to"] for halving in switches(trainer)["out_of_memory"]] == [3]


@pytest.mark.parametrize(
    ("sizes", "rows", "said"),
    [
        (
            {"most": 2},
            None,
            r"step 1 with 3 rows at a time, which were halved once before; type dataset\.batch_size=auto",
        ),
        (
            {"back": 0},
            1,
            r"step 1 with 1 row at a time; type dataset\.batch_size=auto, then model\.gradient_checkpoint",
        ),
    ],
)
def test_memory_that_never_suffices_ends_in_one_sentence(sizes: Any, rows: Any, said: str, tmp_path: Any) -> None:
    with pytest.raises(RunError, match=said):
        fit(tmp_path, classifier(mean(**sizes)), [labelled()], rows)


def test_a_measured_batch_is_not_told_to_be_measured(tmp_path: Any) -> None:
    module = classifier(mean(most=2))
    module.micro_batches.measured = True
    with pytest.raises(RunError, match=r"type model\.gradient_checkpointing=true or a smaller dataset\.max_length"):
        fit(tmp_path, module, [labelled()], 7)


def test_other_errors_are_none_of_memory(tmp_path: Any) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        net = mean()
        net.head = nn.Linear(5, 3)
        fit(tmp_path, classifier(net), [labelled()])


def test_no_pass_is_repeated_and_none_left_out(tmp_path: Any) -> None:
    module = classifier(mean())
    fit(tmp_path, module, [labelled()], 3, max_epochs=1)
    assert module.net.seen == [(3, 7), (3, 5), (1, 2)]
    module = classifier(mean())
    fit(tmp_path, module, [labelled()], None, max_epochs=1)
    assert module.net.seen == [(7, WIDTH)]


def test_optimizer_without_memory_says_so(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = classifier(copy.deepcopy(mean()))

    def fails(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.AdamW, "_init_group", fails)
    with pytest.raises(RunError, match=r"while the optimizer updated the weights in step 1; type adapter=lora"):
        fit(tmp_path, module, [labelled()])


def test_lengths_of_a_batch_without_mask_are_its_width() -> None:
    batch = {"input_ids": torch.ones(4, 5, dtype=torch.int64), "labels": torch.arange(4)}
    assert [part["input_ids"].shape for part in split(batch, 3)] == [(3, 5), (1, 5)]
    assert np.concatenate([part["labels"].numpy() for part in split(batch, 3)]).tolist() == [0, 1, 2, 3]
