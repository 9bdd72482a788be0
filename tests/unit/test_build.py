"""From component nodes to objects."""

import lightning as L
import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from ftlab.build import (
    build_adapter,
    build_callbacks,
    build_metrics,
    build_optimizer,
    build_scheduler,
    build_trainer,
)
from ftlab.errors import ConfigError


def test_a_target_outside_the_allowlist_is_never_called():
    with pytest.raises(ConfigError, match=r"posix\.system"):
        build_metrics({"mine": {"_target_": "posix.system", "command": "true"}})


def test_an_option_called_like_one_of_the_adapters_own_reaches_other_groups():
    (timer,) = build_callbacks({"timer": {"_target_": "lightning.pytorch.callbacks.Timer", "interval": "step"}})
    assert isinstance(timer, L.pytorch.callbacks.Timer)
    node = {"_target_": "lightning.pytorch.callbacks.DeviceStatsMonitor", "name": "kept"}
    with pytest.raises(TypeError, match="name"):  # handed over, and refused there
        build_callbacks({"stats": node})


def test_a_callback_set_to_null_is_left_out_and_takes_runtime_values_by_name():
    node = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "patience": 2}
    (stopper,) = build_callbacks({"none": None, "stop": node}, monitor="val/loss", mode="min", folder="unused")
    assert (stopper.monitor, stopper.mode, stopper.patience) == ("val/loss", "min", 2)


def test_what_the_user_gives_wins_over_what_ftlab_would():
    node = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "val/f1_macro", "mode": "max"}
    (stopper,) = build_callbacks({"stop": node}, monitor="val/loss", mode="min")
    assert (stopper.monitor, stopper.mode) == ("val/f1_macro", "max")


def test_optimizer_and_schedule_get_their_numbers():
    make = build_optimizer({"_target_": "torch.optim.AdamW", "lr": 0.5, "betas": [0.8, 0.9]}, "cpu", "32-true")
    optimizer = make([{"params": list(nn.Linear(2, 2).parameters())}])
    assert optimizer.defaults["lr"] == 0.5 and optimizer.defaults["betas"] == (0.8, 0.9)
    schedule = build_scheduler(
        {"_target_": "transformers.optimization.get_linear_schedule_with_warmup", "warmup": 0.5}
    )(optimizer, 10)
    assert isinstance(schedule, torch.optim.lr_scheduler.LambdaLR)
    rates = []
    for _ in range(10):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert max(rates) == rates[4] == 0.5 and rates[-1] == 0


def test_an_interval_of_steps_counts_across_epochs(tmp_path):
    node = {"_target_": "lightning.Trainer", "val_check_interval": 7, "accelerator": "cpu", "devices": 1}
    trainer = build_trainer(node, precision="32-true", folder=tmp_path, callbacks=[], logger=False)
    assert trainer.check_val_every_n_epoch is None and trainer.val_check_interval == 7


def test_members_of_a_stack_are_built_with_their_own_options_and_runtime_values():
    bitfit = {"_target_": "ftlab.adapters.bitfit.add_bitfit", "learning_rate": 0.5, "name": "bitfit"}
    lora = {"_target_": "ftlab.adapters.lora.add_lora", "learning_rate": 1.0, "rank": 2, "merge": "auto"}
    node = {"_target_": "ftlab.adapters.stack.add_stack", "stack": ["lora", "bitfit"], "lora": lora, "bitfit": bitfit}
    numbers = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = AutoConfig.for_model("bert", vocab_size=20, **numbers)
    with torch.device("meta"):
        net = AutoModelForSequenceClassification.from_config(config)
    adapted = build_adapter({**node, "name": "stack", "learning_rate": 1.0, "merge": True}, net, 10)
    ranks = {p.shape[0] for name, p in adapted.net.named_parameters() if "lora_A" in name}
    assert ranks == {2} and [group["lr_scale"] for group in adapted.param_groups] == [1.0, 0.5]
