"""Which layers (IA)3 scales: keys, values, and the last layer of each feed-forward block."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from transformers import PreTrainedModel

from ftlab.adapters.targets import Targets, find_targets, linear_names
from ftlab.errors import ModelError

# Keys and values, or the one matrix that holds them; last layers of feed-forward blocks (arXiv:2205.05638, 3.3).
_BERT = (("key", "value"), ("output.dense",))
_LLAMA = (("k_proj", "v_proj"), ("down_proj",))
SCALED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bert": _BERT,
    "deberta-v2": (("key_proj", "value_proj"), ("output.dense",)),
    "distilbert": (("k_lin", "v_lin"), ("ffn.lin2",)),
    "electra": _BERT,
    "gpt2": (("c_attn",), ("mlp.c_proj",)),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "modernbert": (("attn.Wqkv",), ("mlp.Wo",)),
    "qwen2": _LLAMA,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
}
# Of the architectures that the table does not list; the last parts of names.
_KEYS_AND_VALUES = (
    "key", "value", "k_proj", "v_proj", "key_proj", "value_proj", "k_lin", "v_lin", "k", "v", "k_head", "v_head",
    "Wqkv", "qkv_proj", "query_key_value", "c_attn", "in_proj", "qkv",
)  # fmt: skip
_FEED_FORWARD = ("output.dense", "down_proj", "fc2", "ffn.lin2", "mlp.c_proj", "mlp.Wo", "wo", "w2", "fc_out",
                 "dense_4h_to_h", "ffn_output", "layer_2")  # fmt: skip
_ATTENTION_OUTPUT = "attention.output.dense"  # ends like the feed-forward's, and is none


@dataclass(frozen=True, slots=True)
class Scaled:
    """Checked targets of (IA)3."""

    targets: Targets
    feed_forward: list[str]  # those of their names whose input is scaled
    excluded: list[str] = field(default_factory=list)  # ends of names that are none of them


def find_scaled(net: PreTrainedModel, targets: Sequence[str] | str, feed_forward: Sequence[str] | str) -> Scaled:
    """Return the layers to be scaled.

    Args:
        net: a classifier or a language model; the meta device will do.
        targets: ``auto``, or as `find_targets` takes them.
        feed_forward: names out of ``targets``, or ``auto``.

    Raises:
        ModelError: a name matches no such layer, or ``feed_forward`` has one that is no target.
    """
    known, last = _named(net)
    excluded = []
    if targets == "auto":
        found = find_targets(net, [*known, *last])
        if any(name.endswith(f".{_ATTENTION_OUTPUT}") for name in found.layers) and "output.dense" in last:
            excluded = [_ATTENTION_OUTPUT]
            layers = {n: m for n, m in found.layers.items() if not n.endswith(f".{_ATTENTION_OUTPUT}")}
            found = dataclasses.replace(found, layers=layers)
    else:
        found = find_targets(net, targets)
    if feed_forward == "auto":
        return Scaled(found, [name for name in found.names if name in last], excluded)
    wanted = [n.strip() for n in feed_forward.split(",")] if isinstance(feed_forward, str) else list(feed_forward)
    for name in wanted:
        if name not in found.names:
            raise ModelError(
                f"adapter.feed_forward: {name} is none of the targets ({', '.join(found.names)}); type "
                f"adapter.targets=[{','.join([*found.names, name])}] or adapter.feed_forward=auto"
            )
    return Scaled(found, wanted, excluded)


def _named(net: PreTrainedModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names of the layers of keys and values, and of the last feed-forward layers, of this architecture.

    Raises:
        ModelError: there are none such.
    """
    kind = net.config.model_type
    if kind in SCALED:
        return SCALED[kind]
    existing = linear_names(net)
    known = tuple(name for name in _KEYS_AND_VALUES if name in existing)
    names = [name for name, _ in net.named_modules()]
    last = tuple(name for name in _FEED_FORWARD if any(n.endswith(f".{name}") for n in names))
    if not known:
        raise ModelError(
            f"adapter.targets=auto has no keys and values to name in this {kind} (linear layers: "
            f"{', '.join(existing)}); type adapter.targets=[{existing[0] if existing else '<name>'}]"
        )
    return known, last
