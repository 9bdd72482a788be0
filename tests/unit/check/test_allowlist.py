"""What a ``_target_`` may name, by its text and by the object that comes out."""

import sys
import types

import pytest

from ftlab.check.allowlist import ALLOWED, VARIABLE, refusal, resolve_allowed
from ftlab.errors import ConfigError

HOSTILE = [
    "os.system",
    "posix.system",
    "logging.os.system",
    "builtins.eval",
    "builtins.exec",
    "builtins.__import__",
    "subprocess.Popen",
    "subprocess.run",
    "torch.load",
    "torch.hub.load",
    "torch.jit.load",
    "torch.optim.adamw.torch.load",
    "torch.optim.AdamW.__init__",
    "torch.optim.lr_scheduler.os.system",
    "lightning.pytorch.callbacks.LambdaCallback",
    "lightning.pytorch.Trainer.fit",
    "transformers.AutoModel.from_pretrained",
    "transformers.optimization.torch.load",
    "torchmetrics.os.system",
    "runpy.run_path",
    "pickle.loads",
    "shutil.rmtree",
    "importlib.import_module",
    "hydra.utils.instantiate",
    "ftlab.paths.os.system",
    "ftlab.paths.remove_folder",
    "ftlab.launch.main",
    "ftlab.check.allowlist.importlib.import_module",
    "ftlab.modules.classifier.torch.load",
    "ftlab.modules.classifier._hidden",
    "ftlab.modules.nowhere.X",
    "ftlab.",
    "eval",
    "",
    None,
    3,
]


@pytest.mark.parametrize("target", HOSTILE, ids=str)
def test_hostile_targets_are_refused_before_and_after_import(target):
    assert refusal(target)
    before = set(sys.modules)
    with pytest.raises(ConfigError):
        resolve_allowed(target)
    assert not {name.split(".")[0] for name in set(sys.modules) - before} & {"torch", "transformers", "lightning"}


def test_every_allowed_name_exists():
    assert not {target: refusal(target) for target in ALLOWED if refusal(target)}


def test_components_of_ftlab_are_allowed_where_they_are_defined():
    assert refusal("ftlab.modules.classifier.ClassifierModule") is None
    assert "it is defined in torch" in refusal("ftlab.modules.classifier.Tensor")
    assert refusal("ftlab.metrics.measures.Measure") is None
    assert resolve_allowed("ftlab.metrics.measures.Measure").__name__ == "Measure"


def test_the_sentence_names_the_variable_or_the_name_meant():
    assert refusal("torch.AdamW") == (
        "torch.AdamW is not allowed; did you mean torch.optim.AdamW?; "
        "if you trust it, set the environment variable FTLAB_ALLOW=torch"
    )
    assert refusal("torch.optim.AdamX").startswith("torch.optim.AdamX is not allowed; if you trust it")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "import os\nfrom os import system\nfrom subprocess import Popen\nfrom fractions import Fraction\n"
        "class Thing: ...\nclass Outer:\n    class Inner: ...\nvalue = 3\n"
    )
    (tmp_path / "half.py").write_text("import nowhere_at_all\nclass X: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("mine", None)


def test_the_environment_variable_opens_a_module_of_yours_and_nothing_behind_it(mine, monkeypatch):
    assert "set the environment variable FTLAB_ALLOW=mine" in refusal("mine.Thing")
    monkeypatch.setenv(VARIABLE, " other ,mine, half")
    assert refusal("mine.Thing") is None
    assert resolve_allowed("mine.Thing").__name__ == "Thing"
    assert "belongs to fractions" in refusal("mine.Fraction")
    assert "belongs to subprocess" in refusal("mine.Popen")
    for target in ("mine.system", "mine.os", "mine.value", "mine.os.system", "mine.nothing"):
        with pytest.raises(ConfigError):
            resolve_allowed(target)
    monkeypatch.setenv(VARIABLE, "mine,fractions")
    assert resolve_allowed("mine.Fraction").__name__ == "Fraction"


def test_a_module_of_yours_that_is_broken_shows_its_own_error(mine, monkeypatch):
    monkeypatch.setenv(VARIABLE, "half,ghost")
    with pytest.raises(ModuleNotFoundError, match="nowhere_at_all"):
        resolve_allowed("half.X")
    monkeypatch.setattr("ftlab.check.allowlist.refusal", lambda target: None)
    with pytest.raises(ConfigError, match=r"ghost\.X does not exist"):
        resolve_allowed("ghost.X")


def test_another_object_under_an_allowed_name_is_refused(monkeypatch):
    import os

    fake = types.ModuleType("torch.optim")
    fake.AdamW, fake.SGD = os.system, 3
    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    monkeypatch.setitem(sys.modules, "torch.optim", fake)
    with pytest.raises(ConfigError, match=r"torch\.optim\.AdamW is really \w+\.system, which is not allowed"):
        resolve_allowed("torch.optim.AdamW")
    with pytest.raises(ConfigError):
        resolve_allowed("torch.optim.SGD")
    with pytest.raises(ConfigError, match="does not exist"):
        resolve_allowed("torch.optim.RAdam")


@pytest.mark.slow
def test_every_allowed_name_resolves():
    for target in sorted(ALLOWED):
        assert callable(resolve_allowed(target)), target
