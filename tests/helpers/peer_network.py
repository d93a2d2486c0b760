"""A network without sockets: conversations between replicas, frames in random order, connections that break."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from sync.protocol.happenings import Happening, OperationsReceived, Received
from sync.protocol.messages import decode_message
from sync.protocol.peer import FEATURES, TICK_MS, Conversation
from tests.helpers.memory_replica import MemoryReplica


@dataclass
class End:
    """One end of a connection. log: kinds and sizes of the frames it sent."""

    replica: MemoryReplica
    conversation: Conversation
    arriving: deque[bytes] = field(default_factory=deque)
    happened: list[Happening] = field(default_factory=list)
    log: list[tuple[str, int]] = field(default_factory=list)

    @property
    def bytes_sent(self) -> int:
        return sum(size for _, size in self.log)

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.log]

    def of(self, kind: type) -> list[Happening]:
        return [each for each in self.happened if isinstance(each, kind)]


class PeerNetwork:
    """Replicas and the connections among them; `step` moves one frame somewhere, `settle` all of them."""

    def __init__(self, seed: int = 0) -> None:
        self.dice = random.Random(seed)
        self.now_ms = 0
        self.links: list[tuple[End, End]] = []

    def connect(
        self,
        left: MemoryReplica,
        right: MemoryReplica,
        features: tuple[frozenset[str], ...] = (FEATURES, FEATURES),
    ) -> tuple[End, End]:
        one, other = features
        ends = (
            End(left, Conversation(left, left.device, right.device, program="test", features=one)),
            End(right, Conversation(right, right.device, left.device, program="test", features=other)),
        )
        self.links.append(ends)
        for end in ends:
            end.conversation.start()
        return ends

    def cut(self, index: int) -> tuple[MemoryReplica, MemoryReplica]:
        """Break a connection: what was on its way is lost."""
        left, right = self.links.pop(index)
        return left.replica, right.replica

    def wrote(self, replica: MemoryReplica, workspace: bytes) -> None:
        """Tell the conversations of a replica of a local commit."""
        for end in self._ends_of(replica):
            end.conversation.local_change(workspace)

    def invited(self, replica: MemoryReplica) -> None:
        """Tell the conversations of a replica of a local operation."""
        for end in self._ends_of(replica):
            end.conversation.logs_changed()

    def step(self) -> bool:
        """Let one random end send or take a frame; False if nothing moves."""
        choices = [(self._send, pair) for pair in self._pairs()] + [(self._take, pair) for pair in self._pairs()]
        self.dice.shuffle(choices)
        return any(move(*pair) for move, pair in choices)

    def settle(self, most: int = 100_000) -> int:
        """Until nothing moves; gives the steps it took."""
        for count in range(most):
            if not self.step():
                return count
        raise AssertionError("It does not come to rest.")

    def tick(self, milliseconds: int = TICK_MS) -> None:
        self.now_ms += milliseconds
        for end, _ in self._pairs():
            end.conversation.tick(self.now_ms)
            self._listen(end)

    def _pairs(self) -> list[tuple[End, End]]:
        return [pair for left, right in self.links for pair in ((left, right), (right, left))]

    def _ends_of(self, replica: MemoryReplica) -> list[End]:
        return [end for end, _ in self._pairs() if end.replica is replica]

    def _send(self, end: End, other: End) -> bool:
        frame = end.conversation.next_frame()
        self._listen(end)
        if frame is None:
            return False
        message = decode_message(frame)
        end.log.append((message.kind if message else "?", len(frame)))
        other.arriving.append(frame)
        return True

    def _take(self, end: End, other: End) -> bool:
        if not end.arriving:
            return False
        end.conversation.receive(end.arriving.popleft())
        self._listen(end)
        return True

    def _listen(self, end: End) -> None:
        while (happening := end.conversation.next_happening()) is not None:
            end.happened.append(happening)
            for other in self._ends_of(end.replica):
                if other is not end and isinstance(happening, Received):
                    other.conversation.local_change(happening.workspace)
                if other is not end and isinstance(happening, OperationsReceived):
                    other.conversation.logs_changed()
