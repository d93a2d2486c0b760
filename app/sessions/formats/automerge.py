"""Export as Automerge: one document a session, which any Automerge program loads (JavaScript: `@automerge/automerge`).

A session is kept as segments of several devices; the export is one document made of all of them, inherited events of a
fork included:

    {v: 1, session: id, note: text,
     fields: {name → JSON text: title, type, status, created, …, as `sessions list --json` prints them},
     events: {event id → JSON text, as `sessions show --json` prints it}}

Ids of events sort in the order of the conversation. An event whose stored JSON does not follow from its fields carries
it as `raw`, as in JSON exports. Contents of blobs (attachments, checkpoints) do not travel. What differs from home to
home (the workspace, sizes on disk) is left out, so equal sessions give equal bytes; two exports of the same session,
one older than the other, merge into the union of their events. The document is built in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import msgspec

from app.sessions.archive import event_json
from app.sessions.views import SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries

_LOCAL = ("workspace", "workspace_name", "bytes")


def write_automerge(queries: Queries, sessions: Sequence[SessionRow], out: IO[bytes]) -> int:
    """Write the document of each session; gives the number of events."""
    from sync.documents.export import export_document

    total = 0
    for row in sessions:
        events = {event.id: event_json(event) for event in queries.iterate(row.id) if event.id}
        out.write(export_document(row.id, session_fields(row), queries.note(row.id), events))
        total += len(events)
    return total


def session_fields(row: SessionRow) -> dict[str, str]:
    """The fields of a session that are the same in every home, as JSON texts."""
    value = row.to_json()
    return {
        name: msgspec.json.encode(item, order="sorted").decode()
        for name, item in value.items()
        if name not in (*_LOCAL, "id")
    }
