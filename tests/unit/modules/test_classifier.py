import warnings
from types import SimpleNamespace

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy
from transformers import BertConfig, BertForSequenceClassification

from ftlab.build import build_optimizer
from ftlab.errors import ModelError
from ftlab.modules.classifier import ClassifierModule


class BagOfTokens(nn.Module):
    """Mean of embeddings, then a linear layer; a frozen table stands for the base."""

    def __init__(self, dropout=0.0):
        super().__init__()
        self.base = nn.Embedding(20, 8)
        self.base.weight.requires_grad_(False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(8, 3)

    def forward(self, input_ids, attention_mask):
        mask = attention_mask[..., None].float()
        pooled = (self.base(input_ids) * mask).sum(1) / mask.sum(1)
        return SimpleNamespace(logits=self.head(self.dropout(pooled)))


def batches(rows=12, size=4):
    generator = torch.Generator().manual_seed(0)
    items = [
        {
            "input_ids": torch.randint(0, 20, (5,), generator=generator),
            "attention_mask": torch.ones(5, dtype=torch.int64),
            "labels": torch.tensor(row % 3),
            "row_ids": torch.tensor(row),
        }
        for row in range(rows)
    ]
    return DataLoader(items, batch_size=size)


def make_module(net=None, **options):
    metrics = MetricCollection({"accuracy": MulticlassAccuracy(3, average="micro")})
    options.setdefault("optimizer", build_optimizer({"_target_": "torch.optim.AdamW", "lr": 0.05}, "cpu", "32-true"))
    options.setdefault("scheduler", lambda optimizer, steps: torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0, steps))
    return ClassifierModule(net or BagOfTokens(), metrics, fingerprint="base-1", **options)


def make_trainer(tmp_path, **options):
    options = {"max_epochs": 2, "logger": False, "enable_progress_bar": False, "enable_model_summary": False} | options
    return L.Trainer(accelerator="cpu", default_root_dir=tmp_path, enable_checkpointing=False, **options)


def test_training_lowers_the_loss_and_leaves_frozen_weights_alone(tmp_path):
    torch.manual_seed(0)
    module = make_module()
    base = module.net.base.weight.clone()
    batch = next(iter(batches()))
    before = module.training_step(batch, 0).item()
    make_trainer(tmp_path, max_epochs=10).fit(module, batches())
    assert module.training_step(batch, 0).item() < before
    assert torch.equal(module.net.base.weight, base)


def test_loss_is_weighted_and_smoothed_cross_entropy():
    module = make_module(class_weights=[1.0, 2.0, 3.0], label_smoothing=0.1)
    batch = next(iter(batches()))
    expected = F.cross_entropy(
        module(batch), batch["labels"], weight=torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1
    )
    assert torch.equal(module.training_step(batch, 0), expected)


def test_test_scores_every_row_with_the_unweighted_loss(tmp_path):
    module = make_module(class_weights=[1.0, 2.0, 3.0])
    logged = make_trainer(tmp_path).test(module, batches(), verbose=False)[0]
    scores = module.scores()
    assert scores.row_ids.tolist() == list(range(12))
    loss = F.cross_entropy(torch.from_numpy(scores.logits), torch.from_numpy(scores.labels)).item()
    assert logged["test/loss"] == pytest.approx(loss, rel=1e-6)
    assert logged["test/accuracy"] == pytest.approx((scores.predictions == scores.labels).mean(), rel=1e-6)


def test_untrained_pass_logs_under_its_own_name(tmp_path):
    module = make_module()
    module.test_name = "untrained"
    logged = make_trainer(tmp_path).test(module, batches(), verbose=False)[0]
    assert set(logged) == {"untrained/loss", "untrained/accuracy"}


def test_every_part_trains_in_train_mode_after_a_test_pass(tmp_path):
    # transformers gives networks in eval mode, and Lightning keeps what it finds: dropout would silently be off.
    module = make_module(BagOfTokens(dropout=0.5))
    seen = []

    class Watch(L.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.append(all(m.training for m in pl_module.net.modules()))

    trainer = make_trainer(tmp_path, callbacks=[Watch()])
    trainer.test(module, batches(), verbose=False)
    trainer.fit(module, batches(), batches())
    assert seen and all(seen)


def test_training_in_eval_mode_is_refused(tmp_path):
    module = make_module(BagOfTokens(dropout=0.5))
    module.net.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning warns and goes on
        with pytest.raises(AssertionError, match=r"net\.train"):
            make_trainer(tmp_path).fit(module, batches())


def test_checkpoint_holds_only_trained_parameters_and_loads_safely(tmp_path):
    module = make_module()
    trainer = make_trainer(tmp_path)
    trainer.fit(module, batches())
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    assert set(checkpoint["state_dict"]) == {"net.head.weight", "net.head.bias"}
    other = make_module()
    other.net.base.load_state_dict(module.net.base.state_dict())
    make_trainer(tmp_path).test(other, batches(), ckpt_path=tmp_path / "a.ckpt", weights_only=True, verbose=False)
    assert torch.equal(other.net.head.weight, module.net.head.weight)


def test_checkpoint_of_another_base_is_refused(tmp_path):
    module = make_module()
    trainer = make_trainer(tmp_path)
    trainer.fit(module, batches())
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    other = make_module()
    other.fingerprint = "base-2"
    with pytest.raises(ModelError, match="another base model"):
        make_trainer(tmp_path).test(other, batches(), ckpt_path=tmp_path / "a.ckpt", weights_only=True, verbose=False)


def test_checkpoint_without_a_trained_parameter_is_refused():
    module = make_module()
    checkpoint = {"base_fingerprint": "base-1", "state_dict": {"net.head.weight": torch.zeros(3, 8)}}
    with pytest.raises(ModelError, match=r"lacks 1 trained parameters, first net\.head\.bias"):
        module.on_load_checkpoint(checkpoint)


def test_what_no_head_reads_is_left_out_only_while_training_and_testing(tmp_path):
    net = BertForSequenceClassification(
        BertConfig(
            vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, num_labels=3
        )
    )
    widths = []
    net.bert.encoder.layer[-1].intermediate.register_forward_hook(
        lambda part, given, made: widths.append(made.shape[1])
    )
    module, trainer = make_module(net), make_trainer(tmp_path, max_epochs=1, num_sanity_val_steps=0)
    trainer.fit(module.train(), batches(4), batches(4))
    assert set(widths) == {1}
    module(next(iter(batches(4))))
    assert widths[-1] == 5
    trainer.test(module, batches(4), verbose=False)
    assert widths[-1] == 1
    module(next(iter(batches(4))))
    assert widths[-1] == 5
