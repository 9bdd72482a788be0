"""A training whose memory ran out goes on, and is gone on with, in the smaller parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from ftlab.callbacks.saving_memory import SavingMemory
from ftlab.checkpoints import newest_state
from training import CrashError, Run, Strike, crash


class Tight(L.Callback):
    """Memory for two rows, from the fifth batch on."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def on_train_start(self, trainer: Any, module: Any) -> None:
        forward = module.net.forward

        def limited(input_ids: Any, attention_mask: Any) -> Any:
            if module.training:
                self.rows.append(len(input_ids))
                if len(input_ids) > 2 and trainer.global_step >= 4:
                    raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(input_ids, attention_mask)

        module.net.forward = limited


def measured(run: Run) -> dict[str, Any]:
    saving = next(c for c in run.trainer.callbacks if isinstance(c, SavingMemory))  # type: ignore[attr-defined]
    found: dict[str, Any] = saving.measured()["training"]
    return found


def test_resumed_training_keeps_the_smaller_parts_and_the_record(tmp_path: Path) -> None:
    whole = Run(tmp_path / "whole").fit(Tight())
    with pytest.raises(CrashError):
        Run(tmp_path / "cut").fit(Tight(), Strike("batch end", 14, crash))
    tight, run = Tight(), Run(tmp_path / "cut")
    run.fit(tight, state=newest_state(tmp_path / "cut")[0])
    assert set(tight.rows) == {2}, "no row is computed in a part that is known not to fit"
    assert run.outcome() == whole.outcome()
    assert measured(run) == measured(whole)
    assert measured(run) == {
        "optimizer_in_backward": False,
        "activation_offload": False,
        "micro_batch_size": 2,
        "accumulation": 2,
        "out_of_memory": [{"step": 5, "from": 4, "to": 2}],
    }


def test_a_second_training_of_the_same_module_begins_afresh(tmp_path: Path) -> None:
    run = Run(tmp_path).fit(Tight())
    assert measured(run)["out_of_memory"]
    run.trainer.fit_loop.max_epochs = 4
    run.trainer.fit(run.module, datamodule=run.data)
    assert measured(run)["out_of_memory"] == [], "two rows at a time were enough"


def test_what_never_trains_has_no_rows() -> None:
    assert SavingMemory(activation_offload=True).measured()["training"] == {
        "optimizer_in_backward": False,
        "activation_offload": True,
    }


def test_offload_is_on_while_training_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []

    def counted(parameters: Any) -> Any:
        used.append(len(list(parameters)))
        return torch.autograd.graph.save_on_cpu()

    monkeypatch.setattr("ftlab.callbacks.saving_memory.offloaded", counted)
    plain = Run(tmp_path / "plain").fit()
    run = Run(tmp_path / "offload", options={"activation_offload": True}).fit()
    assert len(used) == run.trainer.global_step and set(used) == {3}
    assert run.outcome() == plain.outcome()
    with run.module.micro_batches.saving():
        assert len(used) == run.trainer.global_step
