"""Row by row what a run said of the test rows, from its ``predictions.parquet``; columns are read when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from ftlab.compare.types import Run
from ftlab.errors import DataError

Texts = npt.NDArray[np.object_]  # (N,) str, None where there is none
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FILE = "predictions.parquet"
_TEXTS = ("row_id", "text", "text_pair", "text_hash", "label", "prediction", "prompt", "reference", "generation")


class ScoredRows:
    """The test rows of one run. Shapes: N rows, C labels. Nothing is read before it is asked for.

    Attributes:
        run: whose they are.
        columns: names of what the file holds.
    """

    def __init__(self, run: Run) -> None:
        """Open the file of ``run``.

        Raises:
            DataError: there is none, or it cannot be read.
        """
        self.run = run
        self._path = run.folder / FILE
        try:
            schema = pq.read_schema(self._path)
        except FileNotFoundError:
            raise DataError(f"{run.folder} holds no {FILE}, so its rows cannot be compared") from None
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self._path, error) from None
        self.columns: tuple[str, ...] = tuple(schema.names)

    @property
    def labelled(self) -> bool:
        """Whether rows have labels; else texts were written to them."""
        return "prediction" in self.columns

    @property
    def label_names(self) -> tuple[str, ...]:
        """The C labels, in the order of ``probabilities``."""
        data = self.run.result.dataset
        return tuple(data.labels) if data else ()

    @cached_property
    def ids(self) -> Texts:
        """(N,) names of the rows."""
        return self._read("row_id")

    @cached_property
    def labels(self) -> Texts:
        """(N,) names of the right labels."""
        return self._read("label")

    @cached_property
    def predictions(self) -> Texts:
        """(N,) names of the predicted labels."""
        return self._read("prediction")

    @cached_property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the prediction is right; of written texts whether they match exactly."""
        if self.labelled:
            return np.asarray(self.labels == self.predictions, dtype=bool)
        return np.asarray(self.statistics["exact_match"] == 1)

    @cached_property
    def probabilities(self) -> Floats:
        """(N, C) probability of each label."""
        names = [f"p_{name}" for name in self.label_names]
        table = self._table(names)
        return np.stack([table.column(name).to_numpy().astype(np.float64) for name in names], axis=1)

    @cached_property
    def losses(self) -> Floats:
        """(N,) nats: of the row's label, or summed over its supervised tokens."""
        return self._numbers("loss" if self.labelled else "loss_sum")

    @cached_property
    def tokens(self) -> Floats:
        """(N,) what the losses are summed over: supervised tokens, or one label."""
        return np.ones(len(self.losses)) if self.labelled else self._numbers("supervised_tokens")

    @cached_property
    def statistics(self) -> Mapping[str, Floats]:
        """Each (N,) number of a model that writes, by ``metrics.generation.statistics``; NaN: row not answered."""
        names = [n for n in self.columns if n not in _TEXTS] if not self.labelled else []
        table = self._table(names)
        return {name: table.column(name).to_numpy(zero_copy_only=False).astype(np.float64) for name in names}

    def texts(self, rows: Sequence[int] | Numbers | None = None) -> dict[str, list[str | None]]:
        """Return the texts of ``rows`` (None: all) by column: text, text_pair, or prompt, reference, generation.

        Nothing where the run kept none (``predictions.text=false``). They are data: escape them where they are shown.
        """
        names = [name for name in ("text", "text_pair", "prompt", "reference", "generation") if name in self.columns]
        table = self._table(names)
        if rows is not None:
            table = table.take(pa.array(np.asarray(rows, dtype=np.int64)))
        return {name: table.column(name).to_pylist() for name in names}

    def _read(self, name: str) -> Texts:
        found: Texts = np.asarray(self._table([name]).column(name).to_numpy(zero_copy_only=False), dtype=object)
        return found

    def _numbers(self, name: str) -> Floats:
        found: Floats = self._table([name]).column(name).to_numpy(zero_copy_only=False).astype(np.float64)
        return found

    def _table(self, names: Sequence[str]) -> Any:  # noqa: ANN401 - pyarrow has no types
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DataError(
                f"{self._path} has no column {missing[0]}, so its rows cannot be compared; run the job again"
            )
        try:
            return pq.ParquetFile(self._path).read(columns=list(names))
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self._path, error) from None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs on the same test rows: row ``here[i]`` of one is row ``there[i]`` of the other."""

    first: ScoredRows
    second: ScoredRows
    here: Numbers  # (M,)
    there: Numbers  # (M,)

    @property
    def count(self) -> int:
        """M, the rows that both have."""
        return len(self.here)

    @property
    def correct(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(M,) whether each was right."""
        return self.first.correct[self.here], self.second.correct[self.there]

    @property
    def losses(self) -> tuple[Floats, Floats]:
        """(M,) summed losses of each."""
        return self.first.losses[self.here], self.second.losses[self.there]

    @property
    def tokens(self) -> tuple[Floats, Floats]:
        """(M,) what each loss is summed over."""
        return self.first.tokens[self.here], self.second.tokens[self.there]

    @property
    def disagree(self) -> Numbers:
        """Places i where the two predicted different labels, in the order of the rows."""
        found: Numbers = np.flatnonzero(self.first.predictions[self.here] != self.second.predictions[self.there])
        return found

    def numbers(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
        """Return labels, the predictions of both, all (M,) in [0, C), and C."""
        names = self.first.labels[self.here], self.first.predictions[self.here], self.second.predictions[self.there]
        known = sorted({*self.first.label_names, *(name for part in names for name in part)})
        place = {name: number for number, name in enumerate(known)}
        labels, ours, theirs = (np.array([place[name] for name in part], dtype=np.int64) for part in names)
        return labels, ours, theirs, len(known)

    def statistics(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return the (M,) numbers of each, as ``metrics.generation.bootstrap.paired_ci95`` takes them."""
        ours = {name: values[self.here] for name, values in self.first.statistics.items()}
        return ours, {name: values[self.there] for name, values in self.second.statistics.items()}


def pair_rows(first: ScoredRows, second: ScoredRows) -> Pair:
    """Return the rows that both have, in the order of ``first``.

    Raises:
        DataError: they are not of the same test rows, or have none in common.
    """
    digests = [rows.run.result.dataset.test_digest if rows.run.result.dataset else None for rows in (first, second)]
    if digests[0] is None or digests[0] != digests[1]:
        raise DataError(
            f"{first.run.folder} and {second.run.folder} were tested on different rows ({digests[0]}, {digests[1]}); "
            "compare runs of one data set"
        )
    if np.array_equal(first.ids, second.ids):
        every = np.arange(len(first.ids), dtype=np.int64)
        return Pair(first, second, every, every)
    place = {name: number for number, name in enumerate(second.ids)}
    here = np.array([number for number, name in enumerate(first.ids) if name in place], dtype=np.int64)
    if not here.size:
        raise DataError(f"{first.run.folder} and {second.run.folder} have no test row in common; run one of them again")
    return Pair(first, second, here, np.array([place[first.ids[n]] for n in here], dtype=np.int64))


def _unreadable(path: Path, error: Exception) -> DataError:
    why = " ".join(str(error).split())[:200]
    return DataError(f"{path} cannot be read ({why}), so its rows cannot be compared; run the job again")
