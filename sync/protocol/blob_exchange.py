"""Blobs on demand: one side asks from an offset on, the other streams parts until the end.

Whoever asks knows where it stands only when the first part is kept (an earlier conversation may have brought some), and
then asks again from there. At most `AT_ONCE` blobs come at the same time, further ones wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sync.errors import ProtocolError
from sync.protocol.happenings import BlobMissing, BlobProgress, BlobWhole
from sync.protocol.messages import BLOB_PART, BlobData, Message, NoBlob, WantBlob
from sync.protocol.replica import BlobPart
from sync.protocol.talk import Talk

AT_ONCE = 4
MAX_WAITING = 1024
MAX_SERVED = 16
GIVE_UP_MS = 60_000
_BEYOND = 1 << 40
"""An offset that no blob has."""
Key = tuple[bytes, bytes]
"""Workspace and blob."""


@dataclass(slots=True)
class _Coming:
    """offset: of the part that is expected next."""

    offset: int
    moved_ms: int


class BlobExchange:
    """The blobs that go either way in one conversation."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._waiting: dict[Key, int] = {}
        self._coming: dict[Key, _Coming] = {}

    def want(self, key: Key, offset: int) -> None:
        """Ask for a blob."""
        if key in self._coming or key in self._waiting:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._talk.happened(BlobMissing(*key, "Too many files are waiting to be fetched; ask again later."))
            return
        self._waiting[key] = offset
        self._begin()

    def stop(self, key: Key) -> None:
        """A blob is not wanted any more. Asking for what is beyond its end ends what is under way."""
        self._waiting.pop(key, None)
        if self._coming.pop(key, None) is not None:
            self._talk.outbox.soon(("want", *key), lambda: WantBlob(*key, _BEYOND))
            self._begin()

    def tick(self) -> None:
        """A blob that does not move for a minute is given up."""
        for key, coming in list(self._coming.items()):
            if self._talk.now_ms - coming.moved_ms >= GIVE_UP_MS:
                self._end(key, "The other device stopped sending it.")

    def serve(self, message: WantBlob) -> None:
        """Stream a blob to the peer, from that offset on."""
        key = message.workspace, message.blob
        self._talk.outbox.drop(("blob", *key))
        if self._talk.outbox.lanes("blob") >= MAX_SERVED:
            self._talk.strike("It asks for too many files at once.")
            return
        self._talk.outbox.bulk(("blob", *key), self._parts(key, message.offset))

    def missing(self, message: NoBlob) -> None:
        """The peer does not have it."""
        key = message.workspace, message.blob
        if key in self._coming:
            self._end(key, "The other device does not have it.")

    def part(self, message: BlobData) -> None:
        """Keep the part that is expected; others were overtaken by asking again, or by the end."""
        key = message.workspace, message.blob
        coming = self._coming.get(key)
        if coming is None or message.offset != coming.offset:
            return
        end = message.offset + len(message.data)
        if end > message.total or (not message.data and message.total):
            self._talk.strike("It sent a part of a file that cannot be.")
            self._end(key, "The other device sent it damaged.")
            return
        self._keep(key, coming, message, end)

    def _keep(self, key: Key, coming: _Coming, message: BlobData, end: int) -> None:
        part = BlobPart(message.offset, message.total, message.data)
        try:
            wanted = self._talk.replica.receive_blob(self._talk.peer, *key, part)
        except ProtocolError as error:
            self._talk.strike(str(error))
            self._end(key, "The other device sent it damaged.")
            return
        coming.offset, coming.moved_ms = wanted, self._talk.now_ms
        self._talk.happened(BlobProgress(*key, wanted, message.total))
        if wanted >= message.total:
            del self._coming[key]
            self._talk.happened(BlobWhole(*key))
            self._begin()
        elif wanted != end:
            self._talk.outbox.soon(("want", *key), partial(self._want, key))

    def _begin(self) -> None:
        while self._waiting and len(self._coming) < AT_ONCE:
            key = next(iter(self._waiting))
            self._coming[key] = _Coming(self._waiting.pop(key), self._talk.now_ms)
            self._talk.outbox.soon(("want", *key), partial(self._want, key))

    def _want(self, key: Key) -> Message | None:
        coming = self._coming.get(key)
        return None if coming is None else WantBlob(*key, coming.offset)

    def _end(self, key: Key, reason: str) -> None:
        del self._coming[key]
        self._talk.happened(BlobMissing(*key, reason))
        self._begin()

    def _parts(self, key: Key, offset: int) -> Iterator[Message]:
        while True:
            part = self._talk.replica.blob(self._talk.peer, *key, offset, BLOB_PART)
            if part is None or (not part.data and offset < part.total):
                yield NoBlob(*key)
                return
            yield BlobData(*key, part.offset, part.total, part.data)
            offset = part.offset + len(part.data)
            if offset >= part.total:
                return
