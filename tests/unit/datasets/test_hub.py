from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import huggingface_hub
import pytest
from huggingface_hub import errors

from ftlab.datasets import hub
from ftlab.datasets.hub import read_hub
from ftlab.errors import DataError

WANTED = {"text_column": "text", "label_column": "label"}


def read(**splits: str) -> dict[str, hub.Columns]:
    return read_hub("someone/reviews", None, "main", splits or {"train": "train"}, WANTED)


def answer(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    """Let the hub answer the first request with ``error``, or gladly."""

    def dataset_info(self: object, repo_id: str, **options: Any) -> None:
        assert options["timeout"] < 5
        if error is not None:
            raise error

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)


def refusal(kind: type[Exception], status: int) -> Exception:
    error = kind.__new__(kind)
    Exception.__init__(error, f"status {status}")
    error.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    return error


@pytest.fixture
def table() -> datasets.Dataset:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    return datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 0]}, features=features)


@pytest.fixture
def cached(table: datasets.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lay the table into the library's cache as a data set of the hub."""
    folder = tmp_path / "hf" / "someone___reviews" / "default" / "0.0.0" / "abc"
    folder.mkdir(parents=True)
    writer = datasets.arrow_writer.ArrowWriter(path=str(folder / "reviews-train.arrow"), features=table.features)
    writer.write_table(table.data.table)
    writer.finalize()
    split = datasets.SplitInfo("train", num_bytes=1, num_examples=3, dataset_name="reviews")
    info = datasets.DatasetInfo(
        features=table.features,
        splits=datasets.splits.SplitDict({"train": split}),
        dataset_name="reviews",
        config_name="default",
        version="0.0.0",
    )
    info.write_to_directory(str(folder))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def test_splits_columns_and_label_names_are_read(table: datasets.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)
    asked = []

    def load_dataset(*names: str | None, **options: Any) -> datasets.Dataset:
        asked.append((*names, options, datasets.config.HF_HUB_OFFLINE))
        return table

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    read = read_hub("someone/reviews", "small", "v1", {"train": "train", "test": "validation"}, WANTED)
    assert asked == [
        ("someone/reviews", "small", {"split": "train", "revision": "v1"}, False),
        ("someone/reviews", "small", {"split": "validation", "revision": "v1"}, False),
    ]
    assert read["test"].values == {"text_column": ["a", "b", "c"], "label_column": [0, 1, 0]}
    assert read["train"].label_names == ["neg", "pos"] and list(read["train"].rows) == [1, 2, 3]
    assert read["train"].notes == []


def test_a_missing_column_names_hub_id_and_split(table: datasets.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: table)
    with pytest.raises(
        DataError, match=r"someone/reviews split train has no column 'review' .* dataset\.text_column=text"
    ):
        read_hub(
            "someone/reviews", None, "main", {"train": "train"}, {"text_column": "review", "label_column": "label"}
        )


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (errors.OfflineModeIsEnabled("no"), "HF_HUB_OFFLINE is set"),
        (ConnectionError("no route"), "ConnectionError"),
        (errors.HfHubHTTPError.__bases__[0]("no route"), "HTTPError"),  # base of what the HTTP client raises
        (refusal(errors.HfHubHTTPError, 503), "status 503"),
        (refusal(errors.HfHubHTTPError, 404), "status 404"),  # some proxy: the hub itself says what it does not have
    ],
)
def test_a_hub_that_is_not_reached_names_the_file_override(
    error: Exception, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, error)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    with pytest.raises(
        DataError, match=rf"not reached \({why}\) and no copy is cached; type dataset\.train=<file>"
    ) as raised:
        read()
    assert len(raised.value.sentences) == 1
    assert datasets.config.HF_HUB_OFFLINE is False  # as before


def test_a_hub_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.REACH_SECONDS < 5
    monkeypatch.setattr(hub, "REACH_SECONDS", 0.2)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", lambda *_, **__: time.sleep(3))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    start = time.monotonic()
    with pytest.raises(DataError, match=r"no answer in 0 s\) and no copy is cached"):
        read()
    assert time.monotonic() - start < 2


@pytest.mark.usefixtures("cached")
def test_without_the_hub_the_cached_copy_is_read_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, ConnectionError("no route"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    columns = read(train="train", test="train[:2]")
    assert columns["train"].values["text_column"] == ["a", "b", "c"] and columns["test"].values["text_column"] == [
        "a",
        "b",
    ]
    assert columns["train"].label_names == ["neg", "pos"]
    assert "so the cached copy of someone/reviews was read" in columns["train"].notes[0]
    with pytest.raises(
        DataError, match=r"dataset\.train=trian is no split of someone/reviews; it has: train; type one"
    ):
        read(train="trian")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (refusal(errors.GatedRepoError, 403), "is gated on the hub; .* set HF_TOKEN"),
        (refusal(errors.RepositoryNotFoundError, 401), "is private; correct dataset.hub, or set HF_TOKEN"),
        (refusal(errors.HfHubHTTPError, 401), "is private; correct dataset.hub, or set HF_TOKEN"),
        (refusal(errors.HfHubHTTPError, 403), "refuses this token; set HF_TOKEN"),
        (refusal(errors.RepositoryNotFoundError, 404), "does not exist on the hub; correct dataset.hub"),
        (refusal(errors.RevisionNotFoundError, 404), "has no revision 'main' on the hub; type dataset.revision=main"),
        (errors.HFValidationError("bad id"), "is no hub id; type dataset.hub=owner/name"),
    ],
)
def test_what_the_hub_refuses_says_what_to_set(error: Exception, remedy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, error)
    with pytest.raises(DataError, match=remedy) as raised:
        read()
    assert len(raised.value.sentences) == 1


def test_a_fault_of_ours_is_not_called_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, AttributeError("ours"))
    with pytest.raises(AttributeError, match="ours"):
        read()


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            ValueError(
                "Config name is missing.\nPlease pick one among the available configs: ['cola', 'sst2']\nExample"
            ),
            r"has several subsets \('cola', 'sst2'\); type dataset\.subset=<one of them>",
        ),
        (ValueError("Unknown split \"x\". Should be one of ['train', 'test']."), r"it has: train, test; type one of"),
        (
            RuntimeError("Dataset scripts are no longer supported, but found x.py"),
            r"\(Dataset scripts are no .*\); type",
        ),
        (
            datasets.exceptions.DatasetGenerationError(),
            r"cannot be loaded \(DatasetGenerationError\); type dataset\.train=",
        ),
    ],
)
def test_what_the_library_cannot_load_is_one_sentence(
    error: Exception, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, None)

    def load_dataset(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError, match=remedy) as raised:
        read()
    assert len(raised.value.sentences) == 1
