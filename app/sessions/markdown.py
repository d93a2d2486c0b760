"""A session as Markdown, for people to read and keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from app.sessions.events import (
    AgentMessage,
    AgentThought,
    AnyBody,
    Command,
    CommandResult,
    Compaction,
    Conclusion,
    Erased,
    FileChange,
    FileRead,
    GivenFact,
    MemoryGiven,
    Notice,
    PermissionAnswer,
    Plan,
    Reference,
    SessionSet,
    Suggestion,
    ToolCall,
    ToolResult,
    Unknown,
    UserMessage,
    Verification,
)
from app.sessions.terminal.printed import printed_text
from app.sessions.views import Event, SessionRow, iso_time

_DAMAGED = "*The above is damaged: it is not what its id says.*\n\n"
_PLAN_MARKS = {"pending": "[ ]", "in_progress": "[-]", "completed": "[x]"}
_TICKS = re.compile("`{3,}")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)", re.DOTALL)
_LINE_END = re.compile(r"\r\n?|\n")


def session_markdown(row: SessionRow, events: Iterable[Event], note: str = "") -> Iterator[str]:
    """Pieces of the document, in order."""
    yield f"# {_line(row.title)}\n\n"
    facts = [f"{iso_time(row.created)} – {iso_time(row.updated)}", row.workspace_name, *(row.authors), *row.tags]
    yield " · ".join(_line(fact) for fact in facts) + "\n\n"
    if note:
        yield _closed(note.rstrip()) + "\n\n---\n\n"
    yield from events_markdown(events)


def events_markdown(events: Iterable[Event]) -> Iterator[str]:
    """Pieces of what was said and done, in order, with a heading where the speaker changes."""
    speaker = None
    for event in events:
        text = event_markdown(event.body)
        if not text:
            continue
        name = _speaker(event)
        if name != speaker:
            yield f"## {_line(name)} · {iso_time(event.time)[11:16]}\n\n"
            speaker = name
        yield text + "\n\n" + (_DAMAGED if event.damaged else "")


def _speaker(event: Event) -> str:
    return event.author.agent or event.author.name


def event_markdown(body: AnyBody) -> str:
    """One event; '' for kinds that say nothing to a reader."""
    match body:
        case UserMessage() | AgentMessage() | Suggestion():
            names = "".join(f"\n\n📎 {_line(ref.name or ref.blob[:12])}" for ref in getattr(body, "attachments", ()))
            return _closed(body.text.rstrip()) + names
        case AgentThought():
            return "\n".join(f"> {line}".rstrip() for line in body.text.rstrip().splitlines())
        case Plan():
            return "\n".join(f"- {_PLAN_MARKS[entry.status]} {_line(entry.text)}" for entry in body.entries)
        case ToolCall():
            call = f"**{_line(body.name)}** {_line(body.title)}".rstrip()
            return call if body.input in (None, {}, []) else f"{call}\n\n{_fenced(_json(body.input), 'json')}"
        case ToolResult():
            status = "" if body.status == "completed" else f"*{body.status}*\n\n"
            return (status + (_fenced(printed_text(body.output)) if body.output else "")).rstrip()
        case Command():
            return _fenced(f"$ {body.command}", "console")
        case CommandResult():
            return _command_result(body)
        case FileChange():
            head = f"**{_line(body.path)}** +{body.added} −{body.removed}"
            return f"{head}\n\n{_fenced(body.diff, 'diff')}" if body.diff else head
        case FileRead():
            return ""
    return _remark(body)


def _remark(body: AnyBody) -> str:
    match body:
        case Conclusion() | Compaction():
            return f"**{body.kind.capitalize()}**\n\n{_closed(body.text.rstrip())}"
        case Verification():
            mark = "✓" if body.passed else "✗"
            return f"{mark} {_line(body.what)}" + (f"\n\n{_fenced(body.evidence)}" if body.evidence else "")
        case Notice():
            return f"*{_line(body.text)}*"
        case PermissionAnswer():
            return "*denied*" if body.answer == "reject" else ""
        case Reference():
            return _reference(body)
        case MemoryGiven():
            return "\n".join(["*given from memory:*", *(f"- {_line(told_fact(fact))}" for fact in body.facts)])
        case Unknown():
            return f"*{_line(body.kind)}*\n\n{_fenced(_json(body.fields), 'json')}"
        case Erased():
            return "*erased*"
        case SessionSet():
            return ""
    return ""


def _reference(body: Reference) -> str:
    link = f"→ [session {_line(body.target)}](lovelace://session/{_line(body.target)})"
    return "\n\n".join(filter(None, (f"{link}{_line(event_range(body))}", _closed(body.text.rstrip()))))


def told_fact(fact: GivenFact) -> str:
    """A fact with where it comes from."""
    return f"{fact.text} ({fact.source})" if fact.source else fact.text


def event_range(body: Reference) -> str:
    """Which events of the other session are meant, as people read it; '' for no events in particular."""
    if body.first is None:
        return ""
    return f", event {body.first}" if body.last in (None, body.first) else f", events {body.first}…{body.last}"


def _command_result(body: CommandResult) -> str:
    if body.signal:
        ending = f"*ended by {body.signal}*"
    else:
        ending = "" if body.exit_code in (0, None) else f"*exit code {body.exit_code}*"
    output = "\n".join(printed_text(part).rstrip("\n") for part in (body.stdout, body.stderr) if part)
    return "\n\n".join(part for part in (_fenced(output) if output else "", ending) if part)


def _fenced(text: str, language: str = "") -> str:
    """A code block whose fence is longer than any inside."""
    fence = "`" * (1 + max(map(len, _TICKS.findall(text)), default=2))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _closed(text: str) -> str:
    """Markdown that somebody wrote, with the code block closed that it may leave open."""
    fence = ""
    for line in _LINE_END.split(text):
        match = _FENCE.match(line)
        if match is None:
            continue
        if not fence:
            fence = match[1]
        elif match[1].startswith(fence) and not match[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _line(text: str) -> str:
    """Text on one line, without the characters that would start markup."""
    return re.sub(r"([\\`*_\[\]<>#|&])", r"\\\1", " ".join(text.split()))
