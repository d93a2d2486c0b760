from __future__ import annotations

import threading

import keyring
import keyring.backend
import keyring.errors
import pytest

from app.agents import credentials
from app.agents.credentials import SystemSecrets
from app.errors import UserError
from tests.app.agents.support import run


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring in memory; `problem` is raised by every call, `gate` holds every call up."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.problem: Exception | None = None
        self.gate: threading.Event | None = None

    def _enter(self) -> None:
        if self.gate is not None:
            self.gate.wait(60)
        if self.problem is not None:
            raise self.problem

    def get_password(self, service: str, username: str) -> str | None:
        self._enter()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._enter()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._enter()
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    ring = MemoryKeyring()
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)
    return ring


def test_a_key_is_kept_given_and_forgotten(ring: MemoryKeyring) -> None:
    secrets = SystemSecrets()
    assert run(secrets.get("mine")) is None
    run(secrets.set("mine", "key"))
    assert ring.kept == {("lovelace", "agent:mine"): "key"}
    assert run(secrets.get("mine")) == "key"
    run(secrets.delete("mine"))
    run(secrets.delete("mine"))
    assert ring.kept == {}


def test_a_keyring_that_cannot_be_used_is_a_sentence(ring: MemoryKeyring) -> None:
    ring.problem = keyring.errors.NoKeyringError("no recommended backend")
    with pytest.raises(UserError, match="cannot be used: no recommended backend"):
        run(SystemSecrets().get("mine"))


def test_a_keyring_that_hangs_is_given_up(ring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_SECONDS", 0.05)
    ring.gate = threading.Event()
    try:
        with pytest.raises(UserError, match="did not answer"):
            run(SystemSecrets().get("mine"))
    finally:
        ring.gate.set()
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(10)
