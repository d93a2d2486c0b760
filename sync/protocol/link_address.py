"""The secret part of a shared link: what stands behind the `#`.

    base64url without padding of: CBOR [version, secret, issuer, [socket…], relay, [URL…]] ‖ checksum (4)

secret: 32 bytes from which everything about the copy is derived (`published.keys_of`). issuer: the id of the device
that signs the copy and may be asked for it. sockets, relay: where that device was reachable when the link was made.
URLs: folders from which the copy can be read without credentials: `https:`, `http:` or `file:`. The checksum tells a
link that was cut off or mistyped from one that leads nowhere any more.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from sync.crypto import decode, domain_hash, encode
from sync.errors import ProtocolError
from sync.protocol.address import Address
from sync.protocol.published import SECRET_BYTES

VERSION = 1
MAX_SOCKETS = 8
MAX_URLS = 4
MAX_URL = 1024
MAX_TEXT = 6144
_MAX_BYTES = MAX_TEXT * 3 // 4
_CHECK_BYTES = 4
_SOCKET = r"^(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,64}):[0-9]{1,5}\Z"
_URL = r"^(https?|file)://[!-~]+\Z"
_TEXT = re.compile(r"[A-Za-z0-9_-]+")

_Key = Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
_Socket = Annotated[str, Meta(max_length=80, pattern=_SOCKET)]
_Url = Annotated[str, Meta(max_length=MAX_URL, pattern=_URL)]


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """What a shared link says."""

    secret: bytes = field(repr=False)
    issuer: bytes
    sockets: tuple[str, ...] = ()
    relay: str = ""
    urls: tuple[str, ...] = ()

    @property
    def device(self) -> Address:
        """Where the issuer was reachable when the link was made."""
        return Address(self.issuer, self.sockets, self.relay)


class _Fields(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    v: Literal[1]
    secret: _Key
    issuer: _Key
    sockets: Annotated[tuple[_Socket, ...], Meta(max_length=MAX_SOCKETS)]
    relay: Annotated[str, Meta(max_length=256, pattern=r"^(https?://[!-~]+)?\Z")]
    urls: Annotated[tuple[_Url, ...], Meta(max_length=MAX_URLS)]


def fitting_sockets(address: Address) -> tuple[str, ...]:
    """Those sockets of an address that a link can name, not too many of them."""
    return tuple(socket for socket in address.sockets if re.match(_SOCKET, socket))[:MAX_SOCKETS]


def format_address(address: LinkAddress) -> str:
    """The text behind the `#`; raises ProtocolError for what `parse_address` would not take."""
    fields = [VERSION, address.secret, address.issuer, list(address.sockets), address.relay, list(address.urls)]
    _read(fields)
    data = encode(fields)
    return base64.urlsafe_b64encode(data + _checksum(data)).decode().rstrip("=")


def parse_address(text: str) -> LinkAddress:
    """Read `format_address`; raises ProtocolError with a sentence for people."""
    if len(text) > MAX_TEXT:
        raise ProtocolError("This link is too long to be one of Lovelace's.")
    data = _bytes(text)
    body, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
    if len(data) <= _CHECK_BYTES or _checksum(body) != check:
        raise ProtocolError("This link is damaged: a part of it is missing or was changed. Copy the whole link again.")
    value = decode(body, _MAX_BYTES)
    if isinstance(value, list) and value and type(value[0]) is int and value[0] > VERSION:
        raise ProtocolError("This link was made by a newer version of Lovelace; update to open it.")
    return _read(value)


def _read(value: Any) -> LinkAddress:
    try:
        fields = msgspec.convert(value, _Fields, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(f"This link says something that no link can: {error}") from error
    return LinkAddress(fields.secret, fields.issuer, fields.sockets, fields.relay, fields.urls)


def _bytes(text: str) -> bytes:
    if _TEXT.fullmatch(text) is None:
        return b""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
    return data if base64.urlsafe_b64encode(data).decode().rstrip("=") == text else b""


def _checksum(data: bytes) -> bytes:
    return domain_hash("lovelace/link-checksum/1", data)[:_CHECK_BYTES]
