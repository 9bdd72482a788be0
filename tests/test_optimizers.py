"""Every optimizer of the configuration: it trains, goes on to the bit, decays what it should, at the rate it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from ftlab.adapters.full import add_full
from ftlab.adapters.lora import add_lora
from ftlab.build import build_optimizer, check_optimizer
from ftlab.callbacks.stopping import handlers_kept
from ftlab.check import allowlist
from ftlab.checkpoints import newest_state
from ftlab.checkpoints.durable import DurableCheckpointIO
from ftlab.errors import ConfigError
from ftlab.launch import main
from ftlab.modules.optimizer import split_decay
from ftlab.paths import config_dir
from small import SMALL
from training import CrashError, Run, Strike, crash

FILES = {path.stem: path for path in (config_dir() / "optimizer").glob("*.yaml")}
NAMES = sorted(FILES)
RATES = {"lion": 3e-2, "sgd": 3e-3}  # of the adapter, fit for a network of 16 numbers a token
Cfg = Callable[..., Any]


def options(name: str, rate: float = 1e-3) -> dict[str, Any]:
    """Return what ``optimizer=name`` gives at an adapter's learning rate."""
    from omegaconf import OmegaConf

    import ftlab.command.composer  # noqa: F401 - registers what the files scale the rate with

    made = OmegaConf.create({"adapter": {"learning_rate": rate}, "optimizer": OmegaConf.load(FILES[name])})
    found: Any = OmegaConf.to_container(made.optimizer, resolve=True)
    if found["_target_"].startswith("bitsandbytes"):
        pytest.importorskip("bitsandbytes")
    if "min_8bit_size" in found:
        found["min_8bit_size"] = 16  # or a small network has no 8-bit moments
    return found


@pytest.mark.parametrize("add", [add_full, add_lora])
@pytest.mark.parametrize("name", NAMES)
def test_it_learns_a_toy_task(name: str, add: Any) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=40, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **sizes)
    net = add(BertForSequenceClassification(config)).net.train()
    ids = torch.randint(2, 40, (16, 6))
    ids[:, 0] = torch.arange(16) % 2  # the first token tells the label
    optimizer = build_optimizer(options(name, RATES.get(name, 1e-2)), "cpu", "32-true")(split_decay(net, 0.01))
    losses = []
    for _ in range(60):
        loss = F.cross_entropy(net(input_ids=ids).logits, ids[:, 0])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    assert min(losses[-5:]) < 0.9 * losses[0], losses[::8]


@pytest.mark.parametrize("name", NAMES)
def test_its_state_goes_on_to_the_bit(name: str, tmp_path: Any) -> None:
    def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            net(torch.linspace(-1, 1, 64).view(8, 8)).square().mean().backward()
            optimizer.step()

    torch.manual_seed(0)
    nets = [nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1)) for _ in range(2)]
    first, second = (build_optimizer(options(name), "cpu", "32-true")(split_decay(net, 0.1)) for net in nets)
    train(nets[0], first, 3)
    DurableCheckpointIO().save_checkpoint({"optimizer": first.state_dict()}, tmp_path / "x.ckpt")
    nets[1].load_state_dict(nets[0].state_dict())
    second.load_state_dict(DurableCheckpointIO().load_checkpoint(tmp_path / "x.ckpt")["optimizer"])
    train(nets[0], first, 3)
    train(nets[1], second, 3)
    assert all(torch.equal(a, b) for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True))
    if name == "adamw8bit":
        assert first.state[nets[0][0].weight]["state1"].dtype == torch.uint8


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_crashed_training_goes_on_to_the_bit(name: str, tmp_path: Any) -> None:
    with handlers_kept():
        whole = Run(tmp_path / "whole", optimizer=options(name)).fit()
        with pytest.raises(CrashError):
            Run(tmp_path / "parts", optimizer=options(name)).fit(Strike("batch end", 14, crash))
        state, skipped = newest_state(tmp_path / "parts")
        parts = Run(tmp_path / "parts", optimizer=options(name)).fit(state=state)
    assert not skipped and whole.outcome() == parts.outcome()


@pytest.mark.parametrize("name", NAMES)
def test_matrices_decay_and_biases_do_not(name: str) -> None:
    net = nn.Linear(4, 3)
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = build_optimizer({**options(name), "lr": 0.1}, "cpu", "32-true")(split_decay(net, 0.5))
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert (net.weight.abs() < before[0].abs()).all()
    assert torch.equal(net.bias, before[1])


def test_the_rate_follows_the_adapter_and_the_optimizer_until_one_is_typed(cfg: Cfg) -> None:
    rates = {name: [options(name, rate)["lr"] for rate in (1e-4, 1e-3)] for name in NAMES}
    assert rates.pop("adamw") == rates.pop("adamw8bit") == [1e-4, 1e-3]
    assert rates == {"adafactor": [0.002, 0.02], "lion": [1e-5, 1e-4], "sgd": [0.01, 0.1]}
    assert cfg("optimizer=lion").optimizer.lr == 1e-5
    assert cfg("optimizer=lion", "optimizer.lr=1e-3").optimizer.lr == 1e-3
    assert cfg("optimizer=lion", "model.learning_rate=3e-5").optimizer.lr == 3e-6
    with pytest.raises(ConfigError, match=r"^adapter\.learning_rate=fast is not a number"):
        cfg("optimizer=lion", "adapter.learning_rate=fast")


@pytest.mark.slow
def test_the_record_holds_the_rate_that_was_used(tmp_path: Any) -> None:
    pytest.importorskip("bitsandbytes")
    assert main([*SMALL, f"output_dir={tmp_path}", "optimizer=lion", "trainer.max_steps=3", "tracking=none"]) == 0
    (path,) = tmp_path.glob("*/*/result.json")
    training = json.loads(path.read_text())["training"]
    assert (training["optimizer"], training["learning_rate"]) == ("bitsandbytes.optim.Lion", 1e-4)
    assert training["compile_seconds"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("optimizer=adam", "optimizer=adam does not exist; did you mean optimizer=adamw?"),
        ("optimizer=adamw_8bit", "optimizer=adamw_8bit does not exist; did you mean optimizer=adamw8bit?"),
        ("optimizer.momentum=0.9", "is not an option of optimizer=adamw; write optimizer=sgd optimizer.momentum=0.9"),
        ("optimizer=sgd optimizer.betas=[0.9,0.99]", "optimizer.betas is not an option of optimizer=sgd"),
        ("optim=adamw_bnb_8bit", "write optimizer=adamw8bit"),
    ],
)
def test_a_wrong_name_gets_the_right_one(words: str, sentence: str, capsys: Any) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_package_that_is_not_there_is_named_with_the_command(capsys: Any, monkeypatch: Any) -> None:
    find = allowlist.importlib.util.find_spec
    monkeypatch.setattr(allowlist.importlib.util, "find_spec", lambda top: None if top == "bitsandbytes" else find(top))
    assert main(["optimizer=lion"]) == 2
    said = capsys.readouterr().err
    assert "needs the package bitsandbytes, which is not installed; type: pip install bitsandbytes" in said
    assert said.count("\n") == 1


def test_options_that_do_not_go_together_are_refused_before_training() -> None:
    with pytest.raises(ConfigError, match=r"SGD refuses its options \(Nesterov .*change one of .*optimizer.momentum=0"):
        check_optimizer({**options("sgd"), "momentum": 0.0})
    check_optimizer({**options("adamw"), "foreach": True})  # and not fused then
