"""Addresses as bytes and as text: how they stand in tickets, links, mailboxes and handovers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sync.crypto import decode, encode
from sync.errors import IdentityError, ProtocolError
from sync.protocol.address import Address
from sync.protocol.pairing_code import MAX_ADDRESS, read_bytes, show_bytes

MAX_SOCKETS = 16
_PREFIX = "lovelace://device/#"


class _Wire(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    device: Annotated[bytes, Meta(min_length=32, max_length=32)]
    sockets: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=MAX_SOCKETS)]
    relay: Annotated[str, Meta(max_length=300)]


def encode_address(address: Address) -> bytes:
    """An address in at most `MAX_ADDRESS` bytes; of very many sockets only the first."""
    wire = _Wire(1, address.device, address.sockets[:MAX_SOCKETS], address.relay)
    return encode(msgspec.to_builtins(wire, builtin_types=(bytes,)))


def decode_address(data: bytes) -> Address:
    """Read `encode_address`; ProtocolError for anything else."""
    try:
        wire = msgspec.convert(decode(data, MAX_ADDRESS), _Wire, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"The address of a device is malformed: {error}") from error
    return Address(wire.device, wire.sockets, wire.relay)


def show_address(address: Address) -> str:
    """An address as text for pasting: `lovelace://device/#…`."""
    return _PREFIX + show_bytes(encode_address(address))


def read_address(text: str) -> Address:
    """Read `show_address`; IdentityError for anything else."""
    text = text.strip()
    if not text.lower().startswith(_PREFIX) or len(text) > 2 * MAX_ADDRESS:
        raise IdentityError(f"This is not the address of a device; they begin with {_PREFIX}")
    try:
        return decode_address(read_bytes(text[len(_PREFIX) :], "address"))
    except ProtocolError as error:
        raise IdentityError("This address is damaged. Copy it again, as a whole.") from error
