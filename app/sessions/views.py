"""What reading gives: frozen values that cross to the command line and the window, with their JSON.

Those that come by the thousand are Structs: making one takes 0.2 µs, a frozen dataclass of this size 5 µs.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from app.sessions.events import KINDS, AnyBody, Unknown

_EPOCH = datetime(1970, 1, 1)


def iso_time(time_ms: int) -> str:
    """`2026-01-02T10:00:00.000Z`."""
    minute, rest = divmod(time_ms, 60_000)
    second, thousandth = divmod(rest, 1000)
    return f"{_iso_minute(minute)}:{second:02d}.{thousandth:03d}Z"


@lru_cache(maxsize=4096)
def _iso_minute(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).isoformat("T", "minutes")


class Author(msgspec.Struct, frozen=True):
    """Who wrote an event: from the signature of its entry, never from its body. identity, device: hex.

    claimed: the event came with an export, which says so without a signature.
    """

    identity: str
    device: str
    name: str
    agent: str | None
    claimed: bool = False


class Event(msgspec.Struct, frozen=True):
    """An event as people see it. `inherited`: it belongs to the session this one was forked from."""

    id: str
    session: str
    turn: str | None
    time: int
    author: Author
    body: AnyBody
    row: int
    data: bytes = b""
    """The JSON that the id was made from."""
    source: str | None = None
    inherited: bool = False
    damaged: bool = False

    @property
    def kind(self) -> str:
        return self.body.kind

    def to_json(self) -> dict[str, Any]:
        """`{id, session, turn, kind, time, author, …fields of the kind}`."""
        author = self.author
        value: dict[str, Any] = {
            "id": self.id,
            "session": self.session,
            "turn": self.turn,
            "kind": self.kind,
            "time": iso_time(self.time),
            "author": {
                "identity": author.identity,
                "device": author.device,
                "name": author.name,
                "agent": author.agent,
            },
        }
        if self.source is not None:
            value["source"] = self.source
        if self.damaged:
            value["damaged"] = True
        if isinstance(self.body, Unknown) and self.body.kind in KINDS:
            value["partial"] = True
        return value | {k: v for k, v in body_fields(self.body).items() if k not in value}


def body_fields(body: AnyBody) -> dict[str, Any]:
    """The fields of a body as JSON values, without its kind; all of them, also those that have their default."""
    if isinstance(body, Unknown):
        return dict(body.fields)
    return {name: _plain(getattr(body, name)) for name in body.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


class SessionRow(msgspec.Struct, frozen=True):
    """A session in a list. created, updated: milliseconds; `events` counts inherited ones too."""

    id: str
    title: str
    type: str
    status: str
    workspace: str
    workspace_name: str
    created: int
    updated: int
    events: int
    archived: bool
    trashed: bool
    tags: tuple[str, ...]
    agent: str | None
    authors: tuple[str, ...]
    bytes: int
    cwd: str | None = None
    source: str | None = None
    origin: tuple[str, str] | None = None
    """(session, event) that this one was forked from."""
    parent: dict[str, Any] | None = None
    unread: int = 0
    """Events that came since a person had the session before their eyes, on this device; `MOST_UNREAD` at most."""
    copied: bool = False
    """It was opened from a link, and can only be read."""

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "type": self.type,
            "status": self.status,
            "workspace": self.workspace,
            "workspace_name": self.workspace_name,
            "created": iso_time(self.created),
            "updated": iso_time(self.updated),
            "events": self.events,
            "archived": self.archived,
            "tags": [*self.tags],
            "agent": self.agent,
            "authors": [*self.authors],
            "bytes": self.bytes,
        }
        if self.cwd is not None:
            value["cwd"] = self.cwd
        if self.source is not None:
            value["source"] = self.source
        if self.parent is not None:
            value["parent"] = self.parent
        if self.trashed:
            value["trashed"] = True
        if self.origin is not None:
            value["origin"] = {"session": self.origin[0], "event": self.origin[1]}
        return value


class NamedSession(msgspec.Struct, frozen=True):
    """A session as the palette needs it. updated: milliseconds."""

    id: str
    title: str
    updated: int


class CommandRow(msgspec.Struct, frozen=True):
    """A command of a session, with how it ended. event, result: ids of its events; time: when it began.

    author: a person's own command has no agent. running: it runs now, in whichever process. Without a result it either
    runs, or nobody knows how it ended.
    """

    event: str
    turn: str | None
    call_id: str
    time: int
    author: Author
    command: str
    cwd: str
    running: bool = False
    result: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    duration_ms: int | None = None
    truncated: bool = False

    @property
    def key(self) -> tuple[str | None, str]:
        """What ties a command to its result: ids of calls are only unique within a turn."""
        return self.turn, self.call_id

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it should."""
        return bool(self.exit_code) or self.signal is not None


class SecretRow(msgspec.Struct, frozen=True):
    """A secret that was kept out of a session. kind: what it is. event: the first that would have told it, or ''."""

    number: int
    kind: str
    event: str

    def to_json(self) -> dict[str, Any]:
        return {"number": self.number, "kind": self.kind, "event": self.event or None}


class SearchHit(msgspec.Struct, frozen=True):
    """An event that matches; matches in the snippet stand between ‹ and ›."""

    session: str
    event: str
    kind: str
    time: int
    title: str
    snippet: str

    def to_json(self) -> dict[str, Any]:
        return {
            "session": self.session,
            "event": self.event,
            "kind": self.kind,
            "time": iso_time(self.time),
            "title": self.title,
            "snippet": self.snippet,
        }


@dataclass(frozen=True, slots=True)
class Timeline:
    """The shape of a conversation: row ids of the events people see, in order, the text lines of each, and the places
    of the prompts among them, from 0."""

    rows: array[int]
    lines: array[int]
    starts: array[int] = field(default_factory=lambda: array("I"))


@dataclass(frozen=True, slots=True)
class WorkspaceRow:
    """A workspace in a list."""

    id: str
    name: str
    current: bool
    folders: tuple[str, ...]
    sessions: int

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "current": self.current,
            "folders": list(self.folders),
            "sessions": self.sessions,
        }


@dataclass(frozen=True, slots=True)
class DraftRow:
    """Text that an agent is still writing; it never leaves this device."""

    session: str
    turn: str
    kind: str
    agent: str | None
    text: str
    time: int
