"""The hub's library against real sockets on the loopback interface: a whole download, a closed port, a black hole."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from ftlab.errors import ModelError
from ftlab.models import hub
from ftlab.models.pretrained import load_classifier
from ftlab.models.tokenizer import BYTES, load_tokenizer
from ftlab.schema import ModelConfig

COMMIT = "0123456789" * 4


@pytest.fixture
def server(checkpoint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """A hub on the loopback interface with one model, owner/model; yields its folder and the requests it got."""
    folder = checkpoint("bert", vocab_size=2048)
    shape = ModelConfig(name="x", init="random", architecture={"model_type": "bert", "vocab_size": 2048})
    load_tokenizer(shape, BYTES).tokenizer.save_pretrained(folder)
    requests: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            requests.append(f"{self.command} {self.path}")
            body = b""
            etag = ""
            if re.fullmatch(r"/api/models/owner/model/revision/main", self.path):
                names = ",".join(f'{{"rfilename": "{path.name}"}}' for path in folder.iterdir())
                body = f'{{"id": "owner/model", "sha": "{COMMIT}", "siblings": [{names}]}}'.encode()
            elif found := re.fullmatch(rf"/owner/model/resolve/(?:main|{COMMIT})/([\w.]+)", self.path):
                body = (folder / found[1]).read_bytes()
                etag = hashlib.sha256(body).hexdigest()
            self.send_response(200 if body else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        point_to(running.server_address[1], monkeypatch)
        yield folder, requests
        running.shutdown()
        thread.join()


def point_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


def test_a_hub_model_is_downloaded_recorded_by_commit_and_then_read_offline(
    server: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, requests = server
    cfg = ModelConfig(name="x", checkpoint="owner/model")
    loaded = load_classifier(cfg, ["a", "b", "c"])
    assert (loaded.origin, loaded.revision, loaded.net.name_or_path) == ("hub", COMMIT, "owner/model")
    assert loaded.weights_digest == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert load_tokenizer(cfg, None).name == "owner/model"
    assert sum("api/models" in request for request in requests) == 1
    requests.clear()
    load_classifier(cfg, ["a", "b"])
    assert requests == [], "one process asks once"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_fetched", {})
    again = load_classifier(cfg, ["a", "b", "c"])
    assert (again.origin, again.revision, again.weights_digest) == ("hub", COMMIT, loaded.weights_digest)
    assert (
        load_tokenizer(cfg, None).tokenizer("a")["input_ids"] == load_tokenizer(cfg, BYTES).tokenizer("a")["input_ids"]
    )
    assert requests == []


def test_a_closed_port_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        point_to(holder.getsockname()[1], monkeypatch)
        started = time.monotonic()
        with pytest.raises(ModelError, match="hub cannot be reached"):
            load_classifier(ModelConfig(name="x", checkpoint="owner/model"), ["a", "b"])
    assert time.monotonic() - started < 3


@pytest.mark.slow
def test_a_port_that_swallows_everything_is_left_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        point_to(hole.getsockname()[1], monkeypatch)
        started = time.monotonic()
        for _ in range(3):  # configuration, tokenizer, weights: the waiting is done once
            with pytest.raises(ModelError, match="hub cannot be reached"):
                load_classifier(ModelConfig(name="x", checkpoint="owner/model"), ["a", "b"])
    assert 3 < time.monotonic() - started < 5
