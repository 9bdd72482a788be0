"""Finding where a name is defined, without importing anything."""

import sys

import pytest

from ftlab.check.definitions import UnreadableError, find_definition, last_name, module_file


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a few files, importable and never imported."""
    files = {
        "shop/__init__.py": "from .tools import Saw as Cutter\nfrom shop.tools import *\n"
        "import os\nfrom os import path\n",
        "shop/tools.py": (
            "from typing import overload, TYPE_CHECKING\n"
            "raise RuntimeError('imported')\n"
            "class Saw: ...\n"
            "class Hammer(Saw): ...\n"
            "Mallet = Hammer\n"
            "Made = type('Made', (), {})\n"
            "Typed: type = Hammer\n"
            "@overload\ndef drill(x: int) -> int: ...\n"
            "def drill(x, y): ...\n"
            "try:\n    from .fast import Laser\nexcept ImportError:\n    Laser = None\n"
            "if TYPE_CHECKING:\n    from .fast import Torch\n"
        ),
        "shop/fast.py": "class Laser: ...\nclass Torch: ...\n",
        "shop/lazy.py": "def __getattr__(name): return 1\n",
        "shop/broken.py": "def (:\n",
        "shop/loop.py": "from .pool import X\n",
        "shop/pool.py": "from .loop import X\n",
        "shop/sub/__init__.py": "from ..tools import Saw\nfrom .inner import Deep\n",
        "shop/sub/inner.py": "from ...shop.fast import Laser as Beam\nfrom ..fast import Laser as Deep\n",
        "space/only.py": "class Only: ...\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module_file.cache_clear()
    yield tmp_path
    module_file.cache_clear()
    assert not {"shop", "space"} & set(sys.modules), "something was imported"


@pytest.mark.parametrize(
    ("target", "module", "name"),
    [
        ("shop.tools.Saw", "shop.tools", "Saw"),
        ("shop.Cutter", "shop.tools", "Saw"),
        ("shop.Hammer", "shop.tools", "Hammer"),
        ("shop.tools.Mallet", "shop.tools", "Hammer"),
        ("shop.tools.Typed", "shop.tools", "Hammer"),
        ("shop.tools.Laser", "shop.fast", "Laser"),
        ("shop.tools.Torch", "shop.fast", "Torch"),
        ("shop.sub.Saw", "shop.tools", "Saw"),
        ("shop.sub.Deep", "shop.fast", "Laser"),
        ("space.only.Only", "space.only", "Only"),
    ],
)
def test_imports_are_followed_to_the_definition(package, target, module, name):
    found = find_definition(target)
    assert (found.module, found.node.name) == (module, name)


def test_of_overloads_the_real_one_is_found(package):
    assert len(find_definition("shop.tools.drill").node.args.args) == 2


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("shop.tools.Nail", "shop.tools has no Nail"),
        ("shop.Nail", "shop has no Nail"),
        ("shop.nowhere.Saw", "there is no module shop.nowhere"),
        ("nowhere.at.all.X", "there is no module nowhere"),
        ("Saw", "Saw names no module"),
        ("", "names no module"),
        ("..x", "there is no module "),
    ],
)
def test_what_is_not_there_is_said(package, target, reason):
    with pytest.raises(LookupError, match=reason):
        find_definition(target)


@pytest.mark.parametrize(
    "target",
    [
        "shop.os",
        "shop.path",
        "shop.tools.Made",
        "shop.lazy.Any",
        "shop.broken.X",
        "shop.loop.X",
        "shop.sub",
        "sys.exit",
        "math.sqrt",
    ],
)
def test_what_cannot_be_read_is_not_guessed(package, target):
    with pytest.raises(UnreadableError):
        find_definition(target)


def test_files_of_modules(package):
    assert module_file("shop") == package / "shop" / "__init__.py"
    assert module_file("shop.fast") == package / "shop" / "fast.py"
    assert module_file("space") is module_file("sys") is module_file("nowhere") is module_file("") is None


def test_big_libraries_are_found_without_being_imported():
    assert find_definition("lightning.Trainer").module == "lightning.pytorch.trainer.trainer"
    assert find_definition("torch.optim.AdamW").module == "torch.optim.adamw"


def test_last_name_of_an_expression():
    import ast

    parse = lambda text: ast.parse(text, mode="eval").body  # noqa: E731
    assert [last_name(parse(text)) for text in ("a", "a.b.c", "a()")] == ["a", "c", ""]
