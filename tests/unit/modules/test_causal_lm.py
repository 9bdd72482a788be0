"""The loss is that of full logits, weighed by tokens, whatever the batches, the adapter and the number of processes."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from peft import LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.text import Perplexity
from transformers import AutoConfig, AutoModelForCausalLM

from ftlab.build import build_optimizer
from ftlab.callbacks.curves import Curves
from ftlab.callbacks.nan_guard import NanGuard, NonFiniteLossError
from ftlab.callbacks.progress import Progress
from ftlab.callbacks.throughput import Throughput
from ftlab.errors import ModelError
from ftlab.modules import token_loss
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.supervised import find_places
from tests.soft_prompts import soften

VOCABULARY = 50
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
LLAMA = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SIZES = {
    "gpt2": GPT2,
    "llama": {**LLAMA, "num_key_value_heads": 1, "tie_word_embeddings": False},
    "qwen2": {**LLAMA, "num_key_value_heads": 1, "tie_word_embeddings": True},
    "gemma2": {**LLAMA, "num_key_value_heads": 1, "head_dim": 8, "final_logit_softcapping": 0.05},
    "cohere": {**LLAMA, "num_key_value_heads": 1, "logit_scale": 0.3},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
}
LORA: dict[str, Any] = {"task_type": "CAUSAL_LM", "r": 2}


def _turned(net: nn.Module) -> bool:
    return type(net).__name__.startswith("GPT2")  # whose matrices are transposed


ADAPTERS = {
    "none": lambda net: net,
    "lora": lambda net: get_peft_model(
        net, LoraConfig(**LORA, target_modules="all-linear", fan_in_fan_out=_turned(net))
    ),
    "lora_head": lambda net: get_peft_model(net, LoraConfig(**LORA, target_modules=["lm_head"])),
    "prompt": lambda net: get_peft_model(net, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)),
    "prefix": lambda net: get_peft_model(net, PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3)),
    "p_tuning": lambda net: soften(net, "p_tuning", 3),
}


def net_of(kind: str, adapter: str = "none", **more: Any) -> nn.Module:
    torch.manual_seed(0)
    ids = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
    config = AutoConfig.for_model(kind, vocab_size=VOCABULARY, **ids, **SIZES[kind], **more)
    for name in ("attn_pdrop", "embd_pdrop", "resid_pdrop"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    net: nn.Module = ADAPTERS[adapter](AutoModelForCausalLM.from_config(config))
    for name, parameter in net.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)  # else LoRA starts as no change, and gradients of A are 0
    return net.train()


def batch_of(rows: int = 3, width: int = 9, seed: int = 0) -> dict[str, Tensor]:
    """Rows of 5 tokens or more, right-padded, with about half of the tokens supervised."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(min(5, width), width + 1, (rows,), generator=generator)
    lengths[0] = width
    ids = torch.randint(1, VOCABULARY, (rows, width), generator=generator)
    mask = (torch.arange(width) < lengths[:, None]).long()
    chosen = (torch.rand(rows, width, generator=generator) < 0.5) & mask.bool()
    chosen[:, 2] = True
    return {
        "input_ids": ids * mask,
        "attention_mask": mask,
        "labels": torch.where(chosen, ids, -100),
        "row_ids": torch.arange(rows),
    }


def full_losses(net: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss of each supervised token from full logits, (N,)."""
    given = {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "position_ids")}
    width = batch["labels"].shape[1]
    logits = net(**given, use_cache=False).logits[:, -width:-1]
    keep = batch["labels"][:, 1:] != -100
    return F.cross_entropy(logits[keep], batch["labels"][:, 1:][keep], reduction="none")


def loss_of(module: CausalLMModule, batch: dict[str, Tensor]) -> Tensor:
    found: Any = module.training_step(batch, 0)
    loss: Tensor = found["loss"]
    return loss


def make_module(net: nn.Module, **options: Any) -> CausalLMModule:
    options.setdefault("optimizer", build_optimizer({"_target_": "torch.optim.SGD", "lr": 0.5}, "cpu", "32-true"))
    options.setdefault("scheduler", lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0, steps))
    return CausalLMModule(net, fingerprint="base-1", **options)


class Loader(list[dict[str, Tensor]]):
    """Batches as they are; Lightning takes it for one loader."""


def make_trainer(tmp_path: Any, **options: Any) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "max_epochs": 1}
    return L.Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        **{**quiet, **options},
    )


@pytest.fixture(params=[False, True], ids=["whole", "chunks"])
def chunked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let logits be computed at once, or three places at a time."""
    if request.param:
        monkeypatch.setattr(token_loss, "CHUNK_BYTES", 3 * 4 * VOCABULARY)
    return bool(request.param)


def trained(net: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in net.named_parameters() if p.requires_grad}


CASES = [
    *((kind, "none") for kind in SIZES),
    *((kind, adapter) for kind in ("gpt2", "llama", "qwen2") for adapter in ("lora", "prompt")),
    ("llama", "lora_head"),
    *((kind, adapter) for kind in ("gpt2", "llama", "qwen2") for adapter in ("prefix", "p_tuning")),
]


@pytest.mark.parametrize(("kind", "adapter"), CASES)
def test_losses_and_gradients_are_those_of_full_logits(kind: str, adapter: str, chunked: bool) -> None:
    net = net_of(kind, adapter).double()
    batch = batch_of()
    parameters = trained(net)
    whole = full_losses(net, batch).mean()
    expected = torch.autograd.grad(whole, list(parameters.values()), allow_unused=True)
    module = make_module(net)
    loss = loss_of(module, batch)
    assert loss.item() == pytest.approx(whole.item(), abs=1e-12)
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    for name, ours, full in zip(parameters, found, expected, strict=True):
        assert (ours is None) == (full is None), name
        assert ours is None or torch.allclose(ours, full, rtol=0, atol=1e-12), name
    assert module._reader.selects(net, {"input_ids": batch["input_ids"]})


def test_loss_is_that_of_transformers(chunked: bool) -> None:
    net, batch = net_of("gpt2"), batch_of()
    given = {k: v for k, v in batch.items() if k != "row_ids"}
    assert loss_of(make_module(net), batch).item() == pytest.approx(net(**given).loss.item(), abs=1e-6)


def test_logits_are_made_at_no_place_that_is_not_supervised() -> None:
    net, batch = net_of("llama"), batch_of()
    module, seen = make_module(net), []
    places, inputs = find_places(batch["labels"]), {"input_ids": batch["input_ids"]}
    module._reader.selects(net, inputs)  # tries the head
    net.lm_head.register_forward_hook(lambda head, given, made: seen.append(made.numel() // VOCABULARY))
    loss_of(module, batch)
    assert seen == [0]  # it is multiplied with elsewhere, a chunk at a time
    module._reader.logits(net, inputs, places)
    assert seen[1:] == [len(places)]


class Odd(nn.Module):
    """A network whose logits depend on those of other places, and one that names no head."""

    def __init__(self, named: bool) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(VOCABULARY, 8), nn.Linear(8, VOCABULARY)
        self.named = named

    def get_output_embeddings(self) -> nn.Module | None:
        return self.head if self.named else None

    def forward(self, input_ids: Tensor, attention_mask: Tensor, use_cache: bool) -> Any:
        logits = self.head(self.table(input_ids))
        return SimpleNamespace(logits=logits - logits.mean(dim=1, keepdim=True))


@pytest.mark.parametrize("named", [True, False])
def test_a_network_that_cannot_be_read_in_part_is_read_whole(named: bool) -> None:
    net, batch = Odd(named), batch_of()
    module = make_module(net)
    assert loss_of(module, batch).item() == pytest.approx(full_losses(net, batch).mean().item(), abs=1e-6)
    assert not module._reader.selects(net, {"input_ids": batch["input_ids"]})


def packed() -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Return two documents in one row, and the same two in rows of their own."""
    apart = [batch_of(1, 4, seed=1), batch_of(1, 6, seed=2)]
    labels = torch.cat([one["labels"] for one in apart], dim=1)
    labels[0, [0, 4]] = -100
    document = torch.tensor([0] * 4 + [1] * 6)
    block = (document[:, None] == document[None]) & torch.ones(10, 10).tril().bool()
    row = {
        "input_ids": torch.cat([one["input_ids"] for one in apart], dim=1),
        "attention_mask": block[None, None],
        "position_ids": torch.cat([torch.arange(4), torch.arange(6)])[None],
        "labels": labels,
        "row_ids": torch.tensor([0]),
    }
    return row, apart


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_documents_lose_what_they_lose_apart(kind: str, attention: str) -> None:
    net = net_of(kind, attn_implementation=attention).double()
    row, apart = packed()
    module = make_module(net)
    losses = torch.cat([full_losses(net, {**one}) for one in apart])
    assert loss_of(module, row).item() == pytest.approx(
        losses.mean().item(), abs=1e-7 if attention == "eager" else 1e-10
    )


def test_packing_under_virtual_tokens_is_refused() -> None:
    with pytest.raises(ModelError, match=r"type dataset\.batching=length_grouped"):
        loss_of(make_module(net_of("gpt2", "prompt")), packed()[0])


def test_shares_of_processes_add_up_to_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, batch = net_of("llama").double(), batch_of(4)
    module = make_module(net)
    whole = torch.autograd.grad(loss_of(module, batch), list(net.parameters()))
    supervised = (batch["labels"][:, 1:] != -100).sum()
    added = [torch.zeros_like(p) for p in net.parameters()]
    filler = {**{k: v[:1] for k, v in batch.items()}, "labels": torch.full((1, 9), -100)}
    for share in ({k: v[:1] for k, v in batch.items()}, {k: v[1:] for k, v in batch.items()}, filler):
        loss = loss_of(module, {**share, "whole_supervised": supervised})
        for place, gradient in zip(added, torch.autograd.grad(loss, list(net.parameters())), strict=True):
            place += gradient
    for ours, expected in zip(added, whole, strict=True):
        assert torch.allclose(ours, expected, rtol=0, atol=1e-12)


def test_the_module_returns_its_share_and_beside_it_the_loss_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlab.processes import collective

    net, batch = net_of("gpt2"), batch_of(4)
    shares = [{k: v[rows] for k, v in batch.items()} for rows in (slice(1), slice(1, 4))]
    sums = [full_losses(net, share).sum().item() for share in shares]
    tokens = int((batch["labels"][:, 1:] != -100).sum())
    monkeypatch.setattr(collective, "count", lambda: 2)
    monkeypatch.setattr(collective, "summed", lambda share: share + sums[1])
    found: Any = make_module(net).training_step({**shares[0], "whole_supervised": torch.tensor(tokens)}, 0)
    assert found["loss"].item() == pytest.approx(2 * sums[0] / tokens, rel=1e-5)  # DDP averages
    assert found["batch_loss"].item() == pytest.approx(sum(sums) / tokens, rel=1e-5)


def test_under_a_gradient_scaler_no_chunk_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_loss, "CHUNK_BYTES", 3 * 4 * VOCABULARY)
    net, batch = net_of("llama"), batch_of()
    module = make_module(net)
    with torch.autocast("cpu", torch.float16):
        loss = loss_of(module, batch)
    monkeypatch.setattr("ftlab.modules.supervised.summed_loss_of", None)  # a call would fail
    with torch.autocast("cpu", torch.float16):
        again = loss_of(module, batch)
    assert torch.equal(loss, again) and torch.isfinite(loss)


def test_accumulated_batches_are_weighed_by_their_tokens(tmp_path: Any) -> None:
    parts = [batch_of(1, seed=3), batch_of(5, seed=4), batch_of(2, seed=5)]
    net = net_of("llama")
    before = copy.deepcopy(net)
    expected = copy.deepcopy(net)
    losses = torch.cat([full_losses(expected, part) for part in parts[:2]])
    losses.mean().backward()
    first = {name: p.grad.norm().item() for name, p in expected.named_parameters() if p.grad is not None}
    with torch.no_grad():
        for p in expected.parameters():
            p -= 0.5 * p.grad  # type: ignore[operator]
    expected.zero_grad()
    full_losses(expected, parts[2]).mean().backward()  # a step of one batch, where the epoch ends
    with torch.no_grad():
        for p in expected.parameters():
            p -= 0.5 * p.grad  # type: ignore[operator]
    seen: list[float] = []

    class Watch(L.Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append(float(outputs["batch_loss"]))

    make_trainer(tmp_path, accumulate_grad_batches=2, callbacks=[Watch()]).fit(make_module(net), Loader(parts))
    assert min(first.values()) > 0
    for (name, ours), theirs, was in zip(
        net.named_parameters(), expected.parameters(), before.parameters(), strict=True
    ):
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-6), name
        assert not torch.equal(ours, was), name
    assert seen[:2] == pytest.approx([full_losses(before, part).mean().item() for part in parts[:2]], abs=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_test_loss_is_that_of_a_naive_loop_for_any_batch_size(tmp_path: Any, size: int, chunked: bool) -> None:
    rows = batch_of(5, 12, seed=6)
    rows["row_ids"] = torch.tensor([3, 1, 4, 0, 2])
    net = net_of("gpt2").eval()
    losses, argmax = [], []
    for row in range(5):
        given = {k: v[row : row + 1, : int(rows["attention_mask"][row].sum())] for k, v in list(rows.items())[:3]}
        with torch.no_grad():
            losses.append(full_losses(net, given).double())
            made = net(given["input_ids"]).logits[0, :-1][given["labels"][0, 1:] != -100]
        argmax.append(made.argmax(dim=1).tolist())
    module = make_module(net, keep_argmax=True, metrics=MetricCollection({"own": Perplexity()}))
    batches = Loader({k: v[start : start + size] for k, v in rows.items()} for start in range(0, 5, size))
    logged = make_trainer(tmp_path).test(module, batches, verbose=False)[0]
    scores = module.scores()
    order = rows["row_ids"].argsort().tolist()
    assert scores.row_ids.tolist() == [0, 1, 2, 3, 4]
    assert scores.supervised_tokens.tolist() == [len(losses[row]) for row in order]
    assert scores.loss_sums.tolist() == pytest.approx([losses[row].sum().item() for row in order], abs=1e-5)
    assert scores.argmax is not None and [one.tolist() for one in scores.argmax] == [argmax[row] for row in order]
    mean = torch.cat(losses).mean().item()
    assert logged["test/loss"] == pytest.approx(mean, abs=1e-6)
    assert logged["test/perplexity"] == pytest.approx(math.exp(mean), rel=1e-6)
    assert logged["test/own"] == pytest.approx(math.exp(mean), rel=1e-5)


def test_training_lowers_the_loss_and_logs_by_name(tmp_path: Any) -> None:
    module = make_module(net_of("gpt2"))
    batches = Loader([batch_of(3, seed=seed) for seed in range(4)])
    trainer = make_trainer(tmp_path, max_epochs=3)
    module.test_name = "untrained"
    before = trainer.test(module, batches, verbose=False)[0]
    module.test_name = "test"
    module.train()
    trainer.fit(module, batches, batches)
    assert {"val/loss", "val/perplexity"} <= set(trainer.callback_metrics)
    after = trainer.test(module, batches, verbose=False)[0]
    assert set(before) == {"untrained/loss", "untrained/perplexity"}
    assert after["test/perplexity"] < before["untrained/perplexity"]
    assert not module.net.lm_head._forward_pre_hooks  # the network is left as it was


def test_callbacks_read_its_batches_and_losses(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    module, row = make_module(net_of("gpt2")), packed()[0]
    row.pop("row_ids")  # a packed line has many
    row |= {"whole_examples": torch.tensor(2), "whole_tokens": torch.tensor([10, 10])}
    batch = batch_of(3)
    first = [full_losses(module.net, batch).mean().item(), full_losses(module.net, row).mean().item()]
    curves, speed = Curves(), Throughput()
    watching = [curves, speed, NanGuard(), Progress("val/loss", "gpt2", {})]
    trainer = make_trainer(tmp_path, accumulate_grad_batches=2, log_every_n_steps=1, callbacks=watching)
    trainer.fit(module, Loader([batch, row]), Loader([batch]))
    points = {point["name"]: point["value"] for point in curves.history}
    assert points["train/loss"] == pytest.approx(sum(first) / 2, abs=1e-5)
    assert points["val/perplexity"] == pytest.approx(math.exp(points["val/loss"]), rel=1e-6)
    assert speed.measured()["training"]["steps"] == 1
    real = int(batch["attention_mask"].sum()) + 10
    assert speed.measured()["training"]["padding_fraction"] == pytest.approx(1 - real / (27 + 10))
    assert "val/perplexity" in capsys.readouterr().err


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Any, bad: float) -> None:
    module = make_module(net_of("gpt2"))
    with torch.no_grad():
        module.net.transformer.ln_f.bias.fill_(bad)  # type: ignore[operator, union-attr]
    with pytest.raises(NonFiniteLossError, match=r"row_ids 0, 1, 2.*optimizer\.lr=0\.05"):
        make_trainer(tmp_path, callbacks=[NanGuard()]).fit(module, Loader([batch_of(3)]))


def test_a_split_without_a_supervised_token_has_no_loss(tmp_path: Any) -> None:
    batch = {**batch_of(2), "labels": torch.full((2, 9), -100)}
    module = make_module(net_of("gpt2"), keep_argmax=True)
    logged = make_trainer(tmp_path).test(module, Loader([batch]), verbose=False)[0]
    assert math.isnan(logged["test/loss"])
    assert module.scores().argmax is not None and module.scores().supervised_tokens.tolist() == [0, 0]


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_half_precision_trains_with_a_loss_in_float32(tmp_path: Any, precision: str, chunked: bool) -> None:
    seen: list[Tensor] = []

    class Watch(L.Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            seen.append(outputs["loss"])

    net, batch = net_of("llama"), batch_of()
    expected = full_losses(net, batch).mean().item()
    trainer = make_trainer(tmp_path, precision=precision, callbacks=[Watch()], gradient_clip_val=1.0)
    trainer.fit(make_module(net), Loader([batch]), Loader([batch]))
    assert seen[0].dtype == torch.float32
    assert seen[0].item() == pytest.approx(expected, rel=0.02)
    assert math.isfinite(float(trainer.callback_metrics["val/loss"]))
    assert all(bool(torch.isfinite(p).all()) for p in net.parameters())


@pytest.mark.slow
def test_a_compiled_network_reads_each_batch_at_its_own_places() -> None:
    net = net_of("llama")
    module = make_module(net)
    loss_of(module, batch_of())  # tries the head
    net.forward = torch.compile(net.forward, dynamic=True, backend="eager")  # type: ignore[method-assign]
    for seed in (1, 2, 3):
        batch = batch_of(2 + seed, 7 + seed, seed)
        found = loss_of(module, batch).item()
        assert found == pytest.approx(full_losses(net_of("llama"), batch).mean().item(), abs=1e-6)
