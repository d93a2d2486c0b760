"""Published copies: what a link opens.

A copy is a *head* and *units*. A unit is a list of records (entries of one document in the form of an envelope's
inside, or a piece of a blob), sealed under the key of the link and cut into objects of at most `OBJECT_BYTES`, which
are named by the hash of their bytes. The head lists the units, says what the copy is of and until when it may be read,
and is signed by the device that issued the link; it is sealed under the key of the link too.

    head   = {v, link, sealed}      sealed = AEAD(key, {body, signature})
    body   = {v, link, issuer, by, workspace, name, title, issued, refreshed, number, expires, events, authors, units}
    unit   = AEAD(key, form ‖ [{document, batch} | {blob, offset, total, data}…])

Sealing a unit is deterministic (its nonce is a keyed hash of what is sealed), so that publishing again after a change
gives equal objects for all that did not change. Everything follows from the secret of the link: its public id, the key
and the proof that whoever asks a device has the secret.

The signature stands for the list, not for what was said: each entry carries the signature of the device that wrote it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import (
    NONCE_BYTES,
    SIGNATURE_BYTES,
    decode,
    derive_key,
    domain_hash,
    encode,
    open_sealed,
    seal,
    verify,
)
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.protocol.envelope import MAX_BATCH_BYTES

VERSION = 1
SECRET_BYTES = 32
LINK_BYTES = 16
OBJECT_BYTES = 1 << 20
MAX_UNIT_BYTES = MAX_BATCH_BYTES + (64 << 10)
"""Of what is in a unit, inflated."""
MAX_HEAD_BYTES = 2 << 20
MAX_COPY_BYTES = 4 << 30
"""Of all objects of a copy."""
MAX_UNITS = 16384
MAX_AUTHORS = 1024
MAX_RECORDS = 4096
MAX_BLOB_BYTES = 1 << 40
HEAD_DOMAIN = "lovelace/link-head/1"
_RAW, _DEFLATED = b"\0", b"\1"

_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Link = Annotated[bytes, Meta(min_length=LINK_BYTES, max_length=LINK_BYTES)]
_Count = Annotated[int, Meta(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class Keys:
    """What follows from the secret of a link. id: 16 bytes, public. proof: shows that one has the secret."""

    id: bytes
    key: bytes
    proof: bytes


class Unit(Struct, frozen=True, array_like=True):
    """size: bytes of all its objects. objects: their names (32-byte hashes), in order."""

    size: Annotated[int, Meta(ge=1, le=MAX_UNIT_BYTES + 1024)]
    objects: Annotated[tuple[_Id, ...], Meta(min_length=1, max_length=1 + MAX_UNIT_BYTES // OBJECT_BYTES)]

    @property
    def digest(self) -> bytes:
        """What names the unit as a whole."""
        return domain_hash("lovelace/link-unit/1", *self.objects)


class CopyAuthor(Struct, frozen=True, array_like=True):
    """A device that wrote some of it, and a name for its person that means something inside this workspace only."""

    device: _Id
    person: _Id


class Head(Struct, frozen=True):
    """What a copy is. Times are milliseconds.

    issuer: the device that signed. by: its person's name. name: of the documents (a session). number: grows with every
    refresh. expires: None is never. anew: nothing of an earlier version of it belongs to it any more.
    """

    link: _Link
    issuer: _Id
    by: Annotated[str, Meta(max_length=512)]
    workspace: _Id
    name: Annotated[str, Meta(min_length=1, max_length=128)]
    title: Annotated[str, Meta(max_length=4096)]
    issued: _Count
    refreshed: _Count
    number: Annotated[int, Meta(ge=1, le=2**53)]
    expires: _Count | None
    events: _Count
    authors: Annotated[tuple[CopyAuthor, ...], Meta(max_length=MAX_AUTHORS)]
    units: Annotated[tuple[Unit, ...], Meta(max_length=MAX_UNITS)]
    v: Literal[1] = 1
    anew: bool = False

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(unit.size for unit in self.units)

    def objects(self) -> list[bytes]:
        """The names of all objects, each once."""
        return list(dict.fromkeys(chain.from_iterable(unit.objects for unit in self.units)))


@dataclass(frozen=True, slots=True)
class EntriesRecord:
    """Entries of one document. batch: as `sync.protocol.envelope.encode_batch` gives it."""

    document: bytes
    batch: bytes


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """A piece of a blob as it travels (see `sync.protocol.replica.BlobPart`). total: the whole size."""

    blob: bytes
    offset: int
    total: int
    data: bytes


Record = EntriesRecord | BlobRecord


class _Outer(Struct, frozen=True):
    v: Literal[1]
    link: _Link
    sealed: Annotated[bytes, Meta(max_length=MAX_HEAD_BYTES)]


class _Signed(Struct, frozen=True):
    body: Annotated[bytes, Meta(max_length=MAX_HEAD_BYTES)]
    signature: Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


class _Record(Struct, frozen=True):
    document: _Id | None = None
    batch: Annotated[bytes, Meta(max_length=MAX_BATCH_BYTES)] = b""
    blob: _Id | None = None
    offset: Annotated[int, Meta(ge=0, le=MAX_BLOB_BYTES)] = 0
    total: Annotated[int, Meta(ge=0, le=MAX_BLOB_BYTES)] = 0
    data: Annotated[bytes, Meta(max_length=MAX_UNIT_BYTES)] = b""


def keys_of(secret: bytes) -> Keys:
    """What follows from a link's secret (32 bytes)."""
    return Keys(
        domain_hash("lovelace/link-id/1", secret)[:LINK_BYTES],
        derive_key(secret, "lovelace/link-key/1"),
        derive_key(secret, "lovelace/link-proof/1"),
    )


def author_of(secret: bytes) -> DeviceKeys:
    """Who signs, in the copies of a link, what is not given as its authors signed it."""
    signing, encryption = (derive_key(secret, f"lovelace/link-{use}/1") for use in ("author", "author-box"))
    return DeviceKeys.from_seeds(signing, encryption)


def person_in(workspace: bytes, identity: bytes) -> bytes:
    """What a copy calls an identity: equal for its devices, nothing to anybody outside the workspace."""
    return domain_hash("lovelace/link-person/1", workspace, identity)


def object_name(data: bytes) -> bytes:
    """The name (32 bytes) of an object."""
    return domain_hash("lovelace/link-object/1", data)


# heads


def seal_head(head: Head, key: bytes, sign: Callable[[str, bytes], bytes], random: Random) -> bytes:
    """The head as an object. sign: the issuer's signature of (domain, message); see `DeviceKeys.sign`.

    ProtocolError: no opener would take so much.
    """
    body = encode(msgspec.to_builtins(head, builtin_types=(bytes,)))
    sealed = seal(key, encode({"body": body, "signature": sign(HEAD_DOMAIN, body)}), _head_aad(head.link), random)
    data = encode({"v": VERSION, "link": head.link, "sealed": sealed})
    if len(data) > MAX_HEAD_BYTES or head.size > MAX_COPY_BYTES or len(head.units) > MAX_UNITS:
        raise ProtocolError("This session is too large to be shared by a link.")
    return data


def open_head(data: bytes, keys: Keys, issuer: bytes) -> Head:
    """Read and verify a head; raises ProtocolError unless this device issued it for this link."""
    value = decode(data, MAX_HEAD_BYTES)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] > VERSION:
        raise ProtocolError("What this link opens was published by a newer version of Lovelace; update to read it.")
    outer: _Outer = _convert(value, _Outer)
    if outer.link != keys.id:
        raise ProtocolError("What was found belongs to another link.")
    signed: _Signed = _convert(decode(open_sealed(keys.key, outer.sealed, _head_aad(keys.id))), _Signed)
    if not verify(issuer, HEAD_DOMAIN, signed.body, signed.signature):
        raise ProtocolError("What this link opens is not signed by the device that made the link.")
    head: Head = _convert(decode(signed.body, MAX_HEAD_BYTES), Head)
    if head.link != keys.id or head.issuer != issuer:
        raise ProtocolError("What was found belongs to another link.")
    return _checked(head)


def _checked(head: Head) -> Head:
    if head.size > MAX_COPY_BYTES:
        raise ProtocolError("What this link opens is larger than this version takes.")
    for unit in head.units:
        if len(unit.objects) != -(-unit.size // OBJECT_BYTES):
            raise ProtocolError("The head of a published copy contradicts itself.")
    return head


def _head_aad(link: bytes) -> bytes:
    return encode({"v": VERSION, "link": link, "part": "head"})


# units


def seal_unit(records: Sequence[Record], keys: Keys) -> tuple[Unit, tuple[bytes, ...]]:
    """A unit and its objects; equal records give equal ones."""
    plain = encode([_record_value(record) for record in records])
    if len(plain) > MAX_UNIT_BYTES:
        raise ProtocolError("A single step of this session is too large to be published.")
    deflated = zlib.compress(plain, 1)
    framed = _DEFLATED + deflated if len(deflated) < len(plain) else _RAW + plain
    nonce = derive_key(keys.key, "lovelace/link-nonce/1", framed)[:NONCE_BYTES]
    sealed = seal(keys.key, framed, _unit_aad(keys.id), lambda _count: nonce)
    objects = tuple(sealed[at : at + OBJECT_BYTES] for at in range(0, len(sealed), OBJECT_BYTES))
    return Unit(len(sealed), tuple(map(object_name, objects))), objects


def open_unit(unit: Unit, objects: Sequence[bytes], keys: Keys) -> list[Record]:
    """The records of a unit, without those of unknown kinds; raises ProtocolError unless these are its objects."""
    sealed = b"".join(objects)
    if len(sealed) != unit.size or tuple(map(object_name, objects)) != unit.objects:
        raise ProtocolError("A part of what this link opens is damaged or was exchanged.")
    value = decode(_inflate(open_sealed(keys.key, sealed, _unit_aad(keys.id))), MAX_UNIT_BYTES)
    if not isinstance(value, list) or len(value) > MAX_RECORDS:
        raise ProtocolError("A part of what this link opens is malformed.")
    return [record for item in value if (record := _record_of(_convert(item, _Record))) is not None]


def _record_value(record: Record) -> dict[str, Any]:
    if isinstance(record, EntriesRecord):
        return {"document": record.document, "batch": record.batch}
    return {"blob": record.blob, "offset": record.offset, "total": record.total, "data": record.data}


def _record_of(record: _Record) -> Record | None:
    if record.document is not None:
        return EntriesRecord(record.document, record.batch)
    if record.blob is None:
        return None
    if record.offset + len(record.data) > record.total:
        raise ProtocolError("A part of what this link opens is malformed.")
    return BlobRecord(record.blob, record.offset, record.total, record.data)


def _unit_aad(link: bytes) -> bytes:
    return encode({"v": VERSION, "link": link, "part": "unit"})


def _inflate(framed: bytes) -> bytes:
    if framed[:1] == _RAW:
        return framed[1:]
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(framed[1:], MAX_UNIT_BYTES)
    except zlib.error as error:
        raise ProtocolError("A part of what this link opens is damaged inside.") from error
    if framed[:1] != _DEFLATED or inflater.unconsumed_tail or inflater.unused_data or not inflater.eof:
        raise ProtocolError("A part of what this link opens is too large inside, or damaged.")
    return plain


def _convert(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"What this link opens is malformed: {error}") from error
