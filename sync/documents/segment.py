"""Segments: Automerge documents that hold up to about 1,000 events of one session, written by one device.

Root map `{v, events: {event id → JSON text}}` is the genesis; the author's first change adds `session`, `k`, `author`
(the person's name, so that nobody needs a roster) and `opening` (JSON of the session's fields at that moment, for
someone who gets only later segments). The changes form one line.

First value wins: an event is the text that the first change put under its id (a change puts a key's last text where it
names it twice), and the header is that of the first change. What is overwritten or deleted later is ignored. Automerge
itself shows the last value, so a segment that was tampered with is told by its numbers: an operation makes at most one
key visible, so if there are as many visible keys as operations, nothing was overwritten or deleted and the current
values are the first. Otherwise the keys that each change touches are read as they were just after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sync.crypto import domain_hash
from sync.documents.change import ChangeHeader, parse_change
from sync.documents.columns import MAX_KEY_BYTES
from sync.documents.core import BuiltChange, CoreDocument, Draft, Heads
from sync.errors import RejectedChange

SEGMENT_EVENTS = 1000
SEGMENT_VERSION = 1
_GENESIS_OPERATIONS = 2
_HEADER = ("session", "k", "author", "opening")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What the first change of a segment says. session: opaque to sync; k counts a device's segments of it."""

    session: str
    k: int
    author: str
    opening: str


def segment_id(session: str, device: bytes, grant: bytes, k: int) -> bytes:
    """The document id (32 bytes) of a device's k-th segment of a session under a grant."""
    return domain_hash("lovelace/segment/1", session.encode(), device, grant, k.to_bytes(8, "big"))


def _genesis(draft: Draft) -> None:
    draft.put(CoreDocument.root, "v", SEGMENT_VERSION)
    draft.create_map(CoreDocument.root, "events")


class Segment:
    """A segment in memory. `count`: keys of its map of events."""

    def __init__(self, actor: bytes) -> None:
        self.core = CoreDocument(_genesis, actor)
        self.count = 0
        self._events = self.core.child("events")
        self._first_change: bytes | None = None
        self._last_op = _GENESIS_OPERATIONS
        self._first: dict[str, str] | None = None
        """First values, kept only for a segment that was tampered with."""

    def unseen(self, items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The (event id, JSON body) pairs whose ids are not here yet, each id once, with its first body."""
        new: dict[str, str] = {}
        for event_id, body in items:
            if event_id not in new and self.event(event_id) is None:
                new[event_id] = body
        return list(new.items())

    def append(self, items: Sequence[tuple[str, str]], header: SegmentHeader | None = None) -> BuiltChange | None:
        """One change with unseen (event id, JSON body) pairs; `header` with the first change only. None for nothing."""

        def edit(draft: Draft) -> None:
            if header is not None:
                for name in _HEADER:
                    draft.put(CoreDocument.root, name, getattr(header, name))
            for event_id, body in items:
                draft.put(self._events, event_id, body)

        change = self.core.transact(edit)
        if change is not None:
            self._first_change = self._first_change or change.hash
            self._last_op += len(items) + (len(_HEADER) if header else 0)
            self.count += len(items)
            if self._first is not None:
                self._first |= items
        return change

    def apply(self, chunks: Sequence[bytes], hashes: Iterable[bytes]) -> None:
        """Take in stored changes, in order, or bundles of them; see `CoreDocument.apply`."""
        before = self.core.heads()
        arrived = self.core.apply(chunks, hashes)
        if arrived:
            self._first_change = self._first_change or next(iter(arrived))
            self._last_op = max(arrived.values())
        self.count = self.core.length(self._events)
        if self._first is None and not self._shows_all():
            self._first = dict(self._texts(self.core.keys(self._events, before), before))
        if self._first is not None:
            self._keep_first([parse_change(chunk) for chunk in self.core.chunks(before)])

    def receive(self, headers: Sequence[ChangeHeader]) -> list[tuple[str, str]]:
        """Take in changes that the guard let pass; gives the (event id, JSON body) pairs that they add.

        Raises what `CoreDocument.apply` raises.
        """
        touched = dict.fromkeys(key for header in headers for key in header.keys)
        new = [key for key in touched if self.event(key) is None] if self.count else list(touched)
        self.apply([header.chunk for header in headers], [header.hash for header in headers])
        return [(key, body) for key in new if (body := self.event(key)) is not None]

    def receive_plain(self, chunks: Sequence[bytes], hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Fill an empty segment with changes of which nobody has looked at more than the header.

        Gives the last operation number of each by its hash. Raises RejectedChange where a key is named twice or too
        long, beside what `CoreDocument.apply` raises.
        """
        self.apply(chunks, hashes)
        keys = (*self.core.keys(CoreDocument.root), *self.core.keys(self._events))
        if self._first is not None or any(len(key.encode()) > MAX_KEY_BYTES for key in keys):
            raise RejectedChange("the segment is not plain")
        return {change.hash: change.max_op for change in self.core.history(self.core.genesis)}

    def header(self) -> SegmentHeader | None:
        """None until the author's first change is there, or when it is not one of ours."""
        if self._first_change is None:
            return None
        heads = None if self._first is None else [self._first_change]
        session, k, author, opening = (self.core.value(CoreDocument.root, name, heads) for name in _HEADER)
        if not (
            isinstance(session, str) and isinstance(k, int) and isinstance(author, str) and isinstance(opening, str)
        ):
            return None
        return SegmentHeader(session, k, author, opening) if 0 <= k < 1 << 63 else None

    def event(self, event_id: str) -> str | None:
        """The JSON body of an event."""
        if self._first is not None:
            return self._first.get(event_id)
        value = self.core.value(self._events, event_id)
        return value if isinstance(value, str) else None

    def events(self) -> list[tuple[str, str]]:
        """All (event id, JSON body) pairs in the order of ids; values that are not texts are left out."""
        if self._first is not None:
            return sorted(self._first.items())
        return self._texts(self.core.keys(self._events))

    def _texts(self, keys: Iterable[str], heads: Heads = None) -> list[tuple[str, str]]:
        pairs = ((key, self.core.value(self._events, key, heads)) for key in keys)
        return [(key, value) for key, value in pairs if isinstance(value, str)]

    def _shows_all(self) -> bool:
        """Whether every operation, those of the genesis included, made a key visible that was not there before."""
        return self._last_op == self.core.length(CoreDocument.root) + self.count

    def _keep_first(self, headers: Sequence[ChangeHeader]) -> None:
        assert self._first is not None
        for header in headers:
            for key in header.keys:
                value = None if key in self._first else self.core.value(self._events, key, [header.hash])
                if isinstance(value, str):
                    self._first[key] = value
