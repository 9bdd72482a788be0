"""Shortcuts give what torch gives."""

import pytest
import torch

from ftlab.planning.shortcuts import SHORTCUTS

aten = torch.ops.aten


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


X, ROW, SQUARE = meta(2, 3, 8), meta(8), meta(3, 3)
HALF = meta(2, 3, 8, dtype=torch.bfloat16)
CALLS = [
    *((op.Tensor, (X, other)) for op in (aten.add, aten.sub, aten.mul, aten.div) for other in (X, ROW, meta(2, 1, 8))),
    (aten.add.Tensor, (ROW, X)),
    (aten.add.Tensor, (meta(2, 3, 1), meta(1, 1, 8))),
    (aten.mul.Tensor, (X, HALF)),
    (aten.mul.Tensor, (X, meta())),
    (aten.mul.Tensor, (X.transpose(1, 2), X.transpose(1, 2))),
    (aten.mul.Tensor, (meta(4, dtype=torch.int64), meta(4))),
    (aten.div.Tensor, (meta(4, dtype=torch.int64), meta(4, dtype=torch.int64))),
    *((op, (given, 2.0)) for op in (aten.mul.Scalar, aten.div.Scalar, aten.pow.Tensor_Scalar) for given in (X, HALF)),
    *((op.default, (given,)) for op in (aten.neg, aten.rsqrt, aten.silu, aten.tanh) for given in (X, HALF)),
    *((op.default, (X, X)) for op in (aten.silu_backward, aten.gelu_backward)),
    (aten.tanh_backward.default, (X, X)),
    (aten.gelu.default, (X,)),
    (aten._softmax_backward_data.default, (X, X, -1, torch.float32)),
    (aten._softmax_backward_data.default, (X, X.transpose(1, 2).contiguous().transpose(1, 2), -1, torch.float32)),
    (aten.clone.default, (X,)),
    (aten.clone.default, (X.transpose(1, 2),)),
    (aten.slice_backward.default, (meta(2, 1, 8), [2, 3, 8], 1, 0, 1, 1)),
    (aten._safe_softmax.default, (X, -1)),
    (aten.mm.default, (SQUARE, meta(3, 5))),
    (aten.addmm.default, (meta(5), SQUARE, meta(3, 5))),
    (aten.bmm.default, (X, X.transpose(1, 2))),
    (aten.native_layer_norm.default, (X, [8], ROW, ROW, 1e-5)),
    (aten.native_layer_norm_backward.default, (X, X, [8], meta(2, 3, 1), meta(2, 3, 1), ROW, ROW, [True, True, False])),
    *((aten.sum.dim_IntList, arguments) for arguments in ((X, [0, 1]), (X, [-1], True), (X, [0], False))),
]  # fmt: skip


@pytest.mark.parametrize(("op", "args"), CALLS, ids=lambda value: str(value) if not isinstance(value, tuple) else "")
def test_a_shortcut_gives_shape_type_and_layout_of_torch(op, args):
    found, expected = SHORTCUTS[op](*args), op(*args)
    if found is None:  # torch is asked
        return
    found, expected = (made if isinstance(made, tuple) else (made,) for made in (found, expected))
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert (one.shape, one.dtype, one.stride()) == (other.shape, other.dtype, other.stride())


def test_what_is_common_is_not_left_to_torch():
    assert all(
        SHORTCUTS[op](*args) is not None for op, args in CALLS if args[0] is X and len(args) > 1 and args[1] is X
    )


def test_what_is_not_sure_is_left_to_torch():
    assert SHORTCUTS[aten.mul.Tensor](X, HALF) is None
    assert SHORTCUTS[aten.mul.Tensor](X.transpose(1, 2), X.transpose(1, 2)) is None
    assert SHORTCUTS[aten.add.Tensor](meta(2, 3, 1), meta(1, 1, 8)) is None
