"""The import stream: what every format is turned into, in the order of its files.

A format's function is pure: files in, these items out, in bounded memory. Sessions are named by their *source*, the
name that the foreign tool gave them (`<sessionId>`, `<sessionId>/<uuid>` for a fork, `<sessionId>/agent-<id>` for a
side chain); ids of this product are made where the stream is written (`ingest.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from app.sessions.events import Body, SessionType


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session begins. Comes before the session's first event, once in a stream.

    time: milliseconds since 1970. fork_of: (session, last shared event; None: nothing is shared).
    parent: (session, id of the tool call that started this one, when known).
    """

    source: str
    time: int
    title: str | None = None
    agent: str | None = None
    cwd: str | None = None
    type: SessionType = "interactive"
    fork_of: tuple[str, str | None] | None = None
    parent: tuple[str, str | None] | None = None


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event. `source` names it inside its session; equal session, source and body are one event.

    size: bytes that were read for it and those that follow it, so that what waits to be written can be bounded.
    """

    session: str
    source: str
    body: Body
    time: int
    turn: str | None = None
    agent: str | None = None
    size: int = 0


class SetFields(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of a session that became known later; the last one wins."""

    session: str
    fields: dict[str, Any]
    time: int


class Skipped(msgspec.Struct, frozen=True):
    """A line that could not be read. line: from 1; 0: the whole file. reason: one of a fixed set of sentences."""

    source: Path
    line: int
    reason: str


class Position(msgspec.Struct, frozen=True):
    """How many bytes of a file have been read; comes now and then, for progress."""

    source: Path
    offset: int


Item = NewSession | NewEvent | SetFields | Skipped | Position

POSITION_EVERY = 1_000
"""Lines between two positions."""
