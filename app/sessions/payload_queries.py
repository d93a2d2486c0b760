"""Payloads that are not on this device, and how far those are that somebody asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.sessions.event_queries import EventQueries
from app.sessions.lineage import conversation
from app.sessions.references import blob_refs
from app.sessions.sizes import human_size

_NAMED = """
SELECT b.blob, max(b.size) FROM (
  SELECT blob, size FROM session_blob WHERE session=? AND size>0
  UNION ALL SELECT a.blob, a.size FROM awaited a JOIN event e ON e.row=a.row WHERE e.session=?
) b GROUP BY b.blob ORDER BY b.blob"""
_FETCHES = """
SELECT f.blob, f.size, f.problem, (
  SELECT w.id FROM session_blob b JOIN session s ON s.row=b.session JOIN workspace w ON w.row=s.workspace
   WHERE b.blob=f.blob LIMIT 1)
  FROM fetch f ORDER BY f.asked, f.blob"""


@dataclass(frozen=True, slots=True)
class Fetch:
    """A payload that was asked for. blob: hex; size: of its content; done: bytes of it that have come.

    problem: why it does not come now, '' while it is expected. workspace: where it is referred to; None: nowhere.
    """

    blob: str
    size: int
    done: int
    problem: str
    workspace: bytes | None


def missing_words(sizes: Collection[int]) -> str:
    """A sentence about payloads that are not here; '' for none."""
    if not sizes:
        return ""
    count = "1 payload is" if len(sizes) == 1 else f"{len(sizes):,} payloads are"
    return f"{count} not on this device yet ({human_size(sum(sizes))})."


class PayloadQueries(EventQueries):
    """The part of `Queries` about payloads that are missing."""

    def missing_payloads(self, session: str) -> dict[str, int]:
        """Payloads of a session, and of what it inherits, that are not here: id (hex) and size of the content."""
        found: dict[str, int] = {}
        for part in conversation(self._connection, self._find_session(session)[0]):
            for blob, size in self._connection.execute(_NAMED, (part.row, part.row)):
                if not self.has_blob(bytes.fromhex(blob)):
                    found[blob] = size
        return found

    def missing_of_kinds(self, session: str, kinds: Collection[str]) -> dict[str, int]:
        """As `missing_payloads`, of the events of some kinds."""
        named: dict[str, int] = {}
        for event in self.iterate(session, kinds=kinds):
            named |= {ref.blob: ref.size for ref in blob_refs(event.body)}
            awaited = self._connection.execute("SELECT blob, size FROM awaited WHERE row=?", (event.row,))
            named.update(awaited.fetchall())
        return {blob: size for blob, size in named.items() if not self.has_blob(bytes.fromhex(blob))}

    def fetches(self) -> list[Fetch]:
        """What was asked for in this home and is not here yet, oldest first."""
        return [
            Fetch(blob, size, self._blobs.arrived_bytes(bytes.fromhex(blob)), problem, workspace and bytes(workspace))
            for blob, size, problem, workspace in self._connection.execute(_FETCHES).fetchall()
        ]
