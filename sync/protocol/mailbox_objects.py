"""What is in the objects of a mailbox: ciphertext, bound to the place where it lies.

    object  = AEAD(mailbox key, content)            AAD: folder, stream, first, last
    entries    content = [envelope, …]              see `sync.protocol.envelope`
    others     content = {v, keys: {key id: AEAD(log key, key)}, sealed}        sealed = AEAD(key, inside)
      operations   inside = [[log, [operation, …]], …]
      addresses    inside = see `sync.protocol.addresses`
      blob parts   inside = the bytes

The mailbox key comes from the workspace's secret, which former members know too: it hides from the storage which
workspace and documents the envelopes in it belong to. What may be read is decided by the keys of epochs inside.

An operation that begins an epoch brings that epoch's key to those who have an earlier one, and leads back to earlier
keys for those who have this one: its object opens with both, and it is the last in its object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import KEY_BYTES, decode, derive_key, encode, open_sealed, seal
from sync.errors import ProtocolError
from sync.membership.epoch import key_id
from sync.membership.operation import MAX_OPERATION_BYTES
from sync.protocol.address import Address
from sync.protocol.addresses import decode_address, encode_address
from sync.protocol.envelope import MAX_ENVELOPE_BYTES
from sync.protocol.mailbox import MAX_OBJECT_BYTES

VERSION = 1
MAX_ENVELOPES = 4096
MAX_LOGS = 4096
MAX_OPERATIONS = 16_384
MAX_KEYS = 256
_OBJECT_KEY = "lovelace/mailbox-key/1"
_OBJECT = b"lovelace/mailbox-object/1"
_INSIDE = b"lovelace/mailbox-inside/1"

_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Envelope = Annotated[bytes, Meta(max_length=MAX_ENVELOPE_BYTES)]
_Operation = Annotated[bytes, Meta(max_length=MAX_OPERATION_BYTES)]
_Operations = Annotated[tuple[_Operation, ...], Meta(max_length=MAX_OPERATIONS)]


class LockedObject(ProtocolError):
    """An object is sealed under a key of an epoch that is not here (yet)."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an object belongs. kind: a stream, or "blobs/" and the blob's name."""

    folder: str
    kind: str
    first: int
    last: int


class _Sealed(Struct, frozen=True):
    v: Literal[1]
    keys: Annotated[dict[_Id, Annotated[bytes, Meta(max_length=128)]], Meta(max_length=MAX_KEYS)]
    sealed: Annotated[bytes, Meta(max_length=MAX_OBJECT_BYTES)]


class Sealer:
    """Seals and opens the objects of one workspace's mailbox. secret: as of `mailbox.Layout`."""

    def __init__(self, secret: bytes, random: Random) -> None:
        self._key = derive_key(secret, _OBJECT_KEY)
        self._random = random

    def seal_envelopes(self, spot: Spot, envelopes: Sequence[bytes]) -> bytes:
        """An object with sealed entries."""
        return self._seal(spot, encode(list(envelopes)))

    def open_envelopes(self, spot: Spot, data: bytes) -> tuple[bytes, ...]:
        """The envelopes of an object; ProtocolError for anything else."""
        form = Annotated[tuple[_Envelope, ...], Meta(max_length=MAX_ENVELOPES)]
        return tuple(_convert(decode(self._open(spot, data), MAX_OBJECT_BYTES), form))

    def seal_operations(self, spot: Spot, logs: Mapping[bytes, Sequence[bytes]], log_keys: Sequence[bytes]) -> bytes:
        """An object with encoded operations by log, parents first, that opens with each of these keys."""
        return self._seal_inside(spot, encode([[log, list(operations)] for log, operations in logs.items()]), log_keys)

    def open_operations(self, spot: Spot, data: bytes, log_keys: Mapping[bytes, bytes]) -> dict[bytes, Sequence[bytes]]:
        """Operations by log; LockedObject without the key, other ProtocolErrors for anything else."""
        inside = decode(self._open_inside(spot, data, log_keys), MAX_OBJECT_BYTES)
        form = Annotated[tuple[tuple[_Id, _Operations], ...], Meta(max_length=MAX_LOGS)]
        return dict(_convert(inside, form))

    def seal_address(self, spot: Spot, address: Address, log_key: bytes) -> bytes:
        """An object that says where a device may be reached."""
        return self._seal_inside(spot, encode_address(address), [log_key])

    def open_address(self, spot: Spot, data: bytes, log_keys: Mapping[bytes, bytes]) -> Address:
        """Where a device says it may be reached; errors as of `open_operations`."""
        return decode_address(self._open_inside(spot, data, log_keys))

    def seal_part(self, spot: Spot, data: bytes, log_key: bytes) -> bytes:
        """An object with a piece of a blob."""
        return self._seal_inside(spot, data, [log_key])

    def open_part(self, spot: Spot, data: bytes, log_keys: Mapping[bytes, bytes]) -> bytes:
        """The piece of a blob; errors as of `open_operations`."""
        return self._open_inside(spot, data, log_keys)

    def _seal_inside(self, spot: Spot, inside: bytes, log_keys: Sequence[bytes]) -> bytes:
        key, aad = self._random(KEY_BYTES), _inside_aad(spot)
        keys = {key_id(log_key): seal(log_key, key, aad, self._random) for log_key in log_keys}
        return self._seal(spot, encode({"v": VERSION, "keys": keys, "sealed": seal(key, inside, aad, self._random)}))

    def _open_inside(self, spot: Spot, data: bytes, log_keys: Mapping[bytes, bytes]) -> bytes:
        value = decode(self._open(spot, data), MAX_OBJECT_BYTES)
        if isinstance(value, dict) and type(value.get("v")) is int and value["v"] > VERSION:
            raise ProtocolError("An object was made by a newer version of Lovelace; update to read it.")
        outer: _Sealed = _convert(value, _Sealed)
        fitting = [ident for ident in outer.keys if ident in log_keys]
        if not fitting:
            raise LockedObject("The key of an object is not here.")
        key = open_sealed(log_keys[fitting[0]], outer.keys[fitting[0]], _inside_aad(spot))
        if len(key) != KEY_BYTES:
            raise ProtocolError("The key of an object is malformed.")
        return open_sealed(key, outer.sealed, _inside_aad(spot))

    def _seal(self, spot: Spot, content: bytes) -> bytes:
        return seal(self._key, content, _aad(spot), self._random)

    def _open(self, spot: Spot, data: bytes) -> bytes:
        return open_sealed(self._key, data, _aad(spot))


def _aad(spot: Spot) -> bytes:
    return encode([_OBJECT, spot.folder, spot.kind, spot.first, spot.last])


def _inside_aad(spot: Spot) -> bytes:
    return encode([_INSIDE, spot.folder, spot.kind, spot.first, spot.last])


def _convert(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"An object of the mailbox is malformed: {error}") from error
