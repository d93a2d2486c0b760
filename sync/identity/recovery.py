"""Secrets that people write on paper: 128 random bits as groups of base32 with a checksum.

20 bytes (16 of secret, 4 of checksum) are exactly 32 characters of RFC 4648 base32, shown as eight groups of
four. The checksum belongs to one purpose: a code that was made for another one is refused as mistyped.
Reading forgives case, spaces, hyphens and the digits 0, 1 and 8, which the alphabet does not have.
"""

from __future__ import annotations

import base64
import binascii
import re

from sync.crypto import domain_hash
from sync.errors import IdentityError

SECRET_BYTES = 16
_CHECKSUM_BYTES = 4
_GROUP = 4
_CHARACTERS = 32
_GROUPS = re.compile(r"\s*[A-Z0-9]{3,5}(?:\s*-\s*[A-Z0-9]{3,5}){5,9}\s*", re.IGNORECASE)
_FORGIVEN = str.maketrans("018", "OIB", " -\t\r\n")


def show_code(secret: bytes, domain: str) -> str:
    """A 16-byte secret as people write it down; `domain` says what it is for."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"A secret on paper has {SECRET_BYTES} bytes, not {len(secret)}.")
    text = base64.b32encode(secret + _checksum(secret, domain)).decode("ascii")
    return "-".join(text[start : start + _GROUP] for start in range(0, _CHARACTERS, _GROUP))


def read_code(text: str, domain: str) -> bytes:
    """The secret of `show_code`; raises IdentityError for anything mistyped or made for another purpose."""
    compact = text.upper().translate(_FORGIVEN)
    if len(compact) != _CHARACTERS:
        raise IdentityError(f"A recovery code has {_CHARACTERS} letters and digits; this has {len(compact)}.")
    try:
        data = base64.b32decode(compact)
    except (binascii.Error, ValueError) as error:
        raise IdentityError("A recovery code has only the letters A to Z and the digits 2 to 7.") from error
    secret, checksum = data[:SECRET_BYTES], data[SECRET_BYTES:]
    if checksum != _checksum(secret, domain):
        raise IdentityError("This recovery code has a wrong character, or is for something else.")
    return secret


def looks_like_code(text: str) -> bool:
    """Whether somebody meant this as a code, also if characters are wrong, missing or too many."""
    compact = text.upper().translate(_FORGIVEN)
    letters = len(compact) == _CHARACTERS and compact.isascii() and compact.isalnum()
    return letters or _GROUPS.fullmatch(text) is not None


def _checksum(secret: bytes, domain: str) -> bytes:
    return domain_hash(domain, secret)[:_CHECKSUM_BYTES]
