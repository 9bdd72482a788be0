"""What both kinds of modules share: checkpoints of what was trained, the predictor, train mode."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from torch import Tensor, nn

from ftlab.build import build_optimizer
from ftlab.errors import ModelError
from ftlab.modules.causal_lm import CausalLMModule
from ftlab.modules.trained import TrainedModule


class Tiny(nn.Module):
    """A frozen table below a head."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 8), nn.Linear(8, 20)
        self.table.weight.requires_grad_(False)
        self.dropout = nn.Dropout(0.5)

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, use_cache: bool = False) -> Any:
        return SimpleNamespace(logits=self.head(self.dropout(self.table(input_ids))))


class Loader(list[dict[str, Tensor]]):
    """Lightning takes it for one loader."""


def batches() -> Loader:
    ids = torch.randint(0, 20, (2, 5), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    return Loader([{"input_ids": ids, "attention_mask": mask, "labels": ids, "row_ids": torch.arange(2)}])


def make(**options: Any) -> CausalLMModule:
    optimizer = build_optimizer({"_target_": "torch.optim.AdamW", "lr": 0.05}, "cpu", "32-true")
    return CausalLMModule(
        options.pop("net", None) or Tiny(),
        optimizer=optimizer,
        scheduler=lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0, steps),
        **{"fingerprint": "base-1", **options},
    )


def trainer_in(folder: Any) -> L.Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(accelerator="cpu", default_root_dir=folder, enable_checkpointing=False, max_epochs=1, **quiet)


@pytest.fixture
def saved(tmp_path: Any) -> tuple[CausalLMModule, Any]:
    """Return a trained module and its checkpoint."""
    module, trainer = make(), trainer_in(tmp_path)
    trainer.fit(module, batches())
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    return module, tmp_path / "a.ckpt"


def test_checkpoint_holds_what_was_trained_and_brings_it_back(saved: Any, tmp_path: Any) -> None:
    module, path = saved
    kept = torch.load(path, weights_only=True)["state_dict"]
    assert set(kept) == {"net.head.weight", "net.head.bias"}
    other = make()
    trainer_in(tmp_path).test(other, batches(), ckpt_path=path, weights_only=True, verbose=False)
    assert torch.equal(other.net.head.weight, module.net.head.weight)  # type: ignore[arg-type, union-attr]


def test_checkpoint_of_another_base_is_refused(saved: Any, tmp_path: Any) -> None:
    with pytest.raises(ModelError, match="another base model; give the model and adapter it came from"):
        trainer_in(tmp_path).test(make(fingerprint="base-2"), batches(), ckpt_path=saved[1], weights_only=True)


def test_checkpoint_without_a_trained_parameter_is_refused() -> None:
    checkpoint = {"base_fingerprint": "base-1", "state_dict": {"net.head.weight": torch.zeros(20, 8)}}
    with pytest.raises(ModelError, match=r"lacks 1 trained parameters, first net\.head\.bias"):
        make().on_load_checkpoint(checkpoint)


def test_training_in_eval_mode_is_refused(tmp_path: Any) -> None:
    module = make()
    module.net.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(AssertionError, match=r"net\.train"):
            trainer_in(tmp_path).fit(module, batches())


def test_trying_the_head_leaves_modes_and_random_numbers_alone() -> None:
    module = make()
    module.net.dropout.eval()  # type: ignore[operator, union-attr]
    state = torch.get_rng_state()
    module._reader.selects(module.net, {"input_ids": batches()[0]["input_ids"]})
    assert torch.equal(torch.get_rng_state(), state)
    assert module.net.head.training and not module.net.dropout.training  # type: ignore[union-attr]


def test_the_predictor_is_made_of_the_weights_as_they_are() -> None:
    module = make(predictor=lambda net: net.head.bias.sum().item())
    before = module.predictor()
    with torch.no_grad():
        module.net.head.bias += 1  # type: ignore[operator, union-attr]
    assert module.predictor() == pytest.approx(before + 20, abs=1e-4)


def test_a_task_must_say_how_it_scores() -> None:
    module = TrainedModule(Tiny())
    for call in (lambda: module.scores(), lambda: module.begin_split("val"), lambda: module.score_batch({}, "val")):
        with pytest.raises(NotImplementedError):
            call()


class Moves(L.Callback):
    """Writes down the bias after each step, and whether it has moments."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[float], bool]] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        bias = pl_module.net.head.bias
        self.seen.append((bias.tolist(), bool(trainer.optimizers[0].state.get(bias))))


@pytest.mark.parametrize("clip", [None, 0.01])
def test_groups_start_at_their_share_of_all_steps_and_train_at_their_share_of_the_rate(
    tmp_path: Any, clip: float | None
) -> None:
    net = Tiny()
    groups = [{"params": [net.head.weight]}, {"params": [net.head.bias], "lr_scale": 0.5, "starts_at": 0.5}]
    module, watch = make(net=net, param_groups=groups, weight_decay=0.1), Moves()
    start = net.head.bias.tolist()
    quiet: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_checkpointing=False,
        max_epochs=4,
        callbacks=[watch],
        gradient_clip_val=clip,
        **quiet,
    )
    trainer.fit(module, batches())
    assert [values == start for values, _ in watch.seen] == [True, True, False, False]
    assert [moments for _, moments in watch.seen] == [False, False, True, True]
    made = trainer.optimizers[0].param_groups
    assert [(g["lr"], g["weight_decay"]) for g in made] == [(0.05, 0.1), (0.025, 0.0)]
