"""A network within one process that keeps every frame, to be searched."""

from __future__ import annotations

from sync.transports.connection import Purpose
from sync.transports.memory import MemoryConnection, MemoryNetwork


class Wires(MemoryNetwork):
    """`frames`: everything that went over it."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []

    def connect(self, one: bytes, other: bytes, purpose: Purpose) -> tuple[MemoryConnection, MemoryConnection]:
        ends = super().connect(one, other, purpose)
        for end in ends:
            self._listen_in(end)
        return ends

    def _listen_in(self, end: MemoryConnection) -> None:
        send = end.send

        async def recorded(frame: bytes) -> None:
            self.frames.append(frame)
            await send(frame)

        end.send = recorded  # type: ignore[method-assign]
