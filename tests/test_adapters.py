"""Every adapter on every architecture: what must hold of a method before anyone trusts its numbers.

One cell is one adapter on one tiny random network, as classifier or as language model, through ftlab's own loading,
modules, checkpoints and model folders. A combination that cannot work is told in one sentence that names what can.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from ftlab.artefact.loading import load_artefact
from ftlab.artefact.saving import Base, is_adapter, save_artefact
from ftlab.build import build_adapter, build_optimizer, build_scheduler
from ftlab.command.composer import Composer, plain
from ftlab.errors import ModelError
from ftlab.metrics.classification import build_metrics
from ftlab.models.causal import load_causal_lm
from ftlab.models.last_token import read_last_token
from ftlab.models.merging import is_mergeable, merge_adapter
from ftlab.models.portable import remember_start
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.models.weights import LoadedNet
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.classifier import ClassifierModule
from ftlab.modules.trained import TrainedModule
from ftlab.paths import config_dir
from ftlab.schema import ModelConfig

LABELS = ["oppose", "neutral", "support"]
ADAPTERS = sorted(path.stem for path in (config_dir() / "adapter").glob("[!_]*.yaml") if path.stem != "none")
_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SHAPES: dict[str, dict[str, Any]] = {
    "bert": _SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "roberta": _SIZES,
    "modernbert": _SIZES,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 128},
    "llama": {**_SIZES, "num_key_value_heads": 1},
    "qwen2": {**_SIZES, "num_key_value_heads": 1},
}
WRITERS = ("gpt2", "llama", "qwen2")
NETS = [*SHAPES, *(f"{kind}_lm" for kind in WRITERS)]
# (adapter, network) -> what the sentence says can be had instead. Everything else must work.
REFUSED: dict[tuple[str, str], str] = {
    **dict.fromkeys([("head", f"{kind}_lm") for kind in WRITERS if kind == "gpt2"], "type adapter=lora"),
    **dict.fromkeys([("olora", net) for net in ("gpt2", "gpt2_lm")], "type adapter="),
    **dict.fromkeys([("bitfit", net) for net in ("modernbert", "llama", "llama_lm")], "type adapter="),
    **dict.fromkeys([("stack", net) for net in ("modernbert", "llama", "llama_lm")], "type adapter"),
    **dict.fromkeys([("prefix_tuning", net) for net in ("distilbert", "modernbert")], "type adapter="),
}
SOFT = {"prompt_tuning", "prefix_tuning", "p_tuning"}
MOVED_BASE = {"full", "freeze", "bitfit", "layernorm", "stack"}  # they train parameters of the base itself
EPOCHS = 2
STEPS = 4


def cells() -> list[Any]:
    return [pytest.param(a, n, id=f"{a}-{n}") for a in ADAPTERS for n in NETS]


@functools.cache
def node(adapter: str) -> dict[str, Any]:
    with Composer("train") as composer:
        loaded = composer.load([f"adapter={adapter}"])
    found: dict[str, Any] = plain(loaded.cfg, resolve=True)["adapter"]
    return found


def model_config(net: str) -> ModelConfig:
    kind, _, _lm = net.partition("_")
    target = {"_target_": "ftlab.modules.causal_lm.CausalLMModule"} if kind in WRITERS else {}
    # Weights large enough that a part left out would show.
    numbers = {"model_type": kind, "vocab_size": 2048, "initializer_range": 0.2, **SHAPES[kind]}
    return ModelConfig(name=net, init="random", tokenizer="bytes", dropout=0.1, architecture=numbers, **target)


@functools.cache
def tokenizer() -> Any:
    return load_tokenizer(model_config("bert"), "bytes").tokenizer


def load(adapter: str, net: str) -> LoadedNet:
    """The same weights each time, quantised where the adapter asks for it."""
    torch.manual_seed(3)
    pad, quantised = tokenizer().pad_token_id, node(adapter).get("load")
    if net.endswith("_lm"):
        return load_causal_lm(model_config(net), pad, quantised)
    return load_classifier(model_config(net), LABELS, pad, quantised)


def batch(net: str, number: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(number)
    ids = torch.randint(300, 2000, (3, 9), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, 6:] = 0
    ids[0, 6:] = tokenizer().pad_token_id
    labels = torch.where(mask == 1, ids, -100) if net.endswith("_lm") else torch.tensor([0, 2, 1])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "row_ids": torch.arange(3)}


def outputs(module_net: nn.Module, net: str) -> Tensor:
    """Logits of real tokens without dropout; the mode stays as it was."""
    training, one = module_net.training, batch(net, 100)
    module_net.eval()
    with torch.inference_mode():
        found: Tensor = module_net(input_ids=one["input_ids"], attention_mask=one["attention_mask"]).logits.float()
    module_net.train(training)
    if found.ndim == 3:
        found = found[:, -one["input_ids"].shape[1] :][one["attention_mask"] == 1]
    return found


class SeededSteps(L.Callback):
    """Dropout that depends on the step alone, so that a training that goes on can be compared."""

    def on_train_batch_start(self, trainer: L.Trainer, *rest: Any) -> None:
        torch.manual_seed(trainer.global_step)


class Cell:
    """One adapter on one network, ready to train."""

    def __init__(self, adapter: str, net: str) -> None:
        self.net_name = net
        self.loaded = load(adapter, net)
        self.before = outputs(self.loaded.net, net)
        self.weights = {name: p.detach().clone() for name, p in self.loaded.net.named_parameters()}
        torch.manual_seed(4)
        self.adapted = build_adapter(node(adapter), self.loaded.net, STEPS, tokenizer=tokenizer(), max_length=16)
        remember_start(self.adapted.net)
        self.net = self.adapted.net
        options = {
            "optimizer": build_optimizer({"_target_": "torch.optim.AdamW", "lr": 0.02}, "cpu", "32-true"),
            "scheduler": build_scheduler(
                {"_target_": "transformers.optimization.get_linear_schedule_with_warmup", "warmup": 0.0}
            ),
            "param_groups": self.adapted.param_groups,
            "weight_decay": 0.01,
            "fingerprint": self.loaded.fingerprint,
        }
        self.module: TrainedModule = (
            CausalLMModule(self.net, **options)
            if net.endswith("_lm")
            else ClassifierModule(self.net, build_metrics(3), **options)
        )

    def fit(self, folder: Path, state: Path | None = None) -> None:
        """Train for two epochs, and leave the full state after each."""
        trainer = L.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=EPOCHS,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
            callbacks=[SeededSteps(), *self.adapted.callbacks, SavedStates(folder)],
        )
        self.module.train()
        batches = [batch(self.net_name, number) for number in range(STEPS // EPOCHS)]
        loader = torch.utils.data.DataLoader(batches, batch_size=None)  # type: ignore[arg-type, var-annotated]
        trainer.fit(self.module, loader, ckpt_path=state, weights_only=True)


class SavedStates(L.Callback):
    """Saves the full state at the end of each epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(self.folder / f"{trainer.current_epoch}.ckpt")


@pytest.mark.parametrize(("adapter", "net"), cells())
@pytest.mark.filterwarnings("ignore:.*exists and is not empty")
def test_cell(adapter: str, net: str, tmp_path: Path) -> None:
    if (adapter, net) in REFUSED:
        with pytest.raises(ModelError, match=REFUSED[adapter, net]) as told:
            Cell(adapter, net)
        assert len(told.value.sentences) == 1
        return
    cell = Cell(adapter, net)
    fresh_adapter_leaves_outputs(adapter, cell)
    groups_hold_each_trained_parameter_once(cell)
    frozen = {name: p.detach().clone() for name, p in cell.net.named_parameters() if not p.requires_grad}
    start = {name: p.detach().clone() for name, p in cell.net.named_parameters() if p.requires_grad}
    cell.fit(tmp_path)
    for name, parameter in cell.net.named_parameters():
        if name in frozen and "ranknum" not in name:
            assert torch.equal(parameter, frozen[name]), f"{name} is frozen and moved"
    assert any(not torch.equal(p, start[name]) for name, p in cell.net.named_parameters() if name in start)
    trained = outputs(cell.net, net)
    checkpoint_holds_what_was_trained(adapter, cell, tmp_path / "1.ckpt", trained)
    training_goes_on_as_if_never_stopped(adapter, cell, tmp_path, trained)
    folder_gives_the_same_logits(adapter, cell, tmp_path, trained)


def fresh_adapter_leaves_outputs(adapter: str, cell: Cell) -> None:
    after = outputs(cell.net, cell.net_name)
    if cell.adapted.unchanged:
        assert torch.equal(after, cell.before)
    elif adapter in SOFT:
        assert not torch.allclose(after, cell.before)  # virtual tokens are read
    else:
        torch.testing.assert_close(after, cell.before, rtol=1e-4, atol=1e-4)


def groups_hold_each_trained_parameter_once(cell: Cell) -> None:
    trained = [id(p) for p in cell.net.parameters() if p.requires_grad]
    assert trained
    if cell.adapted.param_groups is not None:
        grouped = [id(p) for group in cell.adapted.param_groups for p in group["params"]]
        assert sorted(grouped) == sorted(trained)


def checkpoint_holds_what_was_trained(adapter: str, cell: Cell, path: Path, trained: Tensor) -> None:
    state = torch.load(path, weights_only=True)
    frozen = {f"net.{name}" for name, p in cell.net.named_parameters() if not p.requires_grad}
    wanted = {f"net.{name}" for name, p in cell.net.named_parameters() if p.requires_grad}
    assert wanted <= set(state["state_dict"]) and not frozen & set(state["state_dict"])
    assert state["base_fingerprint"] == cell.loaded.fingerprint
    again = Cell(adapter, cell.net_name)
    again.module.on_load_checkpoint(state)
    again.module.load_state_dict(state["state_dict"], strict=False)
    assert torch.equal(outputs(again.net, cell.net_name), trained)
    with pytest.raises(ModelError, match="another base model"):
        again.module.on_load_checkpoint({**state, "base_fingerprint": "other"})


def training_goes_on_as_if_never_stopped(adapter: str, cell: Cell, folder: Path, trained: Tensor) -> None:
    again = Cell(adapter, cell.net_name)
    again.fit(folder / "again", folder / "0.ckpt")
    there = dict(again.net.named_parameters())
    for name, parameter in cell.net.named_parameters():
        if parameter.requires_grad:
            assert torch.equal(there[name], parameter), f"{name} differs after a stop"
    assert torch.equal(outputs(again.net, cell.net_name), trained)


def folder_gives_the_same_logits(adapter: str, cell: Cell, folder: Path, trained: Tensor) -> None:
    labels = None if cell.net_name.endswith("_lm") else LABELS
    options = {"labels": labels, "base_digest": cell.loaded.weights_digest, "adapter": adapter}
    quantised = node(adapter).get("load")
    tolerance = {"rtol": 1e-3, "atol": 1e-3} if quantised else {"rtol": 1e-4, "atol": 2e-5}
    if not is_adapter(cell.net):
        assert adapter in {"full", "head", *MOVED_BASE}
        assert save_artefact(cell.net, tokenizer(), folder / "model", **options) == "full"
        assert torch.equal(read(folder / "model", cell), trained)
        return
    assert is_mergeable(cell.net) == (adapter not in SOFT)
    if adapter != "stack":
        fresh = load("lora", cell.net_name)  # what the base was, not quantised
        base = Base(load=lambda: load("lora", cell.net_name).net)
        form = save_artefact(cell.net, tokenizer(), folder / "apart", base=base, load=quantised, **options)
        assert form == "adapter"
        torch.testing.assert_close(read(folder / "apart", cell), trained, **tolerance)
        base_lies_beside_untouched(folder / "apart", fresh.net)
    if adapter not in SOFT:
        merged = merge_adapter(cell.net)
        torch.testing.assert_close(outputs(merged, cell.net_name), trained, **tolerance)
        if cell.net_name in ("bert", "gpt2_lm"):  # a plain folder, as that of adapter=full
            assert save_artefact(merged, tokenizer(), folder / "whole", **options) == "full"
            torch.testing.assert_close(read(folder / "whole", cell), trained, **tolerance)


def read(folder: Path, cell: Cell) -> Tensor:
    """Logits of a model folder, read where the predictor reads them."""
    net = load_artefact(folder).net
    read_last_token(net)
    return outputs(net, cell.net_name)


def base_lies_beside_untouched(folder: Path, net: PreTrainedModel) -> None:
    path = folder / "base" / "model.safetensors"
    kept = load_file(path)
    whole = {name: p for name, p in net.named_parameters() if name in kept}
    assert whole and all(torch.equal(kept[name], p) for name, p in whole.items())
    name = next(name for name, tensor in kept.items() if tensor.is_floating_point())
    save_file({**kept, name: kept[name] + 1}, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match="other weights"):
        load_artefact(folder)


def test_the_table_of_refusals_names_cells_that_exist() -> None:
    assert {adapter for adapter, _ in REFUSED} <= set(ADAPTERS) and {net for _, net in REFUSED} <= set(NETS)
