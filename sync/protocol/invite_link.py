"""Invite links: what somebody needs who is to join a workspace.

    lovelace://invite/#<base64url of CBOR {v, workspace, invite, seed, log_key, addresses, mailbox}>

All of it stands in the fragment, which browsers do not send. `seed` is the secret half of the invite's one-time key,
`log_key` opens the workspace's operations as they travel, `mailbox` is a URI that needs no credentials, or "".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from sync.crypto import decode, encode
from sync.errors import IdentityError, ProtocolError
from sync.protocol.handover import MAX_MAILBOX
from sync.protocol.pairing_code import MAX_ADDRESS, read_bytes, show_bytes

PREFIX = "lovelace://invite/#"
MAX_ADDRESSES = 8
_MAX_TEXT = 32_768
_Id = Annotated[bytes, Meta(min_length=32, max_length=32)]


@dataclass(frozen=True, slots=True)
class InviteLink:
    """What an invite link says. addresses: of devices that take the answer, as the transports write them."""

    workspace: bytes
    invite: bytes
    seed: bytes = field(repr=False)
    log_key: bytes = field(repr=False)
    addresses: tuple[bytes, ...] = ()
    mailbox: str = field(default="", repr=False)

    def __str__(self) -> str:
        """The link itself, with its secrets."""
        value = _Wire(1, self.workspace, self.invite, self.seed, self.log_key, self.addresses, self.mailbox)
        return PREFIX + show_bytes(encode(msgspec.to_builtins(value, builtin_types=(bytes,))))


class _Wire(Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    workspace: _Id
    invite: _Id
    seed: _Id
    log_key: _Id
    addresses: Annotated[tuple[Annotated[bytes, Meta(max_length=MAX_ADDRESS)], ...], Meta(max_length=MAX_ADDRESSES)]
    mailbox: Annotated[str, Meta(max_length=MAX_MAILBOX)]


def is_invite(text: str) -> bool:
    """Whether somebody means this as an invite link."""
    return text[:64].strip().lower().startswith(PREFIX.rstrip("#"))


def read_invite(text: str) -> InviteLink:
    """Read a link; IdentityError for anything else."""
    text = text.strip()
    if not text.lower().startswith(PREFIX):
        raise IdentityError(f"This is not an invite link; they begin with {PREFIX}")
    if len(text) > _MAX_TEXT:
        raise IdentityError("This invite link is too long to be one.")
    data = read_bytes(text[len(PREFIX) :], "invite link")
    try:
        wire = msgspec.convert(decode(data), _Wire, builtin_types=(bytes,))
    except (ProtocolError, msgspec.ValidationError) as error:
        raise IdentityError("This invite link is damaged, or of a newer version. Copy it again, as a whole.") from error
    return InviteLink(wire.workspace, wire.invite, wire.seed, wire.log_key, wire.addresses, wire.mailbox)
