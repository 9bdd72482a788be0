"""What ``trainer.precision=auto`` and ``auto`` devices mean on this machine."""

from __future__ import annotations

import torch


def pick_accelerator(accelerator: str) -> str:
    """Return ``cuda``, ``mps`` or ``cpu`` for Lightning's accelerator name."""
    if accelerator in {"gpu", "cuda"}:
        return "cuda"
    if accelerator != "auto":
        return accelerator
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_device(device: str, accelerator: str) -> torch.device:
    """Return the device of inference: ``device``, or where ``auto``, the one that trains."""
    return torch.device(pick_accelerator(accelerator) if device == "auto" else device)


def pick_precision(precision: str | int, accelerator: str) -> str:
    """Return Lightning's precision name for ``auto``; any other name as it is.

    bf16-mixed where the hardware computes in bfloat16 itself (emulation is slower than fp32), else 16-mixed on CUDA,
    else 32-true.
    """
    if precision != "auto":
        return str(precision)
    if accelerator == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    return "bf16-mixed" if accelerator == "cpu" and _cpu_has_bf16() else "32-true"


def _cpu_has_bf16() -> bool:
    # The only place where torch says it; both are False on a CPU that would emulate.
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
