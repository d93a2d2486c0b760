"""Addresses of sessions and events in one's own home: `lovelace://session/ID` and `lovelace://session/ID/EVENT`.

They name, they grant nothing: whoever opens one must already have the session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.errors import UserError

SCHEME = "lovelace"
LONGEST_LINK = 4096
_OWN = re.compile(r"lovelace:(?://)?session/([A-Za-z0-9_-]{1,64})(?:/([A-Za-z0-9_:.@-]{1,128}))?/?", re.ASCII)


@dataclass(frozen=True, slots=True)
class SessionLink:
    """A session, or one of its events."""

    session: str
    event: str | None = None

    def __str__(self) -> str:
        return f"{SCHEME}://session/{self.session}" + (f"/{self.event}" if self.event else "")


def is_link(text: str) -> bool:
    """Whether the text means to be a link of ours."""
    return text[:64].strip().lower().startswith(f"{SCHEME}:")


def parse_link(text: str) -> SessionLink:
    """Read a link. UserError: it is not one, or of a kind that this version does not know."""
    text = text.strip()
    if len(text) > LONGEST_LINK:
        raise UserError("This link is too long to be one of Lovelace's.")
    if not is_link(text):
        raise UserError("This is not a link of Lovelace: such links begin with lovelace://")
    found = _OWN.fullmatch(text[: len(SCHEME)].lower() + text[len(SCHEME) :])
    if found is None:
        raise UserError("This link is damaged or of a kind that this version does not know.")
    return SessionLink(found[1], found[2])
