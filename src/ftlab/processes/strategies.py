"""Lightning's strategies for several processes, as ftlab needs them, and what is different about sharded weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy, Strategy
from torch import nn

from ftlab.processes.devices import SHARDED

# What wrappers put into the names of parameters: sharding, recomputed activations, compiling.
_WRAPPERS = ("_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_orig_mod.")


class WholeStates(FSDPStrategy):
    """FSDP whose checkpoints are single files of plain tensors, read with their checksum and ``weights_only=True``.

    Lightning's own reading of them unpickles what the file names.
    """

    def load_checkpoint(self, checkpoint_path: str | Path, weights_only: bool | None = None) -> dict[str, Any]:
        """Load the weights and, while fitting, the optimizers of all processes; return the rest of the checkpoint."""
        from torch.distributed.fsdp import FullStateDictConfig, FullyShardedDataParallel, StateDictType
        from torch.distributed.fsdp import OptimStateKeyType as Keys

        assert self.model is not None and self.lightning_module is not None
        path = Path(self.broadcast(str(checkpoint_path)))
        checkpoint: dict[str, Any] = self.checkpoint_io.load_checkpoint(path, weights_only=True)
        model: Any = self.model
        whole = FullStateDictConfig(offload_to_cpu=True, rank0_only=False)
        with FullyShardedDataParallel.state_dict_type(model, StateDictType.FULL_STATE_DICT, whole):
            model.load_state_dict(checkpoint.pop("state_dict"), strict=False)
            for optimizer, state in zip(self.optimizers, checkpoint.get("optimizer_states", []), strict=False):
                by_name = FullyShardedDataParallel.rekey_optim_state_dict(state, Keys.PARAM_NAME, model)
                optimizer.load_state_dict(FullyShardedDataParallel.optim_state_dict_to_load(model, optimizer, by_name))
        return checkpoint


def make_strategy(name: str, net: nn.Module) -> Strategy:
    """Return the strategy of more than one process.

    Args:
        name: one of ``STRATEGIES``.
        net: whose layers are sharded one by one.
    """
    if name == SHARDED:
        return WholeStates(auto_wrap_policy=layer_kinds(net), sharding_strategy="FULL_SHARD", state_dict_type="full")
    # No buffer changes while training, and evaluation must not wait for other processes at every batch.
    known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    sync = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"  # the older name
    return DDPStrategy(
        **{sync: False},  # type: ignore[arg-type]
        gradient_as_bucket_view=True,
        find_unused_parameters=name.endswith("find_unused_parameters_true"),
    )


def layer_kinds(net: nn.Module) -> set[type[nn.Module]]:
    """Return the classes of the layers that stand in stacks: what FSDP gathers at a time."""
    kinds: set[type[nn.Module]] = set()
    for stack in (part for part in net.modules() if isinstance(part, nn.ModuleList) and len(part) > 1):
        found = {type(layer) for layer in stack}
        if len(found) == 1 and any(p.numel() for p in stack.parameters()):
            kinds |= found
    # Stacks inside of layers go with their layer.
    return {kind for kind in kinds if not any(_holds(net, other, kind) for other in kinds - {kind})}


def _holds(net: nn.Module, outer: type[nn.Module], inner: type[nn.Module]) -> bool:
    first = next(part for part in net.modules() if isinstance(part, outer))
    return any(isinstance(part, inner) for part in first.modules())


def is_sharded(strategy: Strategy) -> bool:
    """Return whether each process holds only a part of the weights."""
    return isinstance(strategy, FSDPStrategy)


def plain_name(name: str) -> str:
    """Return the name of a parameter without what wrappers put into it."""
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def named_groups(groups: Iterable[Mapping[str, Any]], net: nn.Module) -> list[dict[str, Any]]:
    """Return parameter groups with names in place of parameters, to be kept over sharding, which replaces these."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return [{**group, "params": [names[id(p)] for p in group["params"]]} for group in groups]


def found_groups(groups: Iterable[Mapping[str, Any]], net: nn.Module) -> list[dict[str, Any]]:
    """Return the groups of ``named_groups`` with the parameters that bear those names now."""
    found = {plain_name(name): parameter for name, parameter in net.named_parameters()}
    return [{**group, "params": [found[name] for name in group["params"]]} for group in groups]
