"""Reading archives (see `archive.py`) as a stream: sessions, events and blobs keep their ids.

The file may be hostile, cut off, or rewritten by a tool that sorts keys. An event whose id is not that of its content
is taken in and shown as damaged; a file that is not an archive is refused before anything is written.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from app.errors import UserError
from app.sessions.archive import FORMAT, VERSION, stored_json
from app.sessions.bodies import Restored, decode_body, decode_common
from app.sessions.events import BlobRef
from app.sessions.ids import counter_of
from app.sessions.import_operations import RawEvent
from app.sessions.references import blob_refs

BATCH_EVENTS = 1000
BATCH_BYTES = 4 << 20
_DAMAGED = 6
_OPENINGS = ("start_map", "start_array")
_CLOSINGS = ("end_map", "end_array")
_ParseEvent = tuple[str, str, Any]
"""What `ijson.parse` gives: (prefix, kind, value)."""


@dataclass(slots=True)
class ArchiveReport:
    """What reading an archive did. Counts of sessions and events in the file, and of what was new."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    events: int = 0
    notices: int = 0
    blobs: int = 0
    sessions: list[str] = field(default_factory=list)


class ArchiveSink(Protocol):
    """Where an archive goes: `SessionOperations`, or what stands in for it when nothing is to be written."""

    def has_session(self, session: str) -> bool:
        """Whether the session is there; UserError when it is in another workspace of the home."""
        ...

    def restore_events(self, session: str, events: Sequence[RawEvent]) -> int:
        """Take in events with the ids they have; gives how many were new."""
        ...

    def set_note(self, session: str, text: str) -> None:
        """Make the note of a session read so."""
        ...

    def restore_blob(self, ref: BlobRef, data: bytes) -> None:
        """Take in a blob; UserError when it is not what its id says."""
        ...


def read_archive(stream: IO[bytes], sink: ArchiveSink) -> ArchiveReport:
    """Take in an archive. Raises UserError where the file is not one; sessions before a fault are kept.

    stream: seekable, because a file whose blobs come before its sessions is read twice.
    """
    _check_head(_parsed(stream))
    stream.seek(0)
    reading = _Reading(sink)
    early = reading.read(_parsed(stream))
    if early:
        stream.seek(0)
        reading.read_blobs(_parsed(stream), early)
    return reading.report


def _parsed(stream: IO[bytes]) -> Iterator[_ParseEvent]:
    import ijson

    try:
        # Without `use_float` an integer of more than 4,300 digits ends the process (ijson 3.6.0, yajl2_c).
        yield from ijson.parse(stream, use_float=True)
    except (ijson.JSONError, ValueError, OverflowError) as error:
        first = error.args[0] if error.args else ""
        detail = (first.decode(errors="replace") if isinstance(first, bytes) else str(first)).strip()
        reason = detail.splitlines()[0] if detail else "it cannot be read"
        raise _fault(f"The file is not a complete export: {reason}. What came before was kept.") from error


def _fault(message: str) -> UserError:
    return UserError(message, exit_code=_DAMAGED)


def _check_head(parser: Iterator[_ParseEvent]) -> None:
    """Find `format` and `version`, wherever they are, before anything is written."""
    head: dict[str, Any] = {}
    for prefix, kind, value in parser:
        if prefix in ("format", "version") and kind not in _OPENINGS:
            head[prefix] = value
        if len(head) == 2:
            break
    if head.get("format") != FORMAT:
        raise UserError(f"The file is not a Lovelace export: its `format` is not {FORMAT!r}.")
    if head.get("version") != VERSION:
        raise UserError(
            f"The export has version {head.get('version')}; this program reads version {VERSION}. Update the program."
        )


@dataclass(slots=True)
class _Session:
    """A session of an archive. fields: complete once all events were taken."""

    fields: dict[str, Any]
    events: Iterable[Any]


class _Reading:
    """One pass over an archive."""

    def __init__(self, sink: ArchiveSink) -> None:
        self.report = ArchiveReport()
        self._sink = sink
        self._refs: dict[str, BlobRef] = {}

    def read(self, parser: Iterator[_ParseEvent]) -> set[str]:
        """Take in sessions, and blobs that come after them; gives the ids of needed blobs that came before."""
        early: set[str] = set()
        for prefix, kind, value in parser:
            if prefix == "sessions.item":
                if kind != "start_map":
                    raise _fault("The export has something among its sessions that is none.")
                self._restore_session(_session(parser))
            elif prefix.startswith("blobs.") and kind == "string":
                blob = prefix.removeprefix("blobs.")
                if not self._restore_blob(blob, value):
                    early.add(blob)
        return early & self._refs.keys()

    def read_blobs(self, parser: Iterator[_ParseEvent], wanted: set[str]) -> None:
        """Take in these blobs only."""
        for prefix, kind, value in parser:
            if kind == "string" and prefix.startswith("blobs.") and prefix.removeprefix("blobs.") in wanted:
                self._restore_blob(prefix.removeprefix("blobs."), value)

    def _restore_session(self, found: _Session) -> None:
        session = found.fields.get("id")
        if not isinstance(session, str) or counter_of(session) is None:
            raise _fault("The export holds a session without a valid id.")
        report = self.report
        is_new = not self._sink.has_session(session)
        added = self._restore_events(session, found.events)
        note = found.fields.get("note")
        if is_new and isinstance(note, str) and note:
            self._sink.set_note(session, note)
        report.sessions.append(session)
        report.created += is_new
        report.updated += not is_new and added > 0
        report.unchanged += not is_new and added == 0

    def _restore_events(self, session: str, values: Iterable[Any]) -> int:
        added = size = 0
        batch: list[RawEvent] = []
        for value in values:
            event = _raw_event(session, value)
            self._refs |= {ref.blob: ref for ref in _refs(event.body)}
            self.report.events += 1
            batch.append(event)
            size += len(event.body)
            if len(batch) == BATCH_EVENTS or size >= BATCH_BYTES:
                added += self._sink.restore_events(session, batch)
                batch, size = [], 0
        return added + self._sink.restore_events(session, batch)

    def _restore_blob(self, blob: str, content: str) -> bool:
        """False if no event so far refers to it."""
        ref = self._refs.get(blob)
        if ref is None:
            return False
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _fault(f"Blob {blob} of the export is damaged.") from error
        self._sink.restore_blob(ref, data)
        self.report.blobs += 1
        return True


def _session(parser: Iterator[_ParseEvent]) -> _Session:
    """Fields up to `events`, which are then read one by one; where `events` comes before `id`, they are read whole."""
    fields: dict[str, Any] = {}
    for prefix, kind, value in parser:
        if prefix == "sessions.item" and kind == "end_map":
            break
        if value == "events" and "id" in fields:
            return _Session(fields, _events(parser, fields))
        fields[value] = _value(parser)
    events = fields.pop("events", [])
    if not isinstance(events, list):
        raise _fault("The export has a session whose `events` is not a list.")
    return _Session(fields, events)


def _events(parser: Iterator[_ParseEvent], fields: dict[str, Any]) -> Iterator[Any]:
    """The items of `events`, one by one; then the fields that come after."""
    if next(parser)[1] != "start_array":
        raise _fault("The export has a session whose `events` is not a list.")
    for prefix, kind, value in parser:
        if prefix == "sessions.item.events" and kind == "end_array":
            break
        yield _built(parser, kind, value)
    for prefix, kind, value in parser:
        if prefix == "sessions.item" and kind == "end_map":
            return
        fields[value] = _value(parser)


def _value(parser: Iterator[_ParseEvent]) -> Any:
    _, kind, value = next(parser)
    return _built(parser, kind, value)


def _built(parser: Iterator[_ParseEvent], kind: str, value: Any) -> Any:
    """The JSON value that begins with this parse event."""
    import ijson

    builder = ijson.ObjectBuilder()
    builder.event(kind, value)
    depth = int(kind in _OPENINGS)
    while depth:
        _, kind, value = next(parser)
        builder.event(kind, value)
        depth += (kind in _OPENINGS) - (kind in _CLOSINGS)
    return builder.value


def _refs(data: bytes) -> Iterator[BlobRef]:
    common = decode_common(data)
    if common is not None and common.blob is None:
        yield from blob_refs(decode_body(common, data))


def _raw_event(session: str, value: Any) -> RawEvent:
    identifier = value.get("id") if isinstance(value, dict) else None
    if not isinstance(identifier, str) or counter_of(identifier) is None:
        raise _fault(f"Session {session} of the export has an event without a valid id.")
    raw = value.get("raw")
    text = raw if isinstance(raw, str) else stored_json(value)
    author = value.get("author")
    data = b"" if text is None else text.encode(errors="replace")
    if decode_common(data) is None or not isinstance(author, dict):
        raise _fault(f"Event {identifier} of the export is damaged.")
    claimed = Restored(*(str(author.get(name) or "") for name in ("identity", "device", "name")))
    return RawEvent(identifier, data, claimed)
