"""What of an event is searched, and how tall it will be on a screen."""

from __future__ import annotations

from typing import Any

from app.sessions.events import (
    AgentMessage,
    AgentThought,
    AnyBody,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    FileChange,
    FileRead,
    Notice,
    PermissionRequest,
    Plan,
    Reference,
    SessionSet,
    Suggestion,
    ToolCall,
    ToolResult,
    UserMessage,
    Verification,
)
from app.sessions.summaries import FIELD
from app.sessions.terminal.printed import printed_text

MAX_INDEXED = 64 * 1024
MAX_PARSED = 4 * MAX_INDEXED
"""Of an output, so much is looked at for the text between its colours."""
LINE_CHARACTERS = 90
MAX_LINES = 0xFFFF
CARD_LINES = 2
INVISIBLE_KINDS = frozenset(
    {"session_set", "checkpoint", "usage", "status", "file_read", "permission_answer", "erasure"}
)
_TEXT_KINDS = (UserMessage, AgentMessage, AgentThought, Conclusion, Notice, Suggestion, Compaction, Reference)


def searchable_text(body: AnyBody) -> str:
    """The words by which an event is found: at most 64 Ki characters."""
    return _text(body)[:MAX_INDEXED]


def _text(body: AnyBody) -> str:
    match body:
        case UserMessage() | AgentMessage() | AgentThought() | Conclusion() | Notice() | Suggestion():
            return body.text
        case Compaction() | Reference():
            return body.text
        case CommandResult():
            return "\n".join(printed_text(text[:MAX_PARSED]) for text in (body.stdout, body.stderr) if text)
        case Command():
            return body.command
        case ToolResult():
            return printed_text(body.output[:MAX_PARSED])
        case ToolCall():
            return " ".join((body.name, body.title, *_leaves(body.input)))
        case FileChange():
            return f"{body.path}\n{body.diff}"
        case FileRead():
            return body.path
        case Plan():
            return "\n".join(entry.text for entry in body.entries)
        case SessionSet():
            return " ".join(str(body.fields[key]) for key in ("title", FIELD) if body.fields.get(key))
        case PermissionRequest():
            return body.title
        case Verification():
            return f"{body.what}\n{body.evidence}"
    return ""


def _leaves(value: Any, depth: int = 8) -> list[str]:
    """The texts inside a JSON value."""
    if isinstance(value, str):
        return [value]
    if depth and isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item, depth - 1)]
    if depth and isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item, depth - 1)]
    return []


def estimated_lines(kind: str, body: AnyBody | None) -> int:
    """Lines of text that a conversation gives to an event; 0 for kinds that people do not see there."""
    if kind in INVISIBLE_KINDS:
        return 0
    if not isinstance(body, _TEXT_KINDS):
        return min(CARD_LINES + (len(body.entries) if isinstance(body, Plan) else 0), MAX_LINES)
    if isinstance(body, AgentThought):
        return CARD_LINES
    wrapped = body.text.count("\n") + len(body.text) // LINE_CHARACTERS + 1
    return min(wrapped, MAX_LINES)
