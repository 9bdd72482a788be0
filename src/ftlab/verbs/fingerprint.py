"""What the metrics before training depend on, as one number: jobs that have it in common need not score twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import torch
from torch import nn

from ftlab.datasets.datamodule import TextDataModule
from ftlab.models.digest import tensor_digest
from ftlab.schema import TrainConfig


def fingerprint(settings: TrainConfig, net: nn.Module, data: TextDataModule, precision: str, device: str) -> str:
    """Return a sha256 over all that the metrics before training depend on, and more where in doubt.

    Over every weight and buffer of ``net`` (so over the seed of its head too), the kind of each of its parts, the
    token ids and labels of the test rows, and the configuration of model, data set, metrics, callbacks and trainer.
    Jobs that differ in adapter, optimizer or schedule only have it in common.

    Args:
        settings: of the job.
        net: as loaded, before the adapter.
        data: tokenised.
        precision: that the trainer computes in.
        device: that it computes on.
    """
    groups = {name: getattr(settings, name) for name in ("metrics", "callbacks", "trainer", "seed", "device")}
    known = {**groups, "model": asdict(settings.model), "dataset": asdict(settings.dataset)}
    known |= {"precision": precision, "on": device, "threads": torch.get_num_threads(), "rows": data.splits.test_digest}
    known["parts"] = [f"{name} {type(part).__module__}.{type(part).__qualname__}" for name, part in net.named_modules()]
    total = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode())
    rows = data.test_dataloader().dataset
    for array in (rows.tokens.ids, rows.tokens.offsets, rows.tokens.types):  # type: ignore[attr-defined]
        total.update(b"none" if array is None else array.tobytes() + b"\n")
    total.update(tensor_digest(net.state_dict()).encode())
    return total.hexdigest()
