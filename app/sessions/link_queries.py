"""Reading links, and what a published copy of a session is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import NotFound
from app.sessions.link_views import LinkRow, LinkState
from app.sessions.workspace_queries import WorkspaceQueries
from sync.protocol.address import Address
from sync.store import links
from sync.store.links import IssuedLink, LinkPlace

if TYPE_CHECKING:
    from app.sessions.link_copies import CopyContents, KeepObjects

SHORTEST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class SharedSession:
    """The session of a link. row, workspace: of the store."""

    id: str
    row: int
    workspace: int
    title: str | None
    events: int


class LinkQueries(WorkspaceQueries):
    """The part of `Queries` that reads links."""

    def links(self, now: int) -> list[LinkRow]:
        """All links of this device, the newest first. now: milliseconds."""
        return [self._link_row(link, now) for link in links.links(self._connection)]

    def issued_links(self) -> list[tuple[IssuedLink, list[LinkPlace]]]:
        """All links with the places where their copies lie, for whoever keeps those up to date."""
        return [(link, links.places(self._connection, link.id)) for link in links.links(self._connection)]

    def gives_links(self, now: int) -> bool:
        """Whether there is any link that may be opened now or later."""
        found = self._connection.execute(
            "SELECT 1 FROM link WHERE revoked IS NULL AND (expires IS NULL OR expires>?) LIMIT 1", (now,)
        ).fetchone()
        return found is not None

    def next_expiry(self, now: int) -> int | None:
        """When the next link ends by itself."""
        row = self._connection.execute("SELECT min(expires) FROM link WHERE revoked IS NULL AND expires>?", (now,))
        ends: int | None = row.fetchone()[0]
        return ends

    def find_link(self, name: str) -> IssuedLink:
        """A link by its id or a unique prefix of it (hex); raises NotFound."""
        wanted = name.strip().lower()
        found = [link for link in links.links(self._connection) if link.id.hex().startswith(wanted)]
        if len(found) == 1 and len(wanted) >= SHORTEST_PREFIX:
            return found[0]
        candidates = [f"{link.id.hex()[:12]}  {link.title}" for link in found[:10]]
        raise NotFound(f"This device issued no link {name}. `lovelace links list` shows them.", candidates=candidates)

    def own_address(self) -> Address:
        """Where this device was reachable when it last said so."""
        from sync.store.network_rows import addresses

        own = bytes.fromhex(self.own_device()[1])
        return next((one for one in addresses(self._connection) if one.device == own), Address(own))

    def is_copied(self, session: str) -> bool:
        """Whether a session (full id) was opened from a link, so that it can only be read."""
        row = self._connection.execute(
            "SELECT 1 FROM session s JOIN copied_workspace c ON c.workspace=s.workspace WHERE s.id=?", (session,)
        ).fetchone()
        return row is not None

    def copy_state(self, link: IssuedLink) -> str | None:
        """What the session of a link looks like now; None if it is deleted."""
        from app.sessions.link_copies import copy_state

        session = self._shared(link)
        return None if session is None else copy_state(self._connection, session)

    def make_copy(self, link: IssuedLink, keep: KeepObjects) -> CopyContents | None:
        """Make the objects of a copy, as the session is at this moment; None if it is deleted or the link revoked."""
        from app.sessions.link_copies import make_copy

        self._connection.execute("BEGIN")
        try:
            session = self._shared(link)
            if session is None or link.secret is None:
                return None
            return make_copy(self._connection, self._blobs, link, session, keep)
        finally:
            self._connection.execute("ROLLBACK")

    def _shared(self, link: IssuedLink) -> SharedSession | None:
        """The session of a link, unless it is deleted."""
        row = self._connection.execute(
            "SELECT s.id, s.row, s.workspace, s.title, s.events FROM session s JOIN workspace w ON w.row=s.workspace "
            "WHERE s.id=? AND w.id=? AND s.trashed=0",
            (link.name, link.workspace),
        ).fetchone()
        return None if row is None else SharedSession(*row)

    def _link_row(self, link: IssuedLink, now: int) -> LinkRow:
        from sync.transports.storage_uri import read_uri

        there = links.places(self._connection, link.id)
        return LinkRow(
            link.id.hex(),
            link.name,
            link.title,
            link.workspace.hex(),
            self._link_state(link, now),
            link.created,
            link.expires,
            link.once,
            link.used,
            link.revoked,
            link.refreshed,
            tuple(read_uri(place.place).shown for place in there),
            tuple(place.trouble for place in there if place.trouble),
            link.text,
        )

    def _link_state(self, link: IssuedLink, now: int) -> LinkState:
        if link.revoked is not None:
            return "revoked"
        if link.once and link.used is not None:
            return "used"
        if link.expires is not None and link.expires <= now:
            return "expired"
        return "active" if self._shared(link) else "deleted"
