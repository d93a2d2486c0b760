"""Recovery sheets: what a person's devices leave in a mailbox for whoever comes back with the recovery code alone.

    sheet = {v, device, wrapped, sealed, signature}    wrapped = HPKE(recovery key, key)    sealed = AEAD(key, handover)

A sheet lies in a folder that follows from the identity, which the code gives. It is signed by the device that wrote it,
so that others who know the recovery key's public half cannot leave one: whether that device is the person's is seen in
the log inside, which only they can have signed. It carries no keys: epochs wrap theirs for the recovery key.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sync.clock import Random
from sync.crypto import KEY_BYTES, decode, domain_hash, encode, open_sealed, seal, unwrap_key, verify, wrap_key
from sync.errors import ProtocolError
from sync.identity.device import DeviceKeys
from sync.membership.log import MembershipLog
from sync.protocol.handover import Handover, HandoverReader, write_handover

MAX_SHEET = 8 << 20
_MAX_INSIDE = 16 << 20
_PLACE = "lovelace/recovery-place/1"
_WRAP = "lovelace/recovery-sheet-key/1"
_SIGNATURE = "lovelace/recovery-sheet/1"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet says. device: the one that wrote it, which was this person's then."""

    device: bytes
    handover: Handover


class _Sheet(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    device: Annotated[bytes, Meta(min_length=32, max_length=32)]
    wrapped: Annotated[bytes, Meta(min_length=80, max_length=80)]
    sealed: Annotated[bytes, Meta(max_length=MAX_SHEET)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


def sheet_folder(identity: bytes) -> str:
    """Where the sheets of an identity lie in a mailbox."""
    return f"v1/recovery/{domain_hash(_PLACE, identity)[:16].hex()}/"


def write_sheet(handover: Handover, device: DeviceKeys, recovery_key: bytes, random: Random) -> bytes:
    """A sheet of what this device would hand over; recovery_key: the X25519 public one. ProtocolError: too large."""
    inside = encode(list(write_handover(handover)))
    key = random(KEY_BYTES)
    wrapped = wrap_key(recovery_key, key, _WRAP, handover.identity)
    sealed = seal(key, zlib.compress(inside), handover.identity, random)
    if len(inside) > _MAX_INSIDE or len(sealed) > MAX_SHEET - KEY_BYTES * 8:
        raise ProtocolError(f"A recovery sheet of {len(inside)} bytes is too large.")
    signature = device.sign(_SIGNATURE, handover.identity + wrapped + sealed)
    return encode({"v": 1, "device": device.device_id, "wrapped": wrapped, "sealed": sealed, "signature": signature})


def read_sheet(data: bytes, identity: bytes, paper: DeviceKeys) -> Sheet:
    """What a sheet says; ProtocolError if it is damaged, for somebody else, or not by a device of this identity."""
    try:
        sheet = msgspec.convert(decode(data, MAX_SHEET), _Sheet, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"A recovery sheet is malformed: {error}") from error
    if not verify(sheet.device, _SIGNATURE, identity + sheet.wrapped + sheet.sealed, sheet.signature):
        raise ProtocolError("A recovery sheet is not signed by its device.")
    key = unwrap_key(paper.encryption_seed, sheet.wrapped, _WRAP, identity)
    handover = _read_inside(open_sealed(key, sheet.sealed, identity))
    log = MembershipLog(identity)
    for encoded in handover.logs.get(identity, ()):
        log.receive(encoded)
    if handover.identity != identity or sheet.device not in log.state().members:
        raise ProtocolError("A recovery sheet was left by a device that is not this person's.")
    return Sheet(sheet.device, handover)


def _read_inside(data: bytes) -> Handover:
    inflater = zlib.decompressobj()
    try:
        inside = inflater.decompress(data, _MAX_INSIDE)
    except zlib.error as error:
        raise ProtocolError("A recovery sheet is damaged inside.") from error
    if not inflater.eof or inflater.unused_data:
        raise ProtocolError("A recovery sheet is too large inside, or damaged.")
    records, reader = decode(inside), HandoverReader()
    if not isinstance(records, list) or not all(isinstance(record, bytes) for record in records):
        raise ProtocolError("A recovery sheet has another form inside.")
    found = [reader.take(record) for record in records]
    if not found or found[-1] is None:
        raise ProtocolError("A recovery sheet ends too early.")
    return found[-1]
