"""One part of a message as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from app.importers.opencode.tools import call_bodies, result_bodies
from app.importers.values import as_count, as_dict, as_list, as_name, as_text, first_line, relative_path
from app.sessions.events import AgentMessage, AgentThought, Body, Compaction, Notice, Usage, UserMessage

_SILENT = frozenset({"step-start", "snapshot"})
"""Parts that hold nothing but the name of a state of the files."""
_CALLED = ("running", "completed", "error")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose message a part belongs to, and the turn. is_summary: the agent shortened the conversation with it."""

    role: Literal["user", "assistant"]
    turn: str | None = None
    time: int = 0
    model: str | None = None
    cwd: str | None = None
    is_summary: bool = False


def bodies_of(part: dict[str, Any], speaker: Speaker, root: str | None) -> list[Body]:
    """The events of a part that is no tool's: none yet where it will change. root: paths inside it become relative."""
    kind = as_text(part.get("type"))
    if kind in ("text", "reasoning"):
        times = part.get("time")
        if speaker.role == "assistant" and isinstance(times, dict) and not times.get("end"):
            return []
        return _said(kind, part, speaker)
    if kind == "step-finish":
        return [usage] if (usage := _usage(part, speaker)) else []
    if kind == "patch":
        return _patch(part, root)
    return [] if kind in _SILENT else [_other(kind, part)]


def unfinished_bodies(part: dict[str, Any], speaker: Speaker, root: str | None) -> list[Body]:
    """What there is to say of a part that was left unfinished."""
    kind = as_text(part.get("type"))
    if kind in ("text", "reasoning"):
        return _said(kind, part, speaker) if as_text(part.get("text")) else []
    state = as_dict(part.get("state"))
    if kind == "tool" and state.get("status") == "pending":
        return call_bodies(part, state, speaker.cwd, root)
    return []


def _said(kind: str, part: dict[str, Any], speaker: Speaker) -> list[Body]:
    text = as_text(part.get("text"))
    if not text.strip():
        return [] if isinstance(part.get("text"), str) else [_other(kind, part)]
    if kind == "reasoning":
        return [AgentThought(text=text)]
    if speaker.role == "assistant":
        return [Compaction(text=text)] if speaker.is_summary else [AgentMessage(text=text, model=speaker.model)]
    if part.get("synthetic") is True or part.get("ignored") is True:
        return [Notice(text=text)]
    return [UserMessage(text=text)]


def called(part: dict[str, Any], speaker: Speaker, root: str | None) -> list[Body]:
    """The events of a tool part's call, once it is clear what it asks for."""
    state = as_dict(part.get("state"))
    status = state.get("status")
    if status == "pending":
        return []
    return call_bodies(part, state, speaker.cwd, root) if status in _CALLED else [_other("tool", part)]


def came_of(part: dict[str, Any], root: str | None) -> list[Body]:
    """The events of a tool part's result, once it is there."""
    state = as_dict(part.get("state"))
    return result_bodies(part, state, root) if state.get("status") in ("completed", "error") else []


def _usage(part: dict[str, Any], speaker: Speaker) -> Usage | None:
    tokens = as_dict(part.get("tokens"))
    cache = as_dict(tokens.get("cache"))
    cost = part.get("cost")
    if not tokens:
        return None
    return Usage(
        input=as_count(tokens.get("input")),
        output=as_count(tokens.get("output")) + as_count(tokens.get("reasoning")),
        cost=float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 < cost < 1e9 else None,
        model=speaker.model,
        cache_read=as_count(cache.get("read")),
        cache_write=as_count(cache.get("write")),
    )


def _patch(part: dict[str, Any], root: str | None) -> list[Body]:
    """Files that differ after a step; what the tools of the step did to them stands beside the tools."""
    files = [relative_path(file, root) for file in as_list(part.get("files")) if isinstance(file, str)]
    text = f"Files that differ now: {', '.join(files[:20])}"
    return [Notice(text=text, data=_content(part))] if files else []


def _content(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key not in ("id", "sessionID", "messageID")}


def _other(kind: str, part: dict[str, Any]) -> Notice:
    rest = _content(part)
    if kind == "file":
        return Notice(text=f"Attachment: {first_line(as_text(part.get('filename'))) or 'file'}", data=rest)
    if kind == "compaction":
        return Notice(text="The conversation is made shorter.", data=rest)
    if kind == "retry":
        message = as_name(as_dict(as_dict(part.get("error")).get("data")).get("message"))
        return Notice(text=f"Tried again: {first_line(message or 'an error')}", level="warning", data=rest)
    if kind == "subtask":
        return Notice(text=f"Task for an agent: {first_line(as_text(part.get('description')))}", data=rest)
    return Notice(text=f"Part: {first_line(kind) or 'unknown'}", data=rest)


def error_of(error: object) -> Notice:
    """What ended a message early."""
    fields = as_dict(error)
    name = as_name(fields.get("name"))
    message = as_name(as_dict(fields.get("data")).get("message")) or as_name(fields.get("message"))
    if name == "MessageAbortedError":
        return Notice(text="The answer was interrupted.", level="warning")
    return Notice(text=message or name or "An error", level="error", data=error)
