"""What the metrics before training depend on, as one number: jobs that have it in common need not score twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import torch
from torch import nn

from ftlab.models.digest import tensor_digest
from ftlab.schema import TrainConfig
from ftlab.verbs.machine import Machine
from ftlab.verbs.material import Material


def fingerprint(settings: TrainConfig, net: nn.Module, material: Material, machine: Machine) -> str:
    """Return a sha256 over all that the metrics before training depend on, and more where in doubt.

    Over every weight and buffer of ``net`` (so over the seed of its head too), the kind of each of its parts, the
    token ids and labels of the test rows, prompt and template, and the configuration of model, data set, metrics,
    writing, callbacks and trainer.
    Jobs that differ in adapter, optimizer or schedule only have it in common.

    Args:
        settings: of the job.
        net: as loaded, before the adapter.
        material: of the job.
        machine: that it computes on.
    """
    groups = {name: getattr(settings, name) for name in ("metrics", "callbacks", "trainer", "seed", "device")}
    known = {**groups, **{name: asdict(getattr(settings, name)) for name in ("model", "dataset", "generation")}}
    known |= {"precision": machine.precision, "on": str(machine.trains_on), "threads": torch.get_num_threads()}
    known |= {"rows": material.splits.test_digest, "prompt": material.prompt_record}
    known["parts"] = [f"{name} {type(part).__module__}.{type(part).__qualname__}" for name, part in net.named_modules()]
    total = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    tokens: Any = material.data.test_dataloader().dataset.tokens  # type: ignore[attr-defined]
    for name in [each.name for each in fields(tokens)]:
        array = getattr(tokens, name)
        total.update(array.tobytes() + b"\n" if isinstance(array, np.ndarray) else f"{name} {array}\n".encode())
    # Buffers that no file holds, too: a quantised base lies in them.
    total.update(tensor_digest({**net.state_dict(), **dict(net.named_buffers())}).encode())
    return total.hexdigest()
