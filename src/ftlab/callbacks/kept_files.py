"""Which files of the checkpoints folder stay: two full states, and the best weights each of them knows."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from ftlab.checkpoints.states import state_files, state_step

KEPT_STATES = 2
_log = logging.getLogger(__name__)


class KeptFiles:
    """The full states of this training, and which best weights each names.

    A training that goes on from the older state must find the weights that were the best then, though it had found
    better ones before it was killed.

    Args:
        folder: of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._best: dict[str, str] = {}  # name of a state -> name of the best weights, "" where there are none

    def begin(self, state: Path, best: str) -> None:
        """Note that ``state`` is about to be written, and that it names ``best``."""
        self._best[state.name] = Path(best).name if best else ""

    def is_known(self, best: str) -> bool:
        """Return whether a state names these weights."""
        return Path(best).name in self._best.values()

    def prune(self, trainer: L.Trainer, best: str) -> None:
        """Remove all states but the newest two, those of a future that did not happen, and weights none names.

        A training gone on from an older state finds newer ones, which were damaged.
        """
        if not trainer.is_global_zero:
            return
        states = [path for path in state_files(self.folder) if state_step(path) <= trainer.global_step][:KEPT_STATES]
        names = {path.name for path in states}
        self._best = {state: known for state, known in self._best.items() if state in names}
        known = {*self._best.values(), Path(best).name if best else ""}
        gone = [path for path in state_files(self.folder) if path not in states]
        if all(name in self._best for name in names):  # else a state may name weights we do not know of
            gone += [path for path in self.folder.glob("best-*.ckpt") if path.name not in known]
        for path in gone:
            trainer.strategy.remove_checkpoint(path)

    def state_dict(self) -> dict[str, str]:
        """Return name of state -> name of best weights."""
        return dict(self._best)

    def load_state_dict(self, state: dict[str, str]) -> None:
        """Take it back."""
        self._best = dict(state)


def plain_scores(keeper: ModelCheckpoint) -> dict[str, Any]:
    """Return what ``keeper`` knows of the best weights: the score (a tensor or None) and the file's name."""
    return {
        "best": Path(keeper.best_model_path).name if keeper.best_model_path else "",
        "best_score": _tensor(keeper.best_model_score),
        "current_score": _tensor(keeper.current_score),
    }


def take_scores(keeper: ModelCheckpoint, state: dict[str, Any]) -> None:
    """Give ``keeper`` back what ``plain_scores`` returned; weights that are gone are said so, and not the best."""
    name, score = state["best"], state["best_score"]
    if not name:
        return
    path = Path(str(keeper.dirpath)) / Path(name).name  # no path: what is the best no more is removed one day
    if not path.is_file():
        _log.warning("the best weights %s are gone, so the next validation decides anew which are the best", path)
        return
    keeper.best_model_path = keeper.kth_best_model_path = str(path)
    keeper.current_score = state["current_score"]
    if score is not None:
        keeper.best_model_score = keeper.kth_value = score
        keeper.best_k_models = {str(path): score}


def _tensor(value: Any) -> torch.Tensor | None:  # noqa: ANN401 - Lightning keeps a tensor or None
    return None if value is None else torch.as_tensor(value).detach().cpu().clone()
