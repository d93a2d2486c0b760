"""Links of Lovelace, of every kind; `parse_link` is the one door.

lovelace://session/ID[/EVENT]           a session of one's own home, or one of its events: it names, it grants nothing
lovelace://session/#SECRET              a shared link: opens a published copy of a session, read-only
https://ANY/PAGE#SECRET                 the same; the page may tell what to do with it, and never learns the secret
lovelace://invite/#SECRET               an invite into a workspace
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.errors import UserError

if TYPE_CHECKING:
    from sync.protocol.link_address import LinkAddress

SCHEME = "lovelace"
LONGEST_LINK = 8192
LONGEST_INVITE = 32_768
SHARED_PAGE = f"{SCHEME}://session/"
"""What shared links begin with, unless a web page is named."""
_OWN = re.compile(r"lovelace:(?://)?session/([A-Za-z0-9_-]{1,64})(?:/([A-Za-z0-9_:.@-]{1,128}))?/?", re.ASCII)
_SHARED = re.compile(r"(lovelace:(?://)?session/?|https?://[!-\"$-~]{1,1024})#([!-~]+)", re.ASCII)
_INVITE = re.compile(r"lovelace:(?://)?invite/?#[!-~]+", re.ASCII)
_WEB = re.compile(r"https?://", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SessionLink:
    """A session, or one of its events."""

    session: str
    event: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}://session/{self.session}" + (f"/{self.event}" if self.event else "")


@dataclass(frozen=True, slots=True)
class SharedLink:
    """A published copy of a session. page: what stands before the `#`."""

    address: LinkAddress
    page: str = SHARED_PAGE

    def __str__(self) -> str:
        from sync.protocol.link_address import format_address

        return f"{self.page}#{format_address(self.address)}"


@dataclass(frozen=True, slots=True)
class InviteLink:
    """An invite, as a whole; `sync.protocol.invite_link` reads it where it is accepted."""

    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


AnyLink = SessionLink | SharedLink | InviteLink


def is_link(text: str) -> bool:
    """Whether the text means to be a link of ours."""
    return text[:64].strip().lower().startswith(f"{SCHEME}:")


def parse_link(text: str) -> AnyLink:
    """Read a link. UserError: it is not one, damaged, or of a kind that this version does not know."""
    text = text.strip()
    if len(text) > (LONGEST_INVITE if text[:24].lower().startswith(f"{SCHEME}://invite/") else LONGEST_LINK):
        raise UserError("This link is too long to be one of Lovelace's.")
    if not is_link(text) and not _WEB.match(text):
        raise UserError("This is not a link of Lovelace: such links begin with lovelace://")
    if is_link(text):
        text = text[: len(SCHEME)].lower() + text[len(SCHEME) :]
    if found := _OWN.fullmatch(text):
        return SessionLink(found[1], found[2])
    if found := _INVITE.fullmatch(text):
        return InviteLink(found[0])
    if found := _SHARED.fullmatch(text):
        return SharedLink(_address(found[2]), SHARED_PAGE if is_link(text) else found[1])
    raise UserError("This link is damaged or of a kind that this version does not know.")


def _address(secret: str) -> LinkAddress:
    from sync.errors import ProtocolError
    from sync.protocol.link_address import parse_address

    try:
        return parse_address(secret)
    except ProtocolError as error:
        raise UserError(str(error)) from error
