"""Keeps one secret in the operating system's keyring.

Only keyrings that really protect it are used: Secret Service, KWallet, macOS Keychain, Windows Credential
Manager, told apart by class; the `keyring` library would also take plain files or the null keyring. What the
person configured for that library is respected; otherwise the platform's own classes are tried directly,
because the library's search imports every installed backend. A call may block for as long as a dialog is open
somewhere, so each runs in a daemon thread: it is given up after some seconds and never keeps the process from
ending.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sync.errors import LockedError

SERVICE = "lovelace"
TIMEOUT_S = 10.0

_CLASSES = {
    "darwin": ("keyring.backends.macOS:Keyring",),
    "win32": ("keyring.backends.Windows:WinVaultKeyring",),
    "linux": (
        "keyring.backends.SecretService:Keyring",
        "keyring.backends.kwallet:DBusKeyring",
        "keyring.backends.kwallet:DBusKeyringKWallet4",
    ),
}
_FOREIGN_ERRORS = (
    ("keyring.errors", "KeyringError"),
    ("secretstorage", "SecretStorageException"),
    ("jeepney", "DBusErrorResponse"),
    ("dbus", "DBusException"),
    ("pywintypes", "error"),
)

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Keyring(Protocol):
    """The part of a `keyring` backend that is used here."""

    def get_password(self, service: str, user: str, /) -> str | None:
        """The secret of a user, if there is one."""

    def set_password(self, service: str, user: str, password: str, /) -> None:
        """Keep a secret."""

    def delete_password(self, service: str, user: str, /) -> None:
        """Forget a secret; an error of the backend when there is none."""


def store_secret(user: str, secret: str, timeout: float = TIMEOUT_S) -> None:
    """Keep a secret under a user name; LockedError when there is no keyring, or it is locked or slow."""

    def store() -> None:
        find_keyrings()[0].set_password(SERVICE, user, secret)

    _in_worker(store, timeout)


def load_secret(user: str, timeout: float = TIMEOUT_S) -> str:
    """The secret kept under a user name; LockedError also when the keyring has none."""

    def load() -> str | None:
        found = (keyring.get_password(SERVICE, user) for keyring in find_keyrings())
        return next((secret for secret in found if secret is not None), None)

    secret = _in_worker(load, timeout)
    if secret is None:
        raise LockedError("The keyring of this computer has no key for this database.")
    return secret


def delete_secret(user: str, timeout: float = TIMEOUT_S) -> None:
    """Forget the secret kept under a user name, if there is one; LockedError when the keyring cannot be reached."""

    def delete() -> None:
        for keyring in find_keyrings():
            if keyring.get_password(SERVICE, user) is not None:
                keyring.delete_password(SERVICE, user)

    _in_worker(delete, timeout)


def find_keyrings() -> list[Keyring]:
    """The keyrings that may be used, best first; LockedError when there is none."""
    found = _configured_keyrings() if _is_configured() else _platform_keyrings()
    if not found:
        raise LockedError("There is no keyring on this computer that could keep the key of the database.")
    return found


def _is_configured() -> bool:
    """Whether the person chose a keyring, in the places that the `keyring` library documents."""
    if "PYTHON_KEYRING_BACKEND" in os.environ or sys.platform in ("darwin", "win32"):
        return True  # elsewhere than on Linux, looking closer would import the library anyway
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder, "python_keyring", "keyringrc.cfg").exists()


def _configured_keyrings() -> list[Keyring]:
    from keyring import core
    from keyring.backends.chainer import ChainerBackend

    chosen = core.load_env() or core.load_config()
    if chosen is None:
        return _platform_keyrings()
    chain: list[Any] = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
    accepted = _accepted_classes()
    return [keyring for keyring in chain if type(keyring) in accepted]


def _platform_keyrings() -> list[Keyring]:
    if sys.platform not in ("darwin", "win32"):
        from sync.store.secret_service import SecretService

        if SecretService.is_available():
            return [SecretService()]
    return [backend() for backend in _accepted_classes() if backend.viable]


def _accepted_classes() -> list[Any]:
    names = _CLASSES.get(sys.platform, _CLASSES["linux"])
    return [getattr(import_module(module), name) for module, name in (text.split(":") for text in names)]


def _in_worker(call: Callable[[], T], timeout: float) -> T:
    """The result of `call` in a daemon thread; LockedError when it fails or is not done in time."""
    outcome: list[T | LockedError] = []

    def work() -> None:
        try:
            outcome.append(call())
        except LockedError as error:
            outcome.append(error)
        except _failures() as error:
            _log.info("keyring: %s: %s", type(error).__name__, error)
            outcome.append(LockedError(_sentence(error)))

    worker = threading.Thread(target=work, name="keyring", daemon=True)
    worker.start()
    worker.join(timeout)
    if not outcome:
        raise LockedError(f"The keyring of this computer did not answer within {timeout:g} seconds.")
    if isinstance(outcome[0], LockedError):
        raise outcome[0]
    return outcome[0]


def _failures() -> tuple[type[Exception], ...]:
    """What a keyring raises when it does not work; backends let errors of their own libraries through."""
    wrongly_configured = (ImportError, AttributeError, LookupError)
    loaded = ((sys.modules.get(module), name) for module, name in _FOREIGN_ERRORS)
    foreign = [getattr(module, name) for module, name in loaded if module is not None]
    return (OSError, RuntimeError, ValueError, *wrongly_configured, *foreign)


def _sentence(error: Exception) -> str:
    if type(error).__name__ in ("InitError", "KeyringLocked"):
        return "The keyring of this computer is locked, and nobody could be asked to unlock it."
    return f"The keyring of this computer cannot be used ({type(error).__name__}: {error})."
