"""Memory that was given free is kept for the next step, where the C library would hand it back to the system.

glibc maps each block above 32 MiB anew and unmaps it when it is freed, and trims its heap whenever the end of it lies
free. The gradient of an embedding (45 MiB for BERT's 30,522 words x 384) is such a block: in each training step the
system finds, clears and maps its pages again, about 25,000 page faults a step. Numbers computed are the same to the
bit; what is kept is what the step before needed anyway. Other systems and other allocators are left as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Any

# Of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_NEVER = 2**31 - 1  # bytes; the largest int
_LARGEST_KEPT = 2**30  # bytes: a larger block than this is still mapped on its own
_USERS_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TOP_PAD_")


def keep_freed_memory(environ: Mapping[str, str] | None = None, library: Any = None) -> bool:  # noqa: ANN401 - a C library
    """Tell glibc to keep what is freed, for the rest of the process; return whether it does.

    Nothing is changed where the user has set one of glibc's own variables: they know what they want.

    Args:
        environ: of the process; None: ``os.environ``.
        library: with glibc's functions; None: that of this process.
    """
    environ = os.environ if environ is None else environ
    own = any(name in environ for name in _USERS_OWN) or "glibc.malloc" in environ.get("GLIBC_TUNABLES", "")
    if own or not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None) if library is None else library
    if not hasattr(library, "gnu_get_libc_version") or not hasattr(library, "mallopt"):
        return False  # musl
    # Older releases take no threshold above 32 MiB, but can be told to map no block at all.
    kept = library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) or library.mallopt(_MMAP_MAX, 0)
    return bool(kept and library.mallopt(_TRIM_THRESHOLD, _NEVER))


def give_back(library: Any = None) -> None:  # noqa: ANN401 - a C library
    """Hand the system what is kept and not in use: what was held before would else count as memory of what comes next.

    Args:
        library: with glibc's functions; None: that of this process. Other libraries keep little, and are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None) if library is None else library
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
