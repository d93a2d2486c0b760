"""The Secret Service of a Linux desktop (GNOME Keyring, KWallet 6, KeePassXC), through `secretstorage`.

`keyring` has a client for it too, and its items are found by that one; but importing it takes 80 ms more than
`secretstorage` alone, a quarter of the time in which a command of the CLI is done.
"""

from __future__ import annotations

from contextlib import closing

import secretstorage
from jeepney import DBusErrorResponse
from secretstorage import (
    Collection,
    Item,
    ItemNotFoundException,
    PromptDismissedException,
    SecretStorageException,
)

from sync.errors import LockedError

_LABEL = "Lovelace database key"
_APPLICATION = "lovelace"
_LOCKED = "The keyring of this computer is locked, and nobody unlocked it."


class SecretService:
    """Items of the default collection, named by service and user as `keyring` names them."""

    @staticmethod
    def is_available() -> bool:
        """Whether a Secret Service runs or can be started on this session's bus."""
        try:
            with closing(secretstorage.dbus_init()) as bus:
                return secretstorage.check_service_availability(bus)
        except (OSError, SecretStorageException, DBusErrorResponse):
            return False

    def get_password(self, service: str, user: str) -> str | None:
        """The secret of a user, or None; LockedError when the collection stays locked."""
        with closing(secretstorage.dbus_init()) as bus:
            try:
                collection = Collection(bus)
            except ItemNotFoundException:
                return None
            _unlock(collection)  # KeePassXC finds nothing in a locked one
            for item in collection.search_items(_attributes(service, user)):
                _unlock(item)
                return item.get_secret().decode("utf-8")
        return None

    def set_password(self, service: str, user: str, password: str) -> None:
        """Keep a secret, in place of an earlier one; LockedError when the collection stays locked."""
        attributes = _attributes(service, user) | {"application": _APPLICATION}
        with closing(secretstorage.dbus_init()) as bus:
            try:
                collection = secretstorage.get_default_collection(bus)
            except PromptDismissedException as error:
                raise LockedError(_LOCKED) from error
            _unlock(collection)
            collection.create_item(_LABEL, attributes, password.encode("utf-8"), replace=True)

    def delete_password(self, service: str, user: str) -> None:
        """Forget a secret; LockedError when it stays locked."""
        with closing(secretstorage.dbus_init()) as bus:
            try:
                collection = Collection(bus)
            except ItemNotFoundException:
                return
            _unlock(collection)
            for item in collection.search_items(_attributes(service, user)):
                _unlock(item)
                item.delete()


def _attributes(service: str, user: str) -> dict[str, str]:
    return {"service": service, "username": user}


def _unlock(target: Collection | Item) -> None:
    """Unlock a collection or an item, which may block on a dialog; LockedError if it stays locked."""
    if target.is_locked() and (target.unlock() or target.is_locked()):
        raise LockedError(_LOCKED)
