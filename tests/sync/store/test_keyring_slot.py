"""The keyring: which ones are used, and that nothing they do hangs or crashes the program."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sync.errors import LockedError
from sync.store import keyring_slot
from tests.sync.store.keyring_session import ABSENT, LOCKED, UNLOCKED, Session

needs_gnome_keyring = pytest.mark.skipif(
    not (shutil.which("gnome-keyring-daemon") and shutil.which("dbus-run-session")),
    reason="gnome-keyring-daemon and dbus-run-session are not installed",
)
CREATE = "report(lambda: keyslots.create(home, random=system_random).key.hex())\n"
UNLOCK = "report(lambda: keyslots.unlock(home).key.hex())\n"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


class BrokenKeyring:
    """A keyring whose calls raise."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_password(self, _service: str, _user: str) -> str | None:
        raise self.error

    def set_password(self, _service: str, _user: str, _password: str) -> None:
        raise self.error

    def delete_password(self, _service: str, _user: str) -> None:
        raise self.error


@needs_gnome_keyring
def test_secret_service_keeps_the_key_between_sessions(session: Session) -> None:
    key, again = session.run(UNLOCKED, CREATE + UNLOCK)
    assert len(key) == 64 and again == key
    assert session.run(UNLOCKED, UNLOCK) == [key]


@needs_gnome_keyring
def test_items_are_those_of_the_keyring_library(session: Session) -> None:
    code = CREATE + (
        "from keyring.backends.SecretService import Keyring\n"
        "user = keyslots.read_keyslots(home).database_id\n"
        "assert Keyring().get_password('lovelace', user) == keyring_slot.load_secret(user)\n"
        "Keyring().delete_password('lovelace', user)\n"
    )
    _, gone = session.run(UNLOCKED, code + UNLOCK)
    assert gone == "LockedError The keyring of this computer has no key for this database."


@needs_gnome_keyring
def test_a_keyring_slot_is_added_and_taken_away(session: Session) -> None:
    code = (
        "cost = keyslots.PassphraseCost(1, 8 << 20)\n"
        "made = keyslots.create(home, random=system_random, passphrase=b'p', cost=cost)\n"
        "keyslots.add_keyring(home, made, random=system_random)\n"
        "before = (home / 'keyslots.json').read_bytes()\n"
        "report(lambda: keyslots.unlock(home).key == made.key)\n"
        "report(lambda: [(s.kind, s.opens) for s in keyslots.slot_states(home)])\n"
        "keyslots.remove_slot(home, made, 'keyring')\n"
        "report(lambda: keyslots.slot_kinds(home))\n"
        "keyslots.forget_keyring(made)\n"
        "keyslots.forget_keyring(made)\n"
        "(home / 'keyslots.json').write_bytes(before)\n"
    )
    *lines, gone = session.run(UNLOCKED, code + UNLOCK)
    assert lines == ["True", "[('keyring', True), ('passphrase', None)]", "['passphrase']"]
    assert gone == "LockedError The keyring of this computer has no key for this database. No passphrase was given."


@needs_gnome_keyring
def test_a_second_keyring_slot_leaves_the_first_one_open(session: Session) -> None:
    """A backup's slot opens by the same secret."""
    code = CREATE + (
        "old = (home / 'keyslots.json').read_bytes()\n"
        "keyslots.add_keyring(home, keyslots.unlock(home), random=system_random)\n"
        "assert (home / 'keyslots.json').read_bytes() != old\n"
        "report(lambda: keyslots.unlock(home).key.hex())\n"
        "(home / 'keyslots.json').write_bytes(old)\n"
    )
    assert len(set(session.run(UNLOCKED, code + UNLOCK))) == 1


@needs_gnome_keyring
def test_locked_keyring_without_anybody_to_ask(session: Session) -> None:
    session.run(UNLOCKED, CREATE)
    (line,) = session.run(LOCKED, UNLOCK)
    assert line.startswith("LockedError The keyring of this computer ")


@needs_gnome_keyring
def test_locked_keyring_through_the_keyring_library(session: Session) -> None:
    """The library raises InitError or KeyringLocked here, according to its version."""
    session.run(UNLOCKED, CREATE)
    chosen = "keyring.backends.SecretService.Keyring"
    (line,) = session.run(LOCKED, UNLOCK, PYTHON_KEYRING_BACKEND=chosen)
    assert line == "LockedError The keyring of this computer is locked, and nobody could be asked to unlock it."


@needs_gnome_keyring
def test_new_keyring_without_anybody_to_ask(session: Session) -> None:
    """Making the first collection needs a dialog. Nothing is left of the attempt."""
    code = "report(lambda: keyring_slot.store_secret('u', 's', timeout=1))\n"
    (line,) = session.run(LOCKED, code)
    assert line.startswith("LockedError The keyring of this computer ")


@needs_gnome_keyring
def test_reading_makes_no_collection(session: Session) -> None:
    (line,) = session.run(LOCKED, "report(lambda: keyring_slot.load_secret('u'))\n")
    assert line == "LockedError The keyring of this computer has no key for this database."


@needs_gnome_keyring
def test_bus_without_a_keyring(session: Session) -> None:
    lines = session.run(ABSENT, CREATE + "print(home.exists() and list(home.iterdir()))\n")
    assert lines == [
        "LockedError There is no keyring on this computer that could keep the key of the database.",
        "[]",
    ]


def test_no_bus_at_all() -> None:
    with pytest.raises(LockedError, match="no keyring"):
        keyring_slot.load_secret("user")


@pytest.mark.parametrize("address", ["unix:path=/nowhere", "nonsense", "tcp:host=127.0.0.1,port=1", ""])
def test_bus_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(LockedError):
        keyring_slot.load_secret("user")


@pytest.mark.parametrize(
    "chosen",
    ["keyring.backends.null.Keyring", "keyring.backends.fail.Keyring", "no.such.Backend", "keyring.nothing"],
)
def test_configured_keyrings_that_protect_nothing(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", chosen)
    with pytest.raises(LockedError, match="keyring"):
        keyring_slot.store_secret("user", "secret")


def test_keyring_configured_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "python_keyring").mkdir()
    text = "[backend]\ndefault-keyring=keyring.backends.null.Keyring\n"
    (tmp_path / "python_keyring" / "keyringrc.cfg").write_text(text)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(keyring_slot, "_platform_keyrings", lambda: [BrokenKeyring(OSError("not asked"))])
    with pytest.raises(LockedError, match="There is no keyring"):
        keyring_slot.load_secret("user")


def test_a_chain_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring import core
    from keyring.backends import SecretService, chainer, null

    class Chain(chainer.ChainerBackend):
        backends = (null.Keyring(), SecretService.Keyring())  # type: ignore[no-untyped-call]

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "chosen")
    monkeypatch.setattr(core, "load_env", Chain)
    (found,) = keyring_slot.find_keyrings()
    assert type(found) is SecretService.Keyring


def test_a_class_that_only_descends_from_a_real_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring import core
    from keyring.backends import SecretService

    class Pretender(SecretService.Keyring):
        """Could keep secrets anywhere."""

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "chosen")
    monkeypatch.setattr(core, "load_env", Pretender)
    with pytest.raises(LockedError, match="There is no keyring"):
        keyring_slot.find_keyrings()


def test_errors_of_a_keyring_become_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    from jeepney import DBusErrorResponse, new_error
    from keyring import errors
    from secretstorage import ItemNotFoundException, SecretServiceNotAvailableException

    raised: list[tuple[Exception, str]] = [
        (errors.InitError("no prompt"), "is locked"),
        (errors.KeyringLocked("dismissed"), "is locked"),
        (errors.PasswordSetError("full"), "PasswordSetError: full"),
        (SecretServiceNotAvailableException("gone"), "gone"),
        (ItemNotFoundException("gone"), "gone"),
        (ConnectionResetError("reset"), "reset"),
        (RuntimeError("odd"), "odd"),
    ]
    for error, words in raised:
        monkeypatch.setattr(keyring_slot, "find_keyrings", lambda error=error: [BrokenKeyring(error)])
        with pytest.raises(LockedError, match=words):
            keyring_slot.load_secret("user")
        with pytest.raises(LockedError, match=words):
            keyring_slot.store_secret("user", "secret")
    assert DBusErrorResponse in keyring_slot._failures() and new_error


def test_a_keyring_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    class Blocked(BrokenKeyring):
        def get_password(self, _service: str, _user: str) -> str | None:
            released.wait(30)
            return None

    monkeypatch.setattr(keyring_slot, "find_keyrings", lambda: [Blocked(OSError())])
    try:
        with pytest.raises(LockedError, match=r"did not answer within 0\.05 seconds"):
            keyring_slot.load_secret("user", timeout=0.05)
    finally:
        released.set()


def test_a_blocked_keyring_does_not_keep_the_process() -> None:
    code = (
        "import threading\n"
        "from sync.store import keyring_slot\n"
        "keyring_slot.find_keyrings = lambda: threading.Event().wait()\n"
        "try:\n    keyring_slot.load_secret('u', timeout=0.05)\n"
        "except keyring_slot.LockedError:\n    print('left')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("left\n", "")
