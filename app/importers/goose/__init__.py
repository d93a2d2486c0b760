"""Sessions of Goose: the database `~/.local/share/goose/sessions/sessions.db`, or older files `<session>.jsonl`.

The database has `sessions` (id, name or description, working_dir, session_type, …) and `messages` (session_id, role,
content_json, created_timestamp). A file has the session's description in its first line and a message `{role, created,
content}` in each further one; its name is the session's id, under which the database took it over. Content is a list:
text, thinking, toolRequest with a `toolCall`, toolResponse with a `toolResult` (a list of text and images), … . Follows
the sources of versions 1.0 to 1.9; what is not known is kept as a `notice`. Tokens are only counted per session, as
totals that grow: they are not told.
"""

from __future__ import annotations

from app.importers.goose.reader import Reader, recognise
from app.importers.goose.rows import SessionRows

ROWS = SessionRows()

__all__ = ["ROWS", "Reader", "recognise"]
