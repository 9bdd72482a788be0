"""What ``torch.compile`` needs of the machine, found without torch."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from ftlab.check.composed import Composed

_COMPILERS = {"darwin": ("clang++", "xcode-select --install"), "win32": ("cl", "the Visual Studio Build Tools")}
_LINUX = ("g++", "apt-get install g++")


def compiler(c: Composed) -> Iterable[str]:
    """Yield what is missing for ``trainer.compile=true``: a C++ compiler, the header files of Python."""
    if c.values["trainer"].get("compile") is not True:
        return
    usual, remedy = _COMPILERS.get(sys.platform, _LINUX)
    name = os.environ.get("CXX", usual)  # as torch looks for it
    if shutil.which(name) is None:
        yield (
            f"trainer.compile=true needs a C++ compiler, and {name} is not there; install one ({remedy}), or leave "
            "trainer.compile out"
        )
        return
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.is_file():
        yield (
            f"trainer.compile=true needs the header files of Python, and {header} is not there; install them "
            "(apt-get install python3-dev), or leave trainer.compile out"
        )
