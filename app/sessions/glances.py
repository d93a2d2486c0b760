"""What charts and reviews need of events, read without the rest of their bodies: some microseconds an event.

A spilled body is opened only where what is wanted of it is inside. What cannot be read is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from app.sessions.bodies import BlobStub
from app.sessions.events import ResultStatus
from app.sessions.packing import unpack_body
from sync.errors import DamagedError

Resolve = Callable[[BlobStub], bytes | None]


class Slim(msgspec.Struct, frozen=True):
    """What all have: the turn, and how a body that lies elsewhere, or came with an export, is found."""

    turn: str | None = None
    blob: BlobStub | None = None
    restored: Any = None
    body: str | None = None


class Prompt(Slim, frozen=True):
    """A `user_message`."""

    text: str = ""


class Said(Slim, frozen=True):
    """An `agent_message` or `agent_thought`; its text is not read."""


class Call(Slim, frozen=True):
    """A `tool_call`."""

    call_id: str = ""
    name: str = ""
    title: str = ""


class Result(Slim, frozen=True):
    """A `tool_result`."""

    call_id: str = ""
    status: ResultStatus = "completed"
    duration_ms: int | None = None


class CommandLine(Slim, frozen=True):
    """A `command`."""

    call_id: str = ""
    command: str = ""


class CommandEnd(Slim, frozen=True):
    """A `command_result`."""

    call_id: str = ""
    exit_code: int | None = None
    signal: str | None = None
    duration_ms: int | None = None


class Asked(Slim, frozen=True):
    """A `permission_request`."""

    request_id: str = ""


class Answered(Slim, frozen=True):
    """A `permission_answer`."""

    request_id: str = ""


class Changed(Slim, frozen=True):
    """A `file_change`."""

    path: str = ""
    added: int = 0
    removed: int = 0


class Checked(Slim, frozen=True):
    """A `verification`."""

    what: str = ""
    passed: bool = True


class Used(Slim, frozen=True):
    """A `usage`."""

    input: int = 0
    output: int = 0
    cost: float | None = None


_SHAPES: dict[str, type[Slim]] = {
    "user_message": Prompt,
    "agent_message": Said,
    "agent_thought": Said,
    "tool_call": Call,
    "tool_result": Result,
    "command": CommandLine,
    "command_result": CommandEnd,
    "permission_request": Asked,
    "permission_answer": Answered,
    "file_change": Changed,
    "verification": Checked,
    "usage": Used,
}
GLANCE_KINDS = tuple(_SHAPES)
_decoders = {kind: msgspec.json.Decoder(shape) for kind, shape in _SHAPES.items()}


class Glance(msgspec.Struct, frozen=True):
    """An event, as little of it as is needed. session: the row id of its session. agent: who speaks, if no person."""

    session: int
    id: str
    time: int
    agent: str | None
    body: Slim


COLUMNS = "e.session, e.id, e.time, e.author, e.kind, e.body"
"""What `glances` takes, of `event e`."""


def glances(rows: Iterable[Any], agents: Mapping[int, str | None], resolve: Resolve) -> Iterator[Glance]:
    """The events in rows of `COLUMNS`, in their order. agents: names by the row ids of authors."""
    for session, identifier, time, author, kind, stored in rows:
        body = _slim(kind, stored, resolve)
        if body is not None:
            yield Glance(session, identifier, time, agents.get(author), body)


def _slim(kind: str, stored: bytes | str, resolve: Resolve) -> Slim | None:
    decoder = _decoders.get(kind)
    if decoder is None:
        return None
    try:
        body = _opened(decoder, decoder.decode(unpack_body(stored)), resolve)
        if body is not None and body.restored is not None and body.body is not None:
            body = _opened(decoder, decoder.decode(body.body), resolve)
    except (DamagedError, msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return body


def _opened(decoder: msgspec.json.Decoder[Any], body: Slim, resolve: Resolve) -> Slim | None:
    if body.blob is None or isinstance(body, Said):
        return body
    full = resolve(body.blob)
    return None if full is None else decoder.decode(full)
