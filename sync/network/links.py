"""Published copies on their way: served and fetched over live connections, put into places and read there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from sync.clock import Random
from sync.errors import LinkGone, ProtocolError, TransportError
from sync.network.link_folder import LinkFolder, LinkReader, LinkStorage, head_path, object_path
from sync.protocol.links import IssuerSide, OpenerSide, Shelf
from sync.protocol.published import MAX_HEAD_BYTES, OBJECT_BYTES, Head, Keys, Unit, object_name, open_head
from sync.transports.connection import Connection

ANSWER_SECONDS = 30.0
"""How long an opener is waited for, and how long the opener waits."""
Run = Callable[[Callable[[Shelf], list[bytes]]], Awaitable[list[bytes]]]
"""Runs something where the store may be used, with what this device has published."""
GONE = "What this link opens is not there any more: the link was revoked or has expired, or the session was deleted."


async def serve_link(connection: Connection, me: bytes, random: Random, run: Run) -> None:
    """Answer one opener until it leaves. me: the id of this device."""
    side = IssuerSide(me, connection.peer, random)
    try:
        while not side.done:
            async with asyncio.timeout(ANSWER_SECONDS):
                frame = await connection.receive()
            for answer in await run(lambda shelf, frame=frame: side.receive(frame, shelf)):  # type: ignore[misc]
                await connection.send(answer)
    except (TransportError, TimeoutError):
        pass  # they left, and may come again
    except ProtocolError as error:
        await connection.close(str(error))
        return
    await connection.close()


# fetching


class CopySource(Protocol):
    """Where a copy comes from. LinkGone: it is no longer given; TransportError: nobody there."""

    async def head(self) -> bytes: ...

    async def object(self, name: bytes) -> bytes: ...

    async def close(self) -> None: ...


class LiveSource:
    """The device that issued the link. me: the id of this device."""

    def __init__(self, connection: Connection, keys: Keys, me: bytes) -> None:
        self._connection = connection
        self._side = OpenerSide(keys, me, connection.peer)

    async def head(self) -> bytes:
        await self._connection.send(self._side.start())
        await self._connection.send(self._side.prove(await self._next()))
        return self._side.receive(await self._next())

    async def object(self, name: bytes) -> bytes:
        await self._connection.send(self._side.ask(name))
        return self._side.receive(await self._next())

    async def close(self) -> None:
        await self._connection.close()

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._connection.receive()
        except TimeoutError as error:
            raise TransportError("The device that issued this link does not answer.") from error


class StoredSource:
    """A place where the copy lies."""

    def __init__(self, reader: LinkReader, link: bytes) -> None:
        self._reader = reader
        self._link = link

    async def head(self) -> bytes:
        data = await self._reader.read(head_path(self._link), MAX_HEAD_BYTES)
        if data is None:
            raise LinkGone(GONE)
        return data

    async def object(self, name: bytes) -> bytes:
        data = await self._reader.read(object_path(self._link, name), OBJECT_BYTES)
        if data is None:
            raise LinkGone("A part of what this link opens is missing where it was published. Try again in a while.")
        return data

    async def close(self) -> None:
        """Nothing is held."""


async def fetch_head(source: CopySource, keys: Keys, issuer: bytes) -> Head:
    """The verified head; a place that was just being written is asked once more."""
    try:
        return open_head(await source.head(), keys, issuer)
    except ProtocolError:
        if not isinstance(source, StoredSource):
            raise
        return open_head(await source.head(), keys, issuer)


async def fetch_units(
    source: CopySource,
    link: bytes,
    units: Sequence[Unit],
    arriving: LinkFolder,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> None:
    """Bring all objects of units into a folder; those already there are not asked for again. progress: bytes done."""
    have, done = arriving.names_now(link), 0
    for unit in units:
        for name in unit.objects:
            if name.hex() not in have:
                data = await source.object(name)
                if object_name(data) != name:
                    raise ProtocolError("A part of what this link opens is damaged or was exchanged.")
                await arriving.write(object_path(link, name), data)
        done += unit.size
        progress(done)


def fetched(link: bytes, unit: Unit, arriving: LinkFolder) -> list[bytes]:
    """The objects of a unit that `fetch_units` brought."""
    found = [arriving.read_now(object_path(link, name), OBJECT_BYTES) for name in unit.objects]
    if any(data is None for data in found):
        raise ProtocolError("A part of what this link opens was lost while it arrived. Open the link again.")
    return [data for data in found if data is not None]


# publishing


async def mirror(
    shelf: LinkFolder, storage: LinkStorage, link: bytes, names: Sequence[bytes], *, sure: set[bytes], old: set[bytes]
) -> None:
    """Bring a copy from the shelf to another place: what is new there first, then the head, then what is old goes.

    sure: names of objects that are there. old: of all that may be.
    """
    for name in names:
        if name not in sure:
            data = shelf.read_now(object_path(link, name), OBJECT_BYTES)
            if data is not None:
                await storage.write(object_path(link, name), data)
    head = shelf.read_now(head_path(link), MAX_HEAD_BYTES)
    if head is not None:
        await storage.write(head_path(link), head)
    await _remove(storage, link, old.difference(names))


async def withdraw(storage: LinkStorage, link: bytes, names: Sequence[bytes]) -> None:
    """Take a copy away from a place, the head first."""
    await storage.delete(head_path(link))
    await _remove(storage, link, set(names))


async def _remove(storage: LinkStorage, link: bytes, names: set[bytes]) -> None:
    for name in sorted(names):
        await storage.delete(object_path(link, name))
