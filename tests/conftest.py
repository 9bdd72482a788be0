"""What every test stands on: no network, nothing written outside temporary folders, configurations on demand."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples each time, so that a change is judged by what it changed; FTLAB_TEST_EXPLORE=1 looks for new ones.
settings.register_profile("same", derandomize=True)
if not os.environ.get("FTLAB_TEST_EXPLORE"):
    settings.load_profile("same")

_HERE = {"127.0.0.1", "::1", "localhost"}


class NetworkBlockedError(RuntimeError):
    """A test reached for the network. Not an OSError, so that no code under test takes it for a hub that is down."""


def _refuse(address: object) -> None:
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode()
    if isinstance(address, tuple) and host not in _HERE:
        raise NetworkBlockedError(f"a test without the marker `network` reached for {host}")


def pytest_collection_finish() -> None:
    """Leave what all tests share out of the garbage collector's rounds: modules of gigabytes, for the whole session."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Block the network for the session and keep caches and tracking away from the user's."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        if not os.environ.get("FTLAB_TEST_NETWORK"):
            _refuse(address)
        connect(self, address)

    def look_up_here(host: Any, *rest: Any, **options: Any) -> Any:
        if not os.environ.get("FTLAB_TEST_NETWORK"):
            _refuse((host or "localhost",))
        return look_up(host, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        patch.setattr(socket, "getaddrinfo", look_up_here)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("FTLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        for name in ("MLFLOW_TRACKING_URI", "FTLAB_ALLOW", "LOCAL_RANK", "WORLD_SIZE", "COMP_LINE"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def composed_once() -> Iterator[None]:
    """Compose each choice among the shipped files once per session: Hydra takes 0.2 s each time.

    A loaded configuration is shared by contract, so a test that changed one would be found by the others.
    """
    from ftlab.command.composer import Composer

    start, shared = Composer.__init__, {}

    def start_shared(self: Composer, verb: str, folder: Path | None = None) -> None:
        start(self, verb, folder)
        if folder is None:
            self._loaded = shared.setdefault(verb, {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Composer, "__init__", start_shared)
        yield


@pytest.fixture(scope="session", autouse=True)
def mode_as_told() -> Iterator[None]:
    """Spare each run one of three compositions: Hydra makes it only to look up ``hydra.mode``, which ftlab tells it."""
    from hydra._internal.hydra import Hydra
    from hydra.types import RunMode

    look_up = Hydra.get_mode

    def told(self: Hydra, config_name: str | None, overrides: list[str]) -> Any:
        modes = [text.removeprefix("hydra.mode=") for text in overrides if text.startswith("hydra.mode=")]
        return RunMode[modes[-1]] if modes else look_up(self, config_name, overrides)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hydra, "get_mode", told)
        yield


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Return a stand-in for MlflowClient that starts each new database as a copy of one that MLflow made."""
    made: list[Path] = []

    def client(uri: str) -> Any:
        from mlflow.tracking import MlflowClient

        path = Path(uri.removeprefix("sqlite:///"))
        if uri.startswith("sqlite:///") and path.parent.is_dir() and not path.exists():
            if not made:
                made.append(tmp_path_factory.mktemp("tracking") / "mlflow.db")
                MlflowClient(f"sqlite:///{made[0]}").search_experiments()  # seconds, for all its migrations
            shutil.copyfile(made[0], path)
        return MlflowClient(uri)

    return client


@pytest.fixture(autouse=True)
def quick_database(database: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each run the making of its tracking database; the first to import tracking makes its own."""
    if "ftlab.tracking" in sys.modules:
        monkeypatch.setattr("ftlab.tracking.MlflowClient", database)


@pytest.fixture(scope="session", autouse=True)
def quick_pictures() -> Iterator[None]:
    """Draw few dots and lay nothing out, a third of a whole run's time; tests/unit/report draws as users see it."""
    from ftlab.report import style

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 20)
        patch.setattr(style, "ConstrainedLayoutEngine", lambda **options: None)
        yield


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests marked ``network`` out."""
    if request.node.get_closest_marker("network"):
        monkeypatch.setenv("FTLAB_TEST_NETWORK", "1")
        monkeypatch.delenv("HF_HUB_OFFLINE")


@pytest.fixture
def cfg(tmp_path: Path) -> Callable[..., Any]:
    """Compose and check a configuration as the command line does: ``cfg("adapter=lora", "seed=3")``.

    Raises ConfigError with every fault.
    """
    from ftlab.command.arguments import parse
    from ftlab.command.composer import Composer
    from ftlab.command.order import make_order

    def compose(*overrides: str) -> Any:
        arguments = parse([f"output_dir={tmp_path / 'outputs'}", *overrides])
        with Composer(arguments.verb, arguments.folder) as composer:
            order = make_order(arguments, composer)
        order.raise_faults()
        return order.cells[0].cfg

    return compose
