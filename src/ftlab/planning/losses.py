"""The loss of each task's module on a batch without storage, its largest: every row full, every token supervised."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ftlab.modules.supervised import Places, SupervisedReader
from ftlab.modules.token_loss import chunk_rows, summed_loss, summed_loss_of
from ftlab.planning.simulate import Loss

_ANSWER_TOKENS = 2  # of a label by prompt


def classification_loss(net: nn.Module, rows: int, length: int) -> Loss:
    """Return what `ClassifierModule` computes."""

    def make() -> Tensor:
        with torch.device("meta"):
            ids, mask, labels = (torch.zeros(rows, length, dtype=torch.int64) for _ in range(3))
        logits = net(input_ids=ids, attention_mask=mask).logits.float()
        return F.cross_entropy(logits, labels[:, 0])

    return make


def writing_loss(net: nn.Module, rows: int, length: int, kind: str, precision: str, answers: bool) -> Loss:
    """Return what `CausalLMModule` computes, or with ``answers`` `PromptedModule`: a few places of each row.

    Args:
        net: a language model.
        rows: of the micro-batch.
        length: of a row in tokens.
        kind: of the device, which decides how many logits are made at a time.
        precision: Lightning's name; in fp16 all logits are made at once.
        answers: whether only a label's words are supervised.
    """

    def make() -> Tensor:
        reader = SupervisedReader()
        with torch.device("meta"):
            ids, mask = (torch.zeros(rows, length, dtype=torch.int64) for _ in range(2))
            count = rows * (_ANSWER_TOKENS if answers else length - 1)
            at, columns, targets = (torch.zeros(count, dtype=torch.int64) for _ in range(3))
        places = Places(at, columns, targets, length)
        inputs = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
        try:
            reader.trust(net)
            found = None if precision == "16-mixed" else reader.hidden(net, inputs, places)
            if found is None:
                loss = summed_loss(reader.logits(net, inputs, places), places.targets)
            else:
                at_once = chunk_rows(found[1].out_features, torch.device("cpu" if kind == "cpu" else "cuda"))
                loss = summed_loss_of(*found, places.targets, rows=at_once)
        finally:
            reader.release()
        return loss

    return make
