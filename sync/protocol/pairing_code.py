"""Pairing codes and tickets: what a person carries from a new device to one that they already use.

A code is 130 random bits as 26 characters of RFC 4648 base32, shown in groups of four. It proves both devices to each
other, and the places where they meet follow from it: a name on the local network, a path in a mailbox. A ticket is a
code with an address of the new device, as text for pasting or a QR code:

    lovelace://pair/#<code>.<base64url of the address>

What an address looks like is the transports' matter; here it is bytes.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from sync.clock import Random
from sync.crypto import KEY_BYTES, derive_key, open_sealed, seal
from sync.errors import IdentityError, ProtocolError

CODE_BITS = 130
CODE_CHARACTERS = 26
MAX_ADDRESS = 2048
_TICKET = "lovelace://pair/#"
_MAX_TEXT = 4096
_GROUP = 4
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_FORGIVEN = str.maketrans("018", "OIB", " -\t\r\n")
_BYTES = 17
"""Enough for 130 bits."""
_MEETING = "lovelace/pairing-meeting/1"
_ADDRESS = "lovelace/pairing-address/1"


@dataclass(frozen=True, slots=True)
class Code:
    """A pairing code; make it with `create` or `read`. secret: a key that everything about it is derived from."""

    text: str = field(repr=False)

    @classmethod
    def create(cls, random: Random) -> Code:
        """A new code."""
        bits = int.from_bytes(random(_BYTES), "big") >> (_BYTES * 8 - CODE_BITS)
        digits = (bits >> 5 * place & 31 for place in reversed(range(CODE_CHARACTERS)))
        return cls("".join(_ALPHABET[digit] for digit in digits))

    @classmethod
    def read(cls, text: str) -> Code:
        """The code that somebody typed; IdentityError unless it can be one."""
        compact = text[:_MAX_TEXT].translate(_FORGIVEN).upper()
        if len(compact) != CODE_CHARACTERS:
            raise IdentityError(f"A pairing code has {CODE_CHARACTERS} letters and digits; this has {len(compact)}.")
        if not set(compact) <= set(_ALPHABET):
            raise IdentityError("A pairing code has only the letters A to Z and the digits 2 to 7.")
        return cls(compact)

    def __str__(self) -> str:
        """As it is shown: in groups."""
        return "-".join(self.text[start : start + _GROUP] for start in range(0, CODE_CHARACTERS, _GROUP))

    @property
    def secret(self) -> bytes:
        """32 bytes that hold the 130 bits."""
        value = 0
        for character in self.text:
            value = value << 5 | _ALPHABET.index(character)
        return value.to_bytes(KEY_BYTES, "big")

    @property
    def meeting_name(self) -> str:
        """What the new device calls itself where the old one looks for it; tells nothing about the code."""
        return derive_key(self.secret, _MEETING)[:16].hex()

    @property
    def meeting_path(self) -> str:
        """Where in a mailbox both leave something for each other."""
        return f"v1/pairing/{self.meeting_name}/"

    def seal_address(self, address: bytes, random: Random) -> bytes:
        """An address as it may lie in a mailbox."""
        return seal(derive_key(self.secret, _ADDRESS), address, self.meeting_name.encode(), random)

    def open_address(self, sealed: bytes) -> bytes:
        """What `seal_address` closed; ProtocolError for anything else."""
        if len(sealed) > MAX_ADDRESS + 64:
            raise ProtocolError("What lies at the meeting place is too large to be an address.")
        return open_sealed(derive_key(self.secret, _ADDRESS), sealed, self.meeting_name.encode())


@dataclass(frozen=True, slots=True)
class Ticket:
    """A code and where the new device may be reached; address: b"" if only the code is known."""

    code: Code
    address: bytes = b""

    def __str__(self) -> str:
        """The text that is pasted, or shown as a QR code."""
        return f"{_TICKET}{self.code.text}.{show_bytes(self.address)}"


def read_ticket(text: str) -> Ticket:
    """A ticket, or a bare code as one without an address; IdentityError for anything else."""
    text = text.strip()
    if not text.lower().startswith(_TICKET):
        if ":" in text:
            raise IdentityError("This is neither a pairing code nor a ticket; tickets begin with lovelace://pair/#")
        return Ticket(Code.read(text))
    if len(text) > _MAX_TEXT:
        raise IdentityError("This ticket is too long to be one.")
    code, _, address = text[len(_TICKET) :].partition(".")
    return Ticket(Code.read(code), read_bytes(address, "ticket"))


def show_bytes(data: bytes) -> str:
    """Bytes as they stand in links: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def read_bytes(text: str, what: str) -> bytes:
    """Read `show_bytes`, in its only form; IdentityError for anything else. what: the noun for the sentence."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise IdentityError(f"This {what} is damaged. Copy it again, as a whole.") from error
    if show_bytes(data) != text:
        raise IdentityError(f"This {what} is damaged. Copy it again, as a whole.")
    return data
