"""Linear layers held in 4 or 8 bits (arXiv:2305.14314, arXiv:2208.07339)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from transformers.pytorch_utils import Conv1D

from ftlab.errors import ModelError
from ftlab.models.load_options import INSTALL, LoadOptions

BLOCK = 64  # weights that share a scale, in 4 bits
_SCALE_BLOCK = 256  # scales that share a scale of their own
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class QuantizedLinear(nn.Linear):
    """A linear layer whose matrix is frozen and held in few bits; the bias is what it was, and may train.

    The codes and their scales are buffers that no state dict holds: a checkpoint has what trains, and the base is built
    anew. They keep their types whatever the network is converted to. ``weight`` is the matrix that the codes stand for,
    (out, in) in float32, unpacked each time it is read; it cannot be set. So peft and whatever else looks at a linear
    layer finds one.

    Args:
        weight: (out, in), on the CPU, where all are quantised, so that codes do not depend on the device.
        bias: taken over.
        options: how.
        transposed: whether the layer was a ``Conv1D``, which holds (in, out).
    """

    def __init__(self, weight: Tensor, bias: nn.Parameter | None, options: LoadOptions, *, transposed: bool) -> None:
        nn.Module.__init__(self)  # not Linear's own, which would make a matrix
        self.out_features, self.in_features = weight.shape
        self.bias = bias  # type: ignore[assignment]
        self.options = options
        self.transposed = transposed

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """The matrix (out, in) in float32, without a gradient."""
        return self.unpacked(torch.float32)

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """Return the matrix (out, in) that the codes stand for."""
        raise NotImplementedError

    def product(self, x: Tensor) -> Tensor:
        """Return ``x`` times the matrix, in the type of ``x``."""
        found: Tensor = _Product.apply(x, self)  # type: ignore[no-untyped-call]
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Return x (..., in) times the matrix, plus the bias: (..., out), in the type that a plain layer gives."""
        kind = x.device.type
        plain = x.dtype
        if torch.is_autocast_enabled(kind) and plain != torch.float64:
            plain = torch.get_autocast_dtype(kind)
        found = self.product(x.to(DTYPES.get(self.options.compute_dtype, plain)))
        if self.bias is not None:
            found = found + self.bias.to(found.dtype)
        return found.to(plain)

    def plain(self) -> nn.Linear | Conv1D:
        """Return the layer that computes the same in float32."""
        matrix = self.weight
        bias = None if self.bias is None else self.bias.detach().float().clone()
        untyped: Any = Conv1D
        layer: nn.Linear | Conv1D
        with torch.device("meta"):
            if self.transposed:
                layer, matrix = untyped(self.out_features, self.in_features), matrix.t().contiguous()
            else:
                layer = nn.Linear(self.in_features, self.out_features, bias=bias is not None)
        layer.weight = nn.Parameter(matrix, requires_grad=False)
        if bias is not None:
            layer.bias = nn.Parameter(bias, requires_grad=self.bias.requires_grad)
        return layer.train(self.training)

    def extra_repr(self) -> str:
        """Say which quantisation it is."""
        return f"{super().extra_repr()}, quantization={self.options.quantization}"

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> QuantizedLinear:
        before = dict(self._buffers)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in before.items():
            now = self._buffers[name]
            if tensor is not None and now is not None and now.dtype != tensor.dtype:
                # Half precision converts buffers too; the scales would then stand for another base.
                self._buffers[name] = tensor.to(now.device)
        return self

    def _keep(self, **tensors: Tensor) -> None:
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)


class FourBitLinear(QuantizedLinear):
    """Codes of 4 bits, by bitsandbytes; with double quantisation the scales are codes too."""

    codes: Tensor
    codebook: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, bias: nn.Parameter | None, options: LoadOptions, *, transposed: bool) -> None:
        super().__init__(weight, bias, options, transposed=transposed)
        codes, state = bitsandbytes_here().functional.quantize_4bit(
            weight.contiguous(),
            blocksize=BLOCK,
            compress_statistics=options.double_quantization,
            quant_type=options.quantization,
        )
        self._keep(codes=codes, codebook=state.code, scales=state.absmax)
        if state.nested:
            assert state.state2.blocksize == _SCALE_BLOCK, "as bitsandbytes computes with"
            self._keep(outer_codebook=state.state2.code, outer_scales=state.state2.absmax, offset=state.offset)

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """Return the matrix (out, in): the product of each code's value and its scale."""
        matrix: Tensor = bitsandbytes_here().functional.dequantize_4bit(self.codes, self._state())
        return matrix.to(dtype)

    def product(self, x: Tensor) -> Tensor:
        """Return ``x`` times the matrix, unpacked again for the backward pass."""
        if x.dtype == torch.float64:  # which bitsandbytes has no kernel for
            return super().product(x)
        found: Tensor = bitsandbytes_here().matmul_4bit(x, self.codes, quant_state=self._state())
        return found

    def _state(self) -> Any:  # noqa: ANN401 - bitsandbytes' own
        kind, inner, offset = bitsandbytes_here().functional.QuantState, None, None
        if "outer_scales" in self._buffers:
            offset = self.offset
            inner = kind(self.outer_scales, code=self.outer_codebook, blocksize=_SCALE_BLOCK, dtype=torch.float32)
        return kind(
            absmax=self.scales,
            shape=torch.Size((self.out_features, self.in_features)),
            code=self.codebook,
            blocksize=BLOCK,
            quant_type=self.options.quantization,
            dtype=torch.float32,
            offset=offset,
            state2=inner,
        )


class EightBitLinear(QuantizedLinear):
    """Codes of 8 bits and one scale per row, as LLM.int8() holds weights.

    Activations are not quantised: on processors without instructions for it that is slower, and outputs would be
    further from those of the merged model than rounding.
    """

    codes: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, bias: nn.Parameter | None, options: LoadOptions, *, transposed: bool) -> None:
        super().__init__(weight, bias, options, transposed=transposed)
        scales = weight.abs().amax(dim=1, keepdim=True) / 127
        codes = (weight / scales.where(scales > 0, 1.0)).round().to(torch.int8)
        self._keep(codes=codes, scales=scales)

    def unpacked(self, dtype: torch.dtype) -> Tensor:
        """Return the matrix (out, in): each code times the scale of its row."""
        return (self.codes * self.scales).to(dtype)


class _Product(torch.autograd.Function):
    """x times the matrix of a layer; the matrix is unpacked again on the way back, not kept."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, layer: QuantizedLinear) -> Tensor:
        ctx.layer = layer  # type: ignore[attr-defined]
        return F.linear(x, layer.unpacked(x.dtype))

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        layer: QuantizedLinear = ctx.layer  # type: ignore[attr-defined]
        return gradient @ layer.unpacked(gradient.dtype), None


def bitsandbytes_here() -> Any:  # noqa: ANN401 - an optional package
    """Return the package.

    Raises:
        ModelError: it cannot be imported.
    """
    try:
        import bitsandbytes
    except ImportError as error:
        raise ModelError(
            f"weights in 4 bits need the package bitsandbytes, which cannot be imported ({error}); type: {INSTALL}, "
            "or give a run with adapter.load.quantization=int8"
        ) from None
    return bitsandbytes
