"""Export as Markdown: one document a session (see `app.sessions.markdown`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from app.sessions.formats.counting import Counted
from app.sessions.markdown import session_markdown
from app.sessions.views import SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries


def write_markdown(queries: Queries, sessions: Sequence[SessionRow], out: IO[str]) -> int:
    """Write each session; gives the number of events."""
    total = 0
    for row in sessions:
        events = Counted(queries.iterate(row.id))
        for piece in session_markdown(row, events, queries.note(row.id)):
            out.write(piece)
        total += events.count
    return total
