"""What a data set is for, labels or texts to write, told by its columns. Reads hardly anything of its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ftlab.datasets.formats import file_ending, is_text_file
from ftlab.datasets.lm_formats import detect_format, fitting_formats
from ftlab.datasets.options import LM_FORMATS
from ftlab.datasets.parts import BUNDLED
from ftlab.datasets.peek import file_columns
from ftlab.datasets.plan import SPLITS, plan_sources
from ftlab.errors import DataError
from ftlab.schema import DatasetConfig

Use = Literal["classification", "lm"]
_OF_LABELS = ("label_column", "labels", "text_pair_column", "sample_per_class")


def dataset_kind(cfg: DatasetConfig, expect: Use | None = None) -> Use:
    """Say whether a data set is for classification or for a language model that writes.

    ``dataset.format`` says it where it is not auto; bundled data sets know; of the rest the columns of the first file
    decide: a text and a label column mean classification. A hub data set is not opened: without ``dataset.format`` it
    is what ``expect`` says, else for classification.

    Args:
        cfg: the data set.
        expect: what the model is for; it decides where the columns do not, i.e. where they fit nothing, or are a text
            column without labels. None: the text is to be written, and columns that fit nothing are a fault.

    Raises:
        DataError: a file is not there or cannot be read; the columns fit nothing and nothing is expected.
    """
    if cfg.format != "auto":
        return "lm" if cfg.format in LM_FORMATS else "classification"
    if cfg.bundled is not None:
        return "lm" if (BUNDLED / f"{cfg.bundled}.jsonl").is_file() else "classification"
    splits = [split for split in SPLITS if getattr(cfg, split) is not None][:1]
    plan = plan_sources(cfg, splits or SPLITS)
    if not plan.local:
        return "classification" if cfg.labels is not None else expect or "classification"
    source = plan.local[(splits or SPLITS)[0]]
    if source.folder is not None:
        return "classification"
    path = source.files[0]
    if is_text_file(path.name):
        return "lm"
    if file_ending(path.name) is None or not path.is_file():
        raise DataError(f"{source.where} does not exist; name a file with dataset.{(splits or SPLITS)[0]}=<file>")
    return _by_columns(cfg, str(path), file_columns(path, cfg), expect)


def _by_columns(cfg: DatasetConfig, where: str, found: Sequence[str], expect: Use | None) -> Use:
    if cfg.text_column in found and cfg.label_column in found:
        return "classification"
    fitting = fitting_formats(found, cfg)
    if fitting and fitting[0] != "text":
        return "lm"
    defaults = DatasetConfig()
    if any(getattr(cfg, key) != getattr(defaults, key) for key in _OF_LABELS):
        return "classification"
    if expect is not None:
        return expect
    detect_format(found, cfg, where)  # says what there could be, where nothing fits
    return "lm"
