"""What every test gets: an empty home, no network, no display, seeded randomness, a check for leftovers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from app.agents.local import model_store
from tests.helpers import leaks, loopback, namespace

# The person's own cache, before the home is replaced; processes that tests are shared out to are told of it.
_MODELS = Path(os.environ.setdefault("LOVELACE_TESTS_MODELS", str(model_store.models_folder())))
_HOME = Path(tempfile.mkdtemp(prefix="lovelace-tests-"))

_REMOVED = (
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "LOVELACE_HOME",
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "NO_COLOR",
    "FORCE_COLOR",
)


def _isolate() -> None:
    """Point everything a program keeps per person into an empty folder. Before any import that reads it."""
    for name in _REMOVED:
        os.environ.pop(name, None)
    folders = {"HOME": "", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    folders |= {"XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "run"}
    for variable, folder in folders.items():
        (_HOME / folder).mkdir(mode=0o700, exist_ok=True)
        os.environ[variable] = str(_HOME / folder)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("LANG", "C.UTF-8")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost,::1"


_isolate()
loopback.install()
pytest_plugins = ["tests.helpers.namespace_tests"]
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci")


def pytest_unconfigure() -> None:
    """Remove the home of this run."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only tests marked `external` may leave this computer; in a network namespace nothing can."""
    loopback.allowed = namespace.inside() or request.node.get_closest_marker("external") is not None
    yield
    loopback.allowed = False


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail a test that leaves a thread or a child process."""
    before = leaks.snapshot()
    yield
    if leaked := leaks.leaked_since(before):
        pytest.fail("left behind: " + ", ".join(leaked), pytrace=False)


@pytest.fixture
def embedded_model() -> Path:
    """The embedded model's file, also present in the cache folder of this run; skips where it is absent."""
    source = _MODELS / f"{model_store.EMBEDDED.sha256}.gguf"
    if not source.is_file():
        pytest.skip("the embedded model is not on this computer (make test-external fetches it)")
    target = model_store.models_folder() / source.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
        if (marker := source.with_suffix(".verified")).is_file():
            shutil.copy(marker, target.with_suffix(".verified"))
    return target
