"""Envelopes: entries with their changes, sealed for travel.

    envelope = {v, workspace, document, key_id, sealed}       the first four are bound as AAD
    sealed   = AEAD(segment key, deflate({device, grant, entries, form, payload}))
    entries  = [[n, prev, [change hash…], signature]…]

An envelope carries entries of one document, device and grant, ascending by n: one when it is pushed live, many in a
transfer. `form` says how their changes travel: "changes" (the chunks one after the other, in the order of the entries),
"bundle" (a closed segment as one saved document, see `sync.documents.bundle`) or "none" (the entries stand in their
chain, what they said was erased). `key_id` names the key and is not signed: whoever may read may seal the same entries
under another key. Opening an envelope does not verify signatures: that is done where entries are taken in.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import SIGNATURE_BYTES, decode, encode, open_sealed, seal
from sync.documents.entry import MAX_CHANGES, Entry
from sync.documents.purges import MAX_GONE_BYTES
from sync.errors import ProtocolError
from sync.membership.epoch import key_id

VERSION = 1
MAX_ENVELOPE_BYTES = 8 << 20
MAX_BATCH_BYTES = 12 << 20
"""Of what is inside, inflated."""
MAX_ENTRIES = 4096
Form = Literal["changes", "bundle", "none"]

_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]
_Signature = Annotated[bytes, Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)]


@dataclass(frozen=True, slots=True)
class SignedPart:
    """An entry and its signature, not verified."""

    entry: Entry
    signature: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What an envelope carries: at least one entry, all of one document, device and grant."""

    parts: tuple[SignedPart, ...]
    form: Form
    payload: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope before it is opened. key_id: `sync.membership.epoch.key_id` of the key that opens it."""

    workspace: bytes
    document: bytes
    key_id: bytes
    sealed: bytes


class _Outer(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    workspace: _Id
    document: _Id
    key_id: _Id
    sealed: Annotated[bytes, Meta(max_length=MAX_ENVELOPE_BYTES)]


class _Row(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    n: Annotated[int, Meta(ge=1, le=2**53)]
    prev: _Id
    changes: Annotated[tuple[_Id, ...], Meta(min_length=1, max_length=MAX_CHANGES)]
    signature: _Signature


class _Inner(Struct, frozen=True, forbid_unknown_fields=True):
    device: _Id
    grant: _Id
    entries: Annotated[tuple[_Row, ...], Meta(min_length=1, max_length=MAX_ENTRIES)]
    form: Form
    payload: bytes


def seal_batch(batch: Batch, key: bytes, random: Random) -> bytes:
    """An envelope; `key`: of the segment, in the epoch that is written under (`sync.membership.epoch.segment_key`)."""
    first = batch.parts[0].entry
    ident = key_id(key)
    aad = _aad(first.workspace, first.document, ident)
    sealed = seal(key, zlib.compress(encode_batch(batch), 1), aad, random)
    outer = {"v": VERSION, "workspace": first.workspace, "document": first.document, "key_id": ident}
    return encode({**outer, "sealed": sealed})


def read_envelope(data: bytes) -> Envelope:
    """The outside of an envelope; raises ProtocolError for anything else."""
    value = decode(data, MAX_ENVELOPE_BYTES)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] > VERSION:
        raise ProtocolError("An envelope was made by a newer version of Lovelace; update to read it.")
    outer: _Outer = _convert(value, _Outer)
    return Envelope(outer.workspace, outer.document, outer.key_id, outer.sealed)


def open_envelope(envelope: Envelope, key: bytes) -> Batch:
    """What an envelope carries; raises ProtocolError for another key, changed bytes or a wrong form."""
    aad = _aad(envelope.workspace, envelope.document, envelope.key_id)
    inside = _inflate(open_sealed(key, envelope.sealed, aad))
    return decode_batch(envelope.workspace, envelope.document, inside)


def encode_batch(batch: Batch) -> bytes:
    """The inside of an envelope, also of other sealed copies of entries."""
    first = batch.parts[0].entry
    rows = [[p.entry.n, p.entry.prev, list(p.entry.changes), p.signature] for p in batch.parts]
    return encode(
        {
            "device": first.device,
            "grant": first.grant,
            "entries": rows,
            "form": batch.form,
            "payload": batch.payload,
        }
    )


def decode_batch(workspace: bytes, document: bytes, data: bytes) -> Batch:
    """Read `encode_batch`; raises ProtocolError for anything else."""
    inner: _Inner = _convert(decode(data, MAX_BATCH_BYTES), _Inner)
    parts = tuple(
        SignedPart(Entry(workspace, document, inner.grant, inner.device, row.n, row.prev, row.changes), row.signature)
        for row in inner.entries
    )
    if any(left.entry.n >= right.entry.n for left, right in pairwise(parts)):
        raise ProtocolError("The entries of an envelope are not in their order.")
    if inner.form == "none" and len(inner.payload) > MAX_GONE_BYTES:
        raise ProtocolError("An envelope without changes carries a payload.")
    return Batch(parts, inner.form, inner.payload)


def _aad(workspace: bytes, document: bytes, ident: bytes) -> bytes:
    return encode({"v": VERSION, "workspace": workspace, "document": document, "key_id": ident})


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    try:
        inside = inflater.decompress(data, MAX_BATCH_BYTES)
    except zlib.error as error:
        raise ProtocolError("An envelope is damaged inside.") from error
    if inflater.unconsumed_tail or inflater.unused_data or not inflater.eof:
        raise ProtocolError("An envelope is too large inside, or damaged.")
    return inside


def _convert(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"An envelope is malformed: {error}") from error
