from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from ftlab.models.digest import file_digest, tensor_digest


def test_one_file_has_its_plain_sha256(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"weights")
    assert file_digest([path]) == hashlib.sha256(b"weights").hexdigest()


def test_shards_count_in_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(path.name.encode())
    assert file_digest(paths) != file_digest(paths[::-1])
    assert len(file_digest(paths)) == 64


def test_tensors_count_by_name_type_shape_and_value_and_not_by_order() -> None:
    a, b = torch.arange(4.0), torch.tensor(1.0)
    digest = tensor_digest({"a": a, "b": b})
    assert digest == tensor_digest({"b": b.clone(), "a": a.clone()})
    others = [
        {"a": a, "c": b},
        {"a": a, "b": b + 1e-6},
        {"a": a.reshape(2, 2), "b": b},
        {"a": a.view(torch.int32), "b": b},
        {"a": a},
    ]
    assert len({digest, *(tensor_digest(other) for other in others)}) == 6


def test_views_and_half_precision_are_read_as_their_values() -> None:
    wide = torch.arange(12.0).reshape(3, 4)
    assert tensor_digest({"a": wide.T}) == tensor_digest({"a": wide.T.contiguous()})
    assert tensor_digest({"a": wide.bfloat16()}) != tensor_digest({"a": wide.half()})
