"""Chains with gaps or forks: bucket digests, the hashes in differing buckets, then entries by hash.

One side *asks* with its bucket digests; the other *answers* with its hashes where they differ; the first sends what is
lacking there and says which hashes it wants; the second sends those. If both ask at once, the device with the smaller
id goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from sync.errors import ProtocolError
from sync.protocol.envelope import MAX_ENTRIES
from sync.protocol.messages import (
    MAX_BUCKET_HASHES,
    MAX_BUCKET_ROWS,
    MAX_BUCKETS,
    BucketRow,
    Buckets,
    Entries,
    Hashes,
    Message,
    Wanted,
    join,
    split,
)
from sync.protocol.outgoing import PIECE, pieces
from sync.protocol.replica import DIGEST_BYTES
from sync.protocol.talk import Talk

AT_ONCE = 8
"""Chains that are asked about at the same time."""
MAX_OPEN = 3 * AT_ONCE
_FIRST_STEP = 32
_MOST_AT_ONCE = 512
_WANTED_HASHES = PIECE // DIGEST_BYTES
Work = Callable[[bytes, Iterator[Message]], None]
"""Sends messages about a device's chain in the lane of the workspace."""


@dataclass(slots=True)
class _Exchange:
    """About one chain. is_asker: we sent our digests. below: buckets the answer may still name begin here.

    allowance: hashes we have named, which the asker may want.
    """

    is_asker: bool
    below: int = 0
    allowance: int = 0
    wanted: list[bytes] = field(default_factory=list)


class BucketExchange:
    """The chains of one workspace that a number and a hash do not describe."""

    def __init__(self, talk: Talk, workspace: bytes, work: Work, on_done: Callable[[bytes], None]) -> None:
        self._talk = talk
        self._workspace = workspace
        self._work = work
        self._on_done = on_done
        self._open: dict[bytes, _Exchange] = {}
        self._waiting: dict[bytes, None] = {}

    @property
    def is_busy(self) -> bool:
        return bool(self._open or self._waiting)

    def is_open(self, device: bytes) -> bool:
        """Whether that chain is being compared."""
        return device in self._open or device in self._waiting

    def ask(self, device: bytes) -> None:
        """Find out what differs in a chain."""
        if not self.is_open(device):
            self._waiting[device] = None
            self._begin()

    def give_up(self) -> None:
        """Forget what is open."""
        self._open.clear()
        self._waiting.clear()

    def buckets(self, message: Buckets) -> None:
        """Answer with our hashes where the digests differ."""
        device = message.device
        own = self._open.get(device)
        if own is not None and (not own.is_asker or self._talk.device < self._talk.peer):
            if not own.is_asker:
                self._talk.strike("It asked for the same chain again before it was answered.")
            return
        if len(self._open) >= MAX_OPEN:
            raise ProtocolError("It asks for too many chains at once.")
        self._waiting.pop(device, None)
        self._open[device] = _Exchange(is_asker=False)
        self._work(device, self._answer(device, message.digests))

    def hashes(self, message: Hashes) -> None:
        """Send what the peer lacks in those buckets; ask for what we lack."""
        exchange = self._open.get(message.device)
        if exchange is None or not exchange.is_asker:
            self._talk.strike("It sent hashes that nobody asked for.")
            return
        missing: list[bytes] = []
        for row in message.buckets:
            if row.number < exchange.below:
                self._talk.strike("It named a part of a chain twice.")
                continue
            exchange.below = row.number + 1
            missing.extend(self._compare(message.device, exchange, row))
        if missing and not self._is_doubtful(message.device, exchange):
            self._work(message.device, self._by_hash(message.device, join(missing)))
        if not message.more:
            self._work(message.device, self._wanted(message.device, exchange.wanted))
            self._close(message.device)

    def _is_doubtful(self, device: bytes, exchange: _Exchange) -> bool:
        """Whether the peer names entries of this very device that are not here: it should not go on as that device.

        What is said to be elsewhere comes first then; if it does, this home becomes a new device.
        """
        return device == self._talk.device and bool(exchange.wanted)

    def wanted(self, message: Wanted) -> None:
        """Send the entries with those hashes."""
        exchange = self._open.get(message.device)
        hashes = split(message.hashes)
        if exchange is None or exchange.is_asker or len(hashes) > exchange.allowance:
            self._talk.strike("It asked for entries that nobody offered.")
            return
        exchange.allowance -= len(hashes)
        if hashes:
            self._work(message.device, self._by_hash(message.device, message.hashes))
        if not message.more:
            self._close(message.device)

    def _begin(self) -> None:
        while self._waiting and sum(each.is_asker for each in self._open.values()) < AT_ONCE:
            device = next(iter(self._waiting))
            del self._waiting[device]
            self._open[device] = _Exchange(is_asker=True)
            self._talk.outbox.soon(("buckets", self._workspace, device), partial(self._own_buckets, device))

    def _close(self, device: bytes) -> None:
        del self._open[device]
        self._begin()
        self._on_done(device)

    def _own_buckets(self, device: bytes) -> Message | None:
        exchange = self._open.get(device)
        if exchange is None or not exchange.is_asker:
            return None
        digests = self._talk.replica.buckets(self._talk.peer, self._workspace, device)
        return Buckets(self._workspace, device, join(digests[:MAX_BUCKETS]))

    def _bucket(self, device: bytes, number: int) -> Sequence[bytes]:
        return self._talk.replica.bucket(self._talk.peer, self._workspace, device, number)[:MAX_BUCKET_HASHES]

    def _compare(self, device: bytes, exchange: _Exchange, row: BucketRow) -> list[bytes]:
        """The hashes in a bucket that the peer lacks; what we lack is noted."""
        theirs = split(row.hashes)
        mine = self._bucket(device, row.number)
        lacking = frozenset(theirs).difference(mine)
        exchange.wanted.extend(digest for digest in theirs if digest in lacking)
        return [digest for digest in mine if digest not in frozenset(theirs)]

    def _answer(self, device: bytes, digests: bytes) -> Iterator[Message]:
        mine, theirs = self._talk.replica.buckets(self._talk.peer, self._workspace, device), split(digests)
        rows: list[BucketRow] = []
        size = 0
        for number in range(min(max(len(mine), len(theirs)), MAX_BUCKETS)):
            if mine[number : number + 1] == theirs[number : number + 1]:
                continue
            hashes = self._bucket(device, number) if number < len(mine) else ()
            if (exchange := self._open.get(device)) is not None:
                exchange.allowance += len(hashes)
            rows.append(BucketRow(number, join(hashes)))
            size += len(rows[-1].hashes)
            if size >= PIECE or len(rows) >= MAX_BUCKET_ROWS:
                yield Hashes(self._workspace, device, tuple(rows), more=True)
                rows, size = [], 0
        yield Hashes(self._workspace, device, tuple(rows))

    def _wanted(self, device: bytes, hashes: Sequence[bytes]) -> Iterator[Message]:
        for start in range(0, max(len(hashes), 1), _WANTED_HASHES):
            end = start + _WANTED_HASHES
            yield Wanted(self._workspace, device, join(hashes[start:end]), more=end < len(hashes))

    def _by_hash(self, device: bytes, joined: bytes) -> Iterator[Message]:
        """Those entries, so many at a time that a call of the replica gives about a piece."""
        replica, peer, at, step = self._talk.replica, self._talk.peer, 0, _FIRST_STEP
        while at < len(joined):
            end = at + step * DIGEST_BYTES
            sent = replica.entries_by_hash(peer, self._workspace, device, split(joined[at:end]))
            if not sent.done and step > 1:
                step //= 2
                continue
            for piece, _ in pieces(sent.envelopes, MAX_ENTRIES):
                if piece:
                    yield Entries(self._workspace, device, piece, more=True)
            at = end
            if sum(map(len, sent.envelopes)) < PIECE // 2:
                step = min(step * 2, _MOST_AT_ONCE)
