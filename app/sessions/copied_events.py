"""Events of a session as a published copy holds them where its documents cannot be given as they are.

Documents are signed as a whole: what a fork inherits would come with all that was said there afterwards, and what
somebody has erased would come with it. So of those the events are written anew, each with the id and the author it had,
as an import of an export does; whoever issues the link vouches for them, as for the copy as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.sessions.bodies import Restored, decode_common, encode_restored, open_body
from app.sessions.lineage import Part
from app.sessions.packing import resolve_stub, unpack_body
from app.sessions.references import blob_refs, spilled_into
from sync.protocol.published import person_in
from sync.store.blobs import BlobStore
from sync.store.database import Connection

_LEFT_OUT = ("erased", "erasure", "takeover")
_EVENTS = (
    "SELECT e.id, e.body, a.identity, a.device, a.name FROM event e JOIN author a ON a.row=e.author "
    "WHERE e.session=? AND e.id<=? AND NOT e.damaged AND e.kind NOT IN (?,?,?,?) ORDER BY e.id"
)


@dataclass(frozen=True, slots=True)
class CopiedEvents:
    """items: (event id, JSON body), in order. blobs: ids of what they refer to."""

    items: tuple[tuple[str, str], ...] = ()
    blobs: frozenset[bytes] = frozenset()


def has_erased(connection: Connection, session: int) -> bool:
    """Whether somebody took something back in a session (row id)."""
    sql = "SELECT 1 FROM event WHERE session=? AND kind='erased' LIMIT 1"
    return connection.execute(sql, (session,)).fetchone() is not None


def copied_events(connection: Connection, blobs: BlobStore, workspace: bytes, parts: Sequence[Part]) -> CopiedEvents:
    """The events of a conversation: of the last of its parts all, of what it inherits none that sets fields."""
    items, named = list[tuple[str, str]](), set[str]()
    for number, part in enumerate(parts):
        without = (*_LEFT_OUT, "" if number == len(parts) - 1 else "session_set")
        for identifier, stored, identity, device, name in connection.execute(_EVENTS, (part.row, part.last, *without)):
            data = unpack_body(stored)
            author = Restored(person_in(workspace, bytes(identity)).hex(), bytes(device).hex(), name)
            common = decode_common(data)
            inner = data if common is None or common.body is None else common.body.encode()
            items.append((identifier, encode_restored(inner, author).decode()))
            named.update(spilled_into(data))
            opened = open_body(data, lambda stub: resolve_stub(blobs, connection, stub))
            if opened is not None:
                named.update(ref.blob for ref in blob_refs(opened.body))
    return CopiedEvents(tuple(items), frozenset(map(bytes.fromhex, named)))
