"""A link that only its device gives, between two real programs over iroh."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Program, make_home

pytestmark = [pytest.mark.namespace, pytest.mark.timeout(120)]


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs listen on the loopback interface only."""
    environment = Program.environment
    monkeypatch.setattr(
        Program, "environment", property(lambda self: environment.fget(self) | {"LOVELACE_BIND": "127.0.0.1:0"})
    )


@contextmanager
def serving(program: Program) -> Iterator[None]:
    """`lovelace sync serve` in a home."""
    running = subprocess.Popen(
        program.arguments(["sync", "serve"]),
        env=program.environment,
        cwd=program.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(30)


def test_a_link_is_opened_from_its_device(tmp_path: Path, bound: None) -> None:
    for name in ("ada", "bob"):
        (tmp_path / name).mkdir()
    ada, bob = (make_home(tmp_path / name) for name in ("ada", "bob"))
    ada.run("chat", "what is the plan", "--agent", "scripted")
    session = ada.json("sessions", "list")[0]["id"]
    first = ada.json("share", session)["link"]
    assert bob.run("open", first).code == 5, "nobody is there, and the link does not say where"
    with serving(ada):
        link = _link_with_place(ada, session)
        opened = bob.json("open", link)
        assert opened["session"] == session and opened["kind"] == "copy"
        assert "what is the plan" in bob.run("sessions", "show", session).out
        ada.run("chat", "and then", "--agent", "scripted", "--session", session)
        assert bob.json("open", _once(ada, session))["session"] == session
        ada.json("links", "revoke", link)
        refused = bob.run("--json", "open", link)
        assert refused.code == 1 and "was revoked" in refused.error["message"]
    gone = bob.run("--json", "open", _once(ada, session))
    assert gone.code == 5


def _link_with_place(ada: Program, session: str) -> str:
    """A link that says where the device is, which it learns soon after it began."""
    from app.sessions.links import SharedLink, parse_link

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        link = ada.json("share", session)["link"]
        parsed = parse_link(link)
        assert isinstance(parsed, SharedLink)
        if parsed.address.sockets:
            return str(link)
        time.sleep(0.2)
    raise AssertionError("the device never said where it is")


def _once(ada: Program, session: str) -> str:
    shared = ada.run("--json", "share", session, "--once")
    assert shared.code == 0, shared.err
    return str(json.loads(shared.out)["link"])
