"""The file `keyslots.json`: the database key, sealed once for each way to open it.

    {"version": 1, "database_id": hex, "slots": [{"kind": …, …, "sealed": hex}], "checksum": hex, "mac": hex}

`sealed` is XChaCha20-Poly1305(KEK, database key) with AAD = database id ‖ slot kind. `mac` is made with the
database key over everything else: nobody without it can add, remove or weaken a slot unnoticed. `checksum`
needs no key and tells a damaged file from a wrong passphrase before anybody is asked for one.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
from msgspec import Meta, Struct

from sync.crypto import derive_key, domain_hash, encode
from sync.errors import DamagedError, LockedError, NewerDatabaseError, StoreError
from sync.store.durable import sync_folder

FILE_NAME = "keyslots.json"
LOCK_NAME = "keyslots.lock"
DATABASE_NAME = "lovelace.db"
VERSION = 1
MAX_FILE_BYTES = 64 * 1024
DATABASE_ID_BYTES = 16

_CHECKSUM = "lovelace/keyslots-checksum/1"
_MAC = "lovelace/keyslots-mac/1"

SlotKind = Literal["keyring", "passphrase", "recovery"]
DatabaseId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Salt = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Sealed = Annotated[str, Meta(pattern=r"^[0-9a-f]{144}\Z")]
"""nonce (24) ‖ key (32) ‖ tag (16)"""
Passes = Annotated[int, Meta(ge=1, le=12)]
Memory = Annotated[int, Meta(ge=8 * 1024 * 1024, le=1024 * 1024 * 1024)]


class KeyringSlot(Struct, frozen=True, tag_field="kind", tag="keyring", forbid_unknown_fields=True):
    """Opens with the random KEK that the operating system's keyring keeps."""

    sealed: Sealed


class PassphraseSlot(Struct, frozen=True, tag_field="kind", tag="passphrase", forbid_unknown_fields=True):
    """Opens with a passphrase by Argon2id; the bounds keep a foreign file from taking all memory."""

    salt: Salt
    passes: Passes
    memory: Memory
    sealed: Sealed


class RecoverySlot(Struct, frozen=True, tag_field="kind", tag="recovery", forbid_unknown_fields=True):
    """Opens with 128 random bits that the person keeps on paper."""

    sealed: Sealed


Slot = KeyringSlot | PassphraseSlot | RecoverySlot
KINDS: dict[type[Slot], SlotKind] = {
    KeyringSlot: "keyring",
    PassphraseSlot: "passphrase",
    RecoverySlot: "recovery",
}
"""In the order in which they are tried."""


class Keyslots(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file."""

    version: Literal[1]
    database_id: DatabaseId
    slots: Annotated[tuple[Slot, ...], Meta(min_length=1, max_length=len(KINDS))]
    checksum: Digest
    mac: Digest

    def find(self, kind: SlotKind) -> Slot | None:
        """The slot of a kind; there is at most one."""
        return next((slot for slot in self.slots if KINDS[type(slot)] == kind), None)


def make_keyslots(database_id: bytes, slots: tuple[Slot, ...], key: bytes) -> Keyslots:
    """The file's content for a database key and its slots, with checksum and MAC."""
    ordered = tuple(sorted(slots, key=lambda slot: list(KINDS).index(type(slot))))
    content = _content(database_id.hex(), ordered)
    mac, checksum = _mac(key, content), _checksum(content)
    return Keyslots(1, database_id.hex(), ordered, checksum, mac)


def check_mac(keyslots: Keyslots, key: bytes) -> None:
    """Raise DamagedError unless whoever wrote the file had the database key."""
    expected = _mac(key, _content(keyslots.database_id, keyslots.slots))
    if not hmac.compare_digest(expected, keyslots.mac):
        raise DamagedError(f"{FILE_NAME} was changed by something that does not have the database key.")


def read_keyslots(home: Path) -> Keyslots:
    """Read and check the file, all but its MAC.

    LockedError when it is missing, NewerDatabaseError when a newer version wrote it, else DamagedError.
    """
    try:
        with (home / FILE_NAME).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise LockedError(describe_missing(home)) from error
    except OSError as error:
        raise DamagedError(f"{home / FILE_NAME} cannot be read: {error.strerror}.") from error
    try:
        return parse_keyslots(data)
    except DamagedError as error:
        advice = "Put back a copy from a backup; the database cannot be opened without it."
        raise DamagedError(f"{home / FILE_NAME} is damaged: {error} {advice}") from error


def describe_missing(home: Path) -> str:
    """What to say when a home has no key slots."""
    if (home / DATABASE_NAME).exists():
        return (
            f"{home / FILE_NAME} is missing: the database beside it cannot be opened without it. "
            "Put it back from a backup."
        )
    return f"There is no database in {home}."


def parse_keyslots(data: bytes) -> Keyslots:
    """The content from the bytes of the file; errors as `read_keyslots`."""
    if len(data) > MAX_FILE_BYTES:
        raise DamagedError("It is too long.")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DamagedError("It is not JSON.") from error
    _check_version(value)
    try:
        keyslots = msgspec.convert(value, Keyslots)
    except msgspec.ValidationError as error:
        raise DamagedError(f"{error}.") from error
    if len({type(slot) for slot in keyslots.slots}) != len(keyslots.slots):
        raise DamagedError("It has two slots of one kind.")
    if keyslots.checksum != _checksum(_content(keyslots.database_id, keyslots.slots)):
        raise DamagedError("Its checksum is wrong.")
    return keyslots


def write_keyslots(home: Path, keyslots: Keyslots, *, replace: bool) -> None:
    """Write the file as a whole, durably, readable by its owner only.

    Without `replace` an existing file stays, and StoreError is raised: of two processes that create at once,
    one wins.
    """
    text = json.dumps(msgspec.to_builtins(keyslots), indent=2) + "\n"
    try:
        _write_atomically(home / FILE_NAME, text.encode("ascii"), replace)
    except FileExistsError as error:
        raise StoreError(f"{home} has a database already.") from error
    except OSError as error:
        raise StoreError(f"{home / FILE_NAME} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def changing(home: Path) -> Iterator[None]:
    """Keeps other processes from changing the slots between reading and writing them."""
    try:
        descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{home / LOCK_NAME} cannot be written: {error.strerror}.") from error
    try:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_atomically(path: Path, data: bytes, replace: bool) -> None:
    import tempfile  # takes milliseconds, and most programs only read

    handle, temporary = tempfile.mkstemp(prefix="keyslots-", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)  # fails, unlike a rename, where the name is taken
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_folder(path.parent)


def _content(database_id: str, slots: tuple[Slot, ...]) -> bytes:
    return encode({"version": VERSION, "database_id": database_id, "slots": msgspec.to_builtins(slots)})


def _checksum(content: bytes) -> str:
    return domain_hash(_CHECKSUM, content).hex()


def _mac(key: bytes, content: bytes) -> str:
    return derive_key(key, _MAC, content).hex()


def _check_version(value: Any) -> None:
    version = value.get("version") if isinstance(value, dict) else None
    if type(version) is int and VERSION < version < 1000:
        raise NewerDatabaseError(f"{FILE_NAME} was written by a newer version of Lovelace: install that one.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
