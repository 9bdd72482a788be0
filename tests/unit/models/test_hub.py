from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants, errors

from ftlab.errors import ModelError
from ftlab.models import hub
from ftlab.models.folder import Reference
from ftlab.models.hub import fetch, find_cached

COMMIT = "0123456789" * 4
WANTED = Reference("model.checkpoint", "owner/model")
Answer = Callable[..., Any]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], list[str]]:
    """Set what the hub's API does; returns the list of requests made."""
    asked: list[str] = []

    def install(answer: Answer) -> list[str]:
        def model_info(self: object, repo_id: str, *, revision: str, timeout: float) -> Any:
            asked.append(f"{repo_id}@{revision}")
            return answer()

        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
        return asked

    return install


def raising(error: Exception) -> Answer:
    def answer() -> None:
        raise error

    return answer


def holding(*names: str) -> Answer:
    return lambda: SimpleNamespace(siblings=[SimpleNamespace(rfilename=name) for name in names])


def refusal(kind: type[errors.HfHubHTTPError], status: int) -> Answer:
    response: Any = SimpleNamespace(status_code=status, headers={}, request=None)
    return raising(kind("no", response=response))


def cache(root: Path, *names: str, commit: str = COMMIT) -> Path:
    repository = root / "models--owner--model"
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_an_unreachable_hub_is_one_sentence_with_both_ways_out(answers: Callable[[Answer], list[str]]) -> None:
    answers(raising(ConnectionError("refused")))
    with pytest.raises(ModelError) as caught:
        fetch(WANTED, "config")
    text = str(caught.value)
    assert "model.checkpoint=<local folder>" in text
    assert "model.init=random" in text
    assert "(ConnectionError)" in text
    assert "\n" not in text


def test_a_tokenizer_that_is_not_reached_names_no_random_shape(answers: Callable[[Answer], list[str]]) -> None:
    answers(raising(ConnectionError()))
    with pytest.raises(ModelError, match=r"model\.tokenizer=<local folder>$"):
        fetch(Reference("model.tokenizer", "owner/model"), "tokenizer")


def test_an_unreachable_hub_is_asked_once_and_again_after_a_minute(
    answers: Callable[[Answer], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(raising(ConnectionError()))
    for kind in ("config", "tokenizer", "weights"):
        with pytest.raises(ModelError):
            fetch(WANTED, kind)  # type: ignore[arg-type]
    assert asked == ["owner/model@main"]
    now = time.monotonic()
    monkeypatch.setattr(hub, "time", SimpleNamespace(monotonic=lambda: now + 61))
    with pytest.raises(ModelError):
        fetch(WANTED, "config")
    assert len(asked) == 2


def test_a_hub_that_never_answers_is_left_at_the_deadline(
    answers: Callable[[Answer], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    answers(lambda: release.wait(30))
    monkeypatch.setattr(hub, "REACH_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(ModelError, match="no answer in 0 s"):
        fetch(WANTED, "config")
    assert time.monotonic() - started < 5
    release.set()


def test_offline_mode_asks_nobody(answers: Callable[[Answer], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answers(holding("config.json"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"\(HF_HUB_OFFLINE is set\)"):
        fetch(WANTED, "config")
    assert asked == []


@pytest.mark.parametrize(
    ("kind", "status", "remedy"),
    [
        (errors.GatedRepoError, 403, r"is gated: accept its terms .*set HF_TOKEN"),
        (
            errors.RepositoryNotFoundError,
            401,
            r"neither a local folder nor a model .*401\); correct the name, or set HF_TOKEN",
        ),
        (errors.HfHubHTTPError, 401, "set HF_TOKEN"),
        (errors.RevisionNotFoundError, 404, r"no revision 'main' on the hub; type model\.revision=main"),
        (errors.HfHubHTTPError, 404, r"cannot be reached \(it answers with status 404\).*<local folder>"),
        (errors.HfHubHTTPError, 503, r"cannot be reached \(it answers with status 503\).*<local folder>"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    answers: Callable[[Answer], list[str]], kind: type[errors.HfHubHTTPError], status: int, remedy: str
) -> None:
    answers(refusal(kind, status))
    with pytest.raises(ModelError, match=remedy):
        fetch(WANTED, "config")


def test_what_is_no_hub_id_is_said(answers: Callable[[Answer], list[str]]) -> None:
    answers(raising(errors.HFValidationError("bad")))
    with pytest.raises(ModelError, match=r"neither a local folder nor a hub id; type model\.checkpoint=owner/name"):
        fetch(Reference("model.checkpoint", "not an id!"), "config")


def test_a_mistake_of_ours_is_not_taken_for_a_silent_hub(answers: Callable[[Answer], list[str]]) -> None:
    answers(raising(TypeError("ours")))
    with pytest.raises(TypeError, match="ours"):
        fetch(WANTED, "config")


@pytest.mark.parametrize("failure", [raising(ConnectionError()), refusal(errors.GatedRepoError, 403)])
def test_a_cached_copy_serves_where_the_hub_does_not(
    answers: Callable[[Answer], list[str]], own_hub_cache: Path, failure: Answer
) -> None:
    folder = cache(own_hub_cache, "config.json")
    answers(failure)
    assert fetch(WANTED, "config") == folder
    with pytest.raises(ModelError):
        fetch(WANTED, "weights")


def test_a_commit_in_the_cache_needs_no_hub(answers: Callable[[Answer], list[str]], own_hub_cache: Path) -> None:
    folder = cache(own_hub_cache, "config.json")
    asked = answers(raising(ConnectionError()))
    assert fetch(Reference("model.checkpoint", "owner/model", COMMIT), "config") == folder
    assert asked == []


def test_a_tokenizer_alone_in_the_cache_is_found(own_hub_cache: Path) -> None:
    folder = cache(own_hub_cache, "tokenizer.json")
    assert find_cached(WANTED, "tokenizer") == folder
    assert find_cached(WANTED, "config") is None


@pytest.mark.parametrize(
    ("names", "kind", "remedy"),
    [
        (["model.gguf"], "config", r"holds no config\.json, so it is no transformers model"),
        (["config.json", "pytorch_model.bin"], "weights", r"no safetensors weights; .*model\.revision=refs/pr/<n>"),
        (["config.json"], "tokenizer", r"holds no tokenizer; .*model\.tokenizer="),
    ],
)
def test_a_repository_without_the_files_is_one_sentence(
    answers: Callable[[Answer], list[str]], names: list[str], kind: Any, remedy: str
) -> None:
    answers(holding(*names))
    with pytest.raises(ModelError, match=remedy):
        fetch(WANTED, kind)


def test_only_the_files_needed_are_fetched(
    answers: Callable[[Answer], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def download(repo_id: str, name: str, *, revision: str) -> str:
        fetched.append(f"{name}@{revision[:4]}")
        return f"/cache/snapshots/{COMMIT}/{name}"

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = "model.safetensors.index.json"
    answers(
        holding("config.json", "pytorch_model.bin", "onnx/model.onnx", *shards, index, "tokenizer.json", "spm.model")
    )
    assert fetch(WANTED, "weights") == Path(f"/cache/snapshots/{COMMIT}")
    assert fetched == ["config.json@main", f"{index}@0123", *(f"{shard}@0123" for shard in shards)]
    fetched.clear()
    fetch(WANTED, "tokenizer")
    assert fetched == ["config.json@main", "tokenizer.json@0123", "spm.model@0123"]


def test_a_download_that_breaks_off_hides_the_signature_of_its_address(
    answers: Callable[[Answer], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(*args: object, **options: object) -> None:
        raise OSError("403 for https://cdn/x?Signature=secret and more")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    answers(holding("config.json"))
    with pytest.raises(
        ModelError, match=r"broke off \(403 for https://cdn/x and more\); type the same command"
    ) as caught:
        fetch(WANTED, "config")
    assert "secret" not in str(caught.value)
