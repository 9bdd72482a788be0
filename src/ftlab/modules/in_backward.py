"""``trainer.optimizer_in_backward=true``: each parameter is updated as soon as its gradient is whole.

So that no more than a few gradients are there at a time. Source: docs.pytorch.org/tutorials/intermediate/
optimizer_step_in_backward_tutorial.html; here one optimizer serves all parameters, so that schedule, parameter groups
and checkpoints are what they are without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle


class StepsInBackward:
    """Steps an optimizer for one parameter after the other within the backward pass, and frees each gradient.

    A parameter's gradient is whole when everything that used it has been gone back through, so that nothing reads the
    updated value too early; the network must do one backward pass per step. What steps after it finds no gradient, and
    changes nothing.

    Args:
        optimizer: over all trained parameters.
        done: gives the share of all steps taken so far: a group does not train before its ``starts_at``.
    """

    def __init__(self, optimizer: Optimizer, done: Callable[[], float]) -> None:
        self._optimizer, self._done = optimizer, done
        self._handles: list[RemovableHandle] = []

    def install(self) -> None:
        """Begin."""
        for number, group in enumerate(self._optimizer.param_groups):
            for parameter in group["params"]:
                self._handles.append(parameter.register_post_accumulate_grad_hook(self._hook(number)))

    def remove(self) -> None:
        """Let gradients be kept again."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _hook(self, number: int) -> Any:  # noqa: ANN401 - torch's kind of hook
        def update(parameter: nn.Parameter) -> None:
            groups = self._optimizer.param_groups
            if groups[number].get("starts_at", 0.0) > self._done():
                parameter.grad = None
                return
            # Looked up here: the schedule changes the group's rate, and a state that is loaded replaces the group.
            self._optimizer.param_groups = [{**groups[number], "params": [parameter]}]
            try:
                self._optimizer.step()
            finally:
                self._optimizer.param_groups = groups
            parameter.grad = None

        return update
