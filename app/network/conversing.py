"""Runs one side of a conversation of `sync.protocol.exchange` over a live connection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sync.errors import ProtocolError, TransportError
from sync.protocol.exchange import CallingSide, Exchange, WaitingSide
from sync.protocol.handover import Handover
from sync.protocol.handshake import refusal
from sync.transports.connection import Connection

STEP_SECONDS = 30.0
"""How long the other side may take for each frame; a person answers nothing meanwhile."""


async def be_met(connection: Connection, side: WaitingSide) -> None:
    """The waiting side's handshake. ProtocolError: the visitor did not prove themselves, and was told so."""
    await send(connection, side.start())
    await _proceed_until_proved(connection, side)


async def meet(connection: Connection, side: CallingSide) -> None:
    """The calling side's handshake. ProtocolError: the other side refused, or did not prove itself."""
    await _proceed_until_proved(connection, side)


async def _proceed_until_proved(connection: Connection, side: WaitingSide | CallingSide) -> None:
    while side.peer is None:
        await _proceed(connection, side)


async def receive_handover(connection: Connection, side: WaitingSide | CallingSide) -> Handover:
    """What the other side hands over."""
    while side.received is None:
        await _proceed(connection, side)
    return side.received


async def hand_over(connection: Connection, side: Exchange, handover: Handover) -> None:
    """Give the other side something."""
    await send(connection, side.hand_over(handover))


async def wait_until_kept(connection: Connection, side: WaitingSide | CallingSide) -> None:
    """Until the other side says that it has stored what it was given."""
    while not side.kept:
        await _proceed(connection, side)


async def send(connection: Connection, frames: Sequence[bytes]) -> None:
    """Hand frames over in their order."""
    for frame in frames:
        await connection.send(frame)


async def refuse(connection: Connection, error: Exception) -> None:
    """Tell the other side why this ends, if it still listens."""
    try:
        await connection.send(refusal(str(error)))
    except TransportError:
        pass


async def _proceed(connection: Connection, side: WaitingSide | CallingSide) -> None:
    try:
        async with asyncio.timeout(STEP_SECONDS):
            frame = await connection.receive()
    except TimeoutError as error:
        raise TransportError("The other device stopped answering. Try again.") from error
    try:
        frames = await asyncio.to_thread(side.receive, frame)  # it decrypts, and may look into the store
    except ProtocolError as error:
        if isinstance(side, WaitingSide):
            await refuse(connection, error)
        raise
    await send(connection, frames)
