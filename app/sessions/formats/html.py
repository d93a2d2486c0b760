"""Export as HTML: one self-contained page a session (see `app.sessions.html`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from app.sessions.formats.counting import Counted
from app.sessions.views import SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries


def write_html(queries: Queries, sessions: Sequence[SessionRow], out: IO[str]) -> int:
    """Write each session; gives the number of events."""
    from app.sessions.html.page import session_html

    total = 0
    for row in sessions:
        events = Counted(queries.iterate(row.id))
        for piece in session_html(row, events, queries.note(row.id), queries.find_blob):
            out.write(piece)
        total += events.count
    return total
