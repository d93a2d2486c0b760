"""What is to be sent, made at the moment it can be sent.

Three classes: *soon* holds one maker for each subject, so that saying something twice before it left costs nothing;
*passing* holds finished ephemeral frames and drops when full; *bulk* holds lanes of generators, which take turns frame
by frame. Soon goes before passing, passing before bulk; a waiting lane gets at least every `_PATIENCE`-th frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence

from sync.protocol.messages import Message, encode_message

PIECE = 256 << 10
"""Bytes that a frame of a transfer has, about; one large envelope makes a larger one.

Taking in a frame is one transaction, during which nothing else happens on the receiving side: some hundred entries, or
some thousand events where entries have many. Each commit writes what was indexed, so smaller frames cost more.
"""
MAX_PASSING = 64
MAX_PASSING_BYTES = 512 << 10
_PATIENCE = 16

Maker = Callable[[], Message | None]
"""Makes a message from what is true now; None if it has become needless."""


class Outbox:
    """The frames of one conversation that have not left yet."""

    def __init__(self) -> None:
        self._soon: dict[Hashable, Maker] = {}
        self._passing: deque[bytes] = deque()
        self._passing_bytes = 0
        self._lanes: dict[Hashable, deque[Iterator[Message]]] = {}
        self._since_bulk = 0

    def soon(self, subject: Hashable, maker: Maker) -> None:
        """Send what `maker` makes before anything large; one that waits under the same subject is replaced."""
        self._soon[subject] = maker

    def pass_on(self, frame: bytes) -> bool:
        """Send an ephemeral frame; False if it was dropped."""
        if len(self._passing) >= MAX_PASSING or self._passing_bytes + len(frame) > MAX_PASSING_BYTES:
            return False
        self._passing.append(frame)
        self._passing_bytes += len(frame)
        return True

    def bulk(self, lane: Hashable, messages: Iterator[Message]) -> None:
        """Send messages, after those that wait in the same lane."""
        self._lanes.setdefault(lane, deque()).append(messages)

    def drop(self, lane: Hashable) -> None:
        """Forget what waits in a lane."""
        self._lanes.pop(lane, None)

    def forget(self, workspace: bytes) -> None:
        """Forget everything whose subject or lane is `(…, workspace, …)`."""
        for subject in [each for each in self._soon if _is_about(each, workspace)]:
            del self._soon[subject]
        for lane in [each for each in self._lanes if _is_about(each, workspace)]:
            del self._lanes[lane]

    def lanes(self, kind: str) -> int:
        """How many lanes whose name begins with `kind` have something to send."""
        return sum(1 for lane in self._lanes if isinstance(lane, tuple) and lane[0] == kind)

    def clear(self) -> None:
        """Forget everything."""
        self._soon.clear()
        self._passing.clear()
        self._lanes.clear()
        self._passing_bytes = 0

    def next_frame(self) -> bytes | None:
        """The frame to send next; None while there is none."""
        while self._soon or self._passing or self._lanes:
            if self._lanes and self._since_bulk >= _PATIENCE:
                message = self._next_bulk()
            else:
                self._since_bulk += 1
                message = self._next_soon()
                if message is None and self._passing:
                    return self._next_passing()
                message = message or self._next_bulk()
            if message is not None:
                return encode_message(message)
        return None

    def _next_passing(self) -> bytes:
        frame = self._passing.popleft()
        self._passing_bytes -= len(frame)
        return frame

    def _next_soon(self) -> Message | None:
        while self._soon:
            subject = next(iter(self._soon))
            if (message := self._soon.pop(subject)()) is not None:
                return message
        return None

    def _next_bulk(self) -> Message | None:
        self._since_bulk = 0
        while self._lanes:
            name = next(iter(self._lanes))
            lane = self._lanes.pop(name)
            message = next(lane[0], None)
            if message is None:
                lane.popleft()
            if lane:
                self._lanes[name] = deque([*lane, *self._lanes.pop(name, ())])
            if message is not None:
                return message
        return None


def _is_about(name: Hashable, workspace: bytes) -> bool:
    return isinstance(name, tuple) and name[1] == workspace


def pieces(items: Sequence[bytes], most: int) -> Iterator[tuple[tuple[bytes, ...], bool]]:
    """Items in tuples of about `PIECE` bytes and at most `most`, each with whether another follows; () for none."""
    start = 0
    while True:
        end, size = start, 0
        while end < len(items) and end - start < most and (end == start or size + len(items[end]) <= PIECE):
            size += len(items[end])
            end += 1
        yield tuple(items[start:end]), end < len(items)
        if end >= len(items):
            return
        start = end
