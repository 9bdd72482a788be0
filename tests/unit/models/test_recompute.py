from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from ftlab.adapters.freeze import add_freeze
from ftlab.adapters.full import add_full
from ftlab.adapters.head import add_head
from ftlab.adapters.lora import add_lora
from ftlab.errors import ModelError
from ftlab.models.pretrained import load_classifier, meta_classifier
from ftlab.models.recompute import recompute_activations
from ftlab.schema import ModelConfig

Tiny = Callable[..., ModelConfig]
ADAPTERS: dict[str, Callable[..., Any]] = {"full": add_full, "head": add_head, "lora": add_lora, "freeze": add_freeze}
KINDS = ["bert", "distilbert", "roberta", "xlm-roberta", "modernbert", "electra", "deberta-v2"]
IDS = torch.arange(5, 133).reshape(4, 32)
LABELS = torch.tensor([0, 1, 2, 0])


def adapted(cfg: ModelConfig, adapter: str, *, recompute: bool) -> tuple[nn.Module, PreTrainedModel]:
    torch.manual_seed(2)
    bare = load_classifier(cfg, ["a", "b", "c"]).net
    options = {"last_layers": 1} if adapter == "freeze" else {}
    net = ADAPTERS[adapter](bare, **options).net
    if recompute:
        recompute_activations(bare)
    return net, bare


def gradients(net: nn.Module) -> tuple[dict[str, Tensor], int]:
    """Return the gradients of one step, and the bytes that autograd kept for it beside the parameters."""
    kept: dict[int, int] = {}
    own = {parameter.untyped_storage().data_ptr() for parameter in net.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    torch.manual_seed(11)  # of dropout
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = nn.functional.cross_entropy(net(input_ids=IDS).logits, LABELS)
    loss.backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}, sum(kept.values())


@pytest.mark.parametrize(
    ("kind", "adapter", "dropout"),
    [*((kind, adapter, 0.2) for kind in KINDS for adapter in ADAPTERS), *((kind, "full", 0.0) for kind in KINDS)],
)
def test_gradients_are_what_they_were(tiny: Tiny, kind: str, adapter: str, dropout: float) -> None:
    cfg = tiny(kind, dropout=dropout)
    plain, _ = gradients(adapted(cfg, adapter, recompute=False)[0])
    again, _ = gradients(adapted(cfg, adapter, recompute=True)[0])
    assert plain.keys() == again.keys()
    assert any(gradient.abs().max() > 0 for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, rtol=0, atol=1e-7, msg=name)


@pytest.mark.parametrize("adapter", ["full", "lora"])
@pytest.mark.parametrize("kind", KINDS)
def test_less_than_half_of_the_activations_is_kept(tiny: Tiny, kind: str, adapter: str) -> None:
    deeper = {"n_layers" if kind == "distilbert" else "num_hidden_layers": 4}
    kept = [gradients(adapted(tiny(kind, architecture=deeper), adapter, recompute=on)[0])[1] for on in (False, True)]
    assert kept[1] < 0.5 * kept[0], kept


@pytest.mark.parametrize(("adapter", "times"), [("full", [2, 2]), ("freeze", [1, 2]), ("head", [1, 1])])
def test_frozen_layers_below_the_first_trained_one_are_computed_once(
    tiny: Tiny, adapter: str, times: list[int]
) -> None:
    net, bare = adapted(tiny(), adapter, recompute=True)
    counts = [0, 0]
    for number, layer in enumerate(bare.bert.encoder.layer):  # type: ignore[union-attr, arg-type]

        def count(*_: object, number: int = number) -> None:
            counts[number] += 1

        layer.attention.output.dense.register_forward_hook(count)  # type: ignore[union-attr]
    gradients(net)
    assert counts == times


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_computes_each_layer_once(tiny: Tiny, kind: str) -> None:
    net, bare = adapted(tiny(kind), "lora", recompute=True)
    calls = []
    for part in bare.modules():
        if hasattr(part, "_gradient_checkpointing_func"):
            again = part._gradient_checkpointing_func
            part._gradient_checkpointing_func = lambda *args, do=again: calls.append(1) or do(*args)  # type: ignore[func-returns-value]
    net.eval()
    with torch.inference_mode():
        net(input_ids=IDS)
    assert calls == []
    net.train()
    net(input_ids=IDS)
    assert calls == [1, 1]


def test_the_saved_configuration_does_not_know_of_it(tiny: Tiny) -> None:
    plain, again = (adapted(tiny(), "full", recompute=on)[1].config.to_dict() for on in (False, True))
    assert plain == again


@pytest.mark.parametrize("kind", ["albert", "mpnet"])
def test_an_architecture_that_cannot_says_what_to_type(kind: str) -> None:
    cfg = ModelConfig(name="x", init="random", architecture={"model_type": kind, "vocab_size": 99})
    with pytest.raises(ModelError, match=rf"type {kind} cannot .*type model\.gradient_checkpointing=false"):
        recompute_activations(meta_classifier(cfg, ["a", "b"]))


def test_a_class_that_only_says_it_can_is_found_out(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    net = adapted(tiny(), "full", recompute=False)[1]
    monkeypatch.setattr(net, "modules", lambda: iter(()))
    with pytest.raises(ModelError, match=r"type bert cannot .*type model\.gradient_checkpointing=false"):
        recompute_activations(net)
