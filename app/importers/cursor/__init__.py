"""Transcripts of Cursor's agent: `~/.cursor/projects/<project>/agent-transcripts/<uuid>/<uuid>.jsonl`.

One `{role, message: {content: […]}}` a line, with blocks text, tool_use and (seldom) tool_result, and
`{type: "turn_ended", status}` after a turn. Prompts stand in `<user_query>`, newer ones behind a `<timestamp>`. A line
has no id and no time, most calls no result: an event is named by its line, a turn has the time of its prompt, and file
changes are those that were asked for (a call is written after it ran). The name of the file is the session's, as
nothing inside says it; what lies in `subagents` beside it was started by it.
"""

from __future__ import annotations

from app.importers.cursor.reader import Reader, recognise

__all__ = ["Reader", "recognise"]
