"""Transcripts of Claude Code: `~/.claude/projects/<dashed path>/<uuid>.jsonl` and `<uuid>/subagents/agent-*.jsonl`.

One JSON object a line. Records of the conversation have `type` (user, assistant, system, attachment, progress),
`uuid` and `parentUuid`, which form a graph: a prompt whose parent is not the end of the conversation is a rewind, and
`isSidechain` marks the conversations of sub-agents. `message.content` is a string or a list of text, thinking,
tool_use, tool_result and image blocks; `toolUseResult` beside it holds the same result in the tool's own form. Other
records (titles, snapshots, queue and mode changes) have no `uuid`. There is no published specification: this follows
what versions 1.0 to 2.1 write, and keeps what it does not know as a `notice`.
"""

from __future__ import annotations

from app.importers.claude.reader import Reader
from app.importers.claude.records import recognise

__all__ = ["Reader", "recognise"]
