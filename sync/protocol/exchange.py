"""The course of pairing, joining and returning, without IO: frames in, frames out, what was handed over at the end.

After the handshake each side gives a `Handover` once, in the order of the conversation, and the last one to receive
says that it has kept what it got. A ProtocolError ends a conversation: the waiting side sends `refusal` of it.
"""

from __future__ import annotations

from sync.errors import ProtocolError
from sync.protocol.handover import Handover, HandoverReader, write_handover
from sync.protocol.handshake import Answering, Channel, Party, Waiting, raise_refusal

_KEPT = b"kept"


class Exchange:
    """One side of a conversation."""

    def __init__(self) -> None:
        self.peer: Party | None = None
        """The other device, once it has proved itself."""
        self.received: Handover | None = None
        """What the other side handed over, once all of it is here."""
        self.kept = False
        """Whether the other side has said that it keeps what it was given."""
        self._channel: Channel | None = None
        self._reader = HandoverReader()

    def hand_over(self, handover: Handover) -> list[bytes]:
        """The frames with what this side gives; after `peer` is known."""
        return [self._proved().seal(record) for record in write_handover(handover)]

    def keep(self) -> list[bytes]:
        """The frame that says that what was received is stored for good."""
        return [self._proved().seal(_KEPT)]

    def _proved(self) -> Channel:
        if self._channel is None:
            raise ValueError("Nothing is handed over before the other device has proved itself.")
        return self._channel

    def _take(self, channel: Channel, frame: bytes) -> None:
        raise_refusal(frame)
        record = channel.open(frame)
        if self.kept:
            raise ProtocolError("The other device went on after it had ended.")
        if record == _KEPT:
            self.kept = True
        elif self.received is None:
            self.received = self._reader.take(record)
        else:
            raise ProtocolError("The other device handed over more than once.")


class WaitingSide(Exchange):
    """The side that is connected to, in one connection."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()
        self._waiting = waiting

    def start(self) -> list[bytes]:
        """The first frames."""
        return [self._waiting.greeting]

    def receive(self, frame: bytes) -> list[bytes]:
        """Take in a frame, give those to send; raises ProtocolError."""
        if self._channel is not None:
            self._take(self._channel, frame)
            return []
        self.peer, welcome, self._channel = self._welcome(frame)
        return [welcome]

    def _welcome(self, frame: bytes) -> tuple[Party, bytes, Channel]:
        """Who answered, the frame for them, and the channel; ProtocolError if they did not prove themselves."""
        raise NotImplementedError


class CallingSide(Exchange):
    """The side that connects, in one connection."""

    def __init__(self, answering: Answering) -> None:
        super().__init__()
        self._answering = answering
        self._claimed: Party | None = None

    def receive(self, frame: bytes) -> list[bytes]:
        """Take in a frame, give those to send; raises ProtocolError."""
        if self._channel is not None:
            self._take(self._channel, frame)
        elif self._claimed is None:
            self._claimed, answer = self._answer(frame)
            return [answer]
        else:
            self._channel = self._answering.settle(frame)
            self.peer = self._claimed
        return []

    def _answer(self, frame: bytes) -> tuple[Party, bytes]:
        """Who waits, and the answer to their greeting."""
        raise NotImplementedError
