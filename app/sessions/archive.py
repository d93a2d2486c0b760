"""Archives: sessions as one JSON file that loses nothing, written as a stream.

`{"format": "lovelace-sessions", "version": 1, "sessions": [{id, title, …, note, events: […]}], "blobs": {id: base64}}`.
Events look as `sessions show` prints them. Their stored JSON follows from that; where it does not (kinds of a newer
version, integers of more than 64 bits), the event carries it as `raw`. Sessions that others were forked from come along
up to the fork.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from app.errors import NotFound
from app.sessions.bodies import encode_draft
from app.sessions.events import KINDS, AnyBody, BlobRef, Draft, Unknown
from app.sessions.references import blob_refs
from app.sessions.views import Event, SessionRow

if TYPE_CHECKING:
    from app.sessions.queries import Queries

FORMAT = "lovelace-sessions"
VERSION = 1
_COMMON = frozenset({"id", "session", "turn", "kind", "time", "author", "source", "damaged", "partial", "raw"})
_LONG_NUMBER = re.compile(rb"\d{19}")


def write_archive(queries: Queries, sessions: Sequence[SessionRow], out: IO[str]) -> int:
    """Write sessions (and the origins they need) to a text stream; gives the number of events written."""
    blobs: dict[str, BlobRef] = {}
    count = 0
    out.write(f'{{"format":"{FORMAT}","version":{VERSION},"sessions":[')
    for number, (row, last) in enumerate(_with_origins(queries, sessions)):
        head = row.to_json() | {"note": queries.note(row.id)}
        del head["events"]
        out.write((",\n" if number else "\n") + msgspec.json.encode(head).decode()[:-1] + ',"events":[')
        for index, event in enumerate(_own_events(queries, row, last)):
            out.write((",\n" if index else "\n") + event_json(event))
            blobs |= {ref.blob: ref for ref in blob_refs(event.body)}
            count += 1
        out.write("]}")
    out.write('\n],"blobs":{')
    separator = "\n"
    for ref in blobs.values():
        content = queries.find_blob(ref)
        if content is not None:
            out.write(f'{separator}"{ref.blob}":"{base64.b64encode(content).decode()}"')
            separator = ",\n"
    out.write("}}\n")
    return count


def _with_origins(queries: Queries, sessions: Sequence[SessionRow]) -> Iterator[tuple[SessionRow, str | None]]:
    """Origins first, cut after the event of the latest fork, unless they are wanted whole or not here."""
    chosen = {row.id for row in sessions}
    cuts: dict[str, str] = {}
    needed: dict[str, SessionRow] = {}
    waiting = list(sessions)
    while waiting:
        origin = waiting.pop().origin
        if origin is None or origin[0] in chosen:
            continue
        cuts[origin[0]] = max(cuts.get(origin[0], ""), origin[1])
        found = None if origin[0] in needed else _find_origin(queries, origin[0], sessions[0].workspace)
        if found is not None:
            needed[origin[0]] = found
            waiting.append(found)
    yield from ((row, cuts[row.id]) for row in needed.values())
    yield from ((row, None) for row in sessions)


def _find_origin(queries: Queries, session: str, workspace: str) -> SessionRow | None:
    try:
        row = queries.session(session)
    except NotFound:
        return None
    return row if row.workspace == workspace and row.id == session else None


def _own_events(queries: Queries, row: SessionRow, last: str | None) -> Iterator[Event]:
    for event in queries.iterate(row.id):
        if event.inherited:
            continue
        if last is not None and event.id > last:
            return
        yield event


def event_json(event: Event) -> str:
    """An event as `sessions show` prints it, with `raw` where its stored JSON does not follow from that."""
    data = event.data.decode()
    value = event.to_json()
    if stored_json(value) != data:
        value["raw"] = data
    encoded = msgspec.json.encode(value)
    if _LONG_NUMBER.search(encoded) and _has_long(value):
        value = {name: item for name, item in value.items() if name in _COMMON}
        encoded = msgspec.json.encode(value | {"partial": True, "raw": data})
    return encoded.decode()


def _has_long(value: Any) -> bool:
    """Whether a JSON value has an integer that readers of JSON do not all take: one of more than 64 bits."""
    if isinstance(value, dict):
        return any(map(_has_long, value.values()))
    if isinstance(value, list):
        return any(map(_has_long, value))
    return type(value) is int and not -(1 << 63) <= value < 1 << 63


def stored_json(value: Mapping[str, Any]) -> str | None:
    """The JSON that the event's id was made from, from how an archive shows it; None where that cannot be told."""
    try:
        draft = Draft(
            body=body_of(value),
            time=_time_ms(value["time"]),
            turn=value.get("turn"),
            agent=value["author"]["agent"],
            source=value.get("source"),
        )
        return encode_draft(draft).decode()
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None


def body_of(value: Mapping[str, Any]) -> AnyBody:
    """The body of an event as an archive shows it; raises KeyError, TypeError or ValueError where it is none."""
    kind = value["kind"]
    fields = {name: item for name, item in value.items() if name not in _COMMON}
    known = KINDS.get(kind)
    if known is None:
        return Unknown(kind, fields)
    return msgspec.convert(fields | {"kind": kind}, known)


def _time_ms(text: str) -> int:
    """Milliseconds of `2026-01-02T10:00:00.000Z`, exactly."""
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000
