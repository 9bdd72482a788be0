from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ftlab.datasets.parts import BUNDLED
from ftlab.datasets.splits import Rows, digest_rows


def test_where_keeps_texts_pairs_labels_and_ids_together() -> None:
    rows = Rows(["a", "b", "c"], ["x", "y", "z"], [0, 1, 0], ["train:1", "train:2", "train:3"])
    assert rows.where(np.array([True, False, True])) == Rows(["a", "c"], ["x", "z"], [0, 0], ["train:1", "train:3"])
    assert rows.counts(3) == [2, 1, 0]


def test_digest_is_the_documented_sha256() -> None:
    rows = Rows(["é"], ["p"], [1], ["train:1"])
    assert digest_rows(["no", "yes"], rows) == hashlib.sha256(b"rows 1\n3:yes2:\xc3\xa91:p").hexdigest()


@pytest.mark.parametrize(
    ("texts", "pairs", "labels", "names"),
    [
        (["ab", "c"], None, [0, 1], ["n", "y"]),
        (["a", "bc"], None, [0, 0], ["n", "y"]),
        (["bc", "a"], None, [1, 0], ["n", "y"]),
        (["a", "bc"], ["", ""], [0, 1], ["n", "y"]),
        (["a", "bc"], None, [0, 1], ["n", "yes"]),
    ],
)
def test_digest_sees_texts_order_pairs_labels_and_names(
    texts: list[str], pairs: list[str] | None, labels: list[int], names: list[str]
) -> None:
    plain = digest_rows(["n", "y"], Rows(["a", "bc"], None, [0, 1], ["1", "2"]))
    assert digest_rows(names, Rows(texts, pairs, labels, ["1", "2"])) != plain


def test_digest_does_not_see_ids_but_sees_the_border_between_splits(make_rows: Callable[..., Rows]) -> None:
    a, b = Rows(["t"], None, [0], ["1"]), Rows(["t"], None, [0], ["2"])
    assert digest_rows(["n"], a) == digest_rows(["n"], b)
    both, none = Rows(["t", "t"], None, [0, 0], ["1", "2"]), Rows([], None, [], [])
    assert len({digest_rows(["n"], a, b), digest_rows(["n"], both, none), digest_rows(["n"], none, both)}) == 3


@pytest.mark.parametrize("sidecar", sorted(BUNDLED.glob("*.sha256")), ids=lambda path: path.stem)
def test_bundled_rows_are_the_frozen_ones(sidecar: Path) -> None:
    expected, name = sidecar.read_text().split()
    assert hashlib.sha256((sidecar.parent / name).read_bytes()).hexdigest() == expected


def test_every_bundled_file_is_frozen() -> None:
    data = {path.stem for path in BUNDLED.iterdir() if path.suffix in (".csv", ".jsonl")}
    assert data == {path.stem for path in BUNDLED.glob("*.sha256")} == {"policy_stance", "idea_posts"}
