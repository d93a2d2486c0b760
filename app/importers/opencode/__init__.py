"""Sessions of opencode: the database `~/.local/share/opencode/opencode.db`, or the older tree of JSON files
`storage/{session,message,part}` beside it.

Both hold the same three kinds of objects. A session `{id, parentID, directory, title, time}`; a message `{id,
sessionID, role}` of the person or the agent; a part `{id, sessionID, messageID, type}` of a message: text, reasoning,
tool (with its call, state, output), step-start, step-finish (with the usage), patch, file, … . Ids ascend with time.
Parts change until they are finished, and are told when they are. Follows what versions 0.5 to 1.18 write; what is not
known is kept as a `notice`.
"""

from __future__ import annotations

from app.importers.opencode.reader import Reader
from app.importers.opencode.records import recognise
from app.importers.opencode.rows import SessionRows

ROWS = SessionRows()

__all__ = ["ROWS", "Reader", "recognise"]
