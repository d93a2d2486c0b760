"""The conversations that a device holds now, one with each other device."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sync.engine import Engine
from sync.errors import TransportError
from sync.network.conversing import Conversing
from sync.protocol.happenings import Ended, Happening, InSync, Reached, Received
from sync.protocol.peer import Conversation
from sync.transports.connection import Connection

T = TypeVar("T")


class Call(Protocol):
    """Runs work with the engine on the writer's thread."""

    def __call__(self, work: Callable[[Engine], T], /) -> Awaitable[T]: ...


@dataclass(slots=True)
class Live:
    """A conversation. dialer: who connected. since: seconds of the loop's clock."""

    peer: bytes
    dialer: bytes
    conversation: Conversation
    conversing: Conversing
    task: asyncio.Task[object]
    since: float
    reached: bool = False
    program: str = ""
    in_sync: bool = False
    refused: str = ""


class Conversations:
    """Holds conversations. hear: told what happens, with the peer. changed: told that the list or a state is new."""

    def __init__(
        self,
        call: Call,
        device: bytes,
        program: str,
        hear: Callable[[bytes, Happening], None],
        changed: Callable[[], None],
    ) -> None:
        self._call = call
        self._device = device
        self._program = program
        self._hear = hear
        self._changed = changed
        self._live: dict[bytes, Live] = {}

    @property
    def live(self) -> Collection[Live]:
        """All conversations, those that only begin too."""
        return tuple(self._live.values())

    def has(self, peer: bytes) -> bool:
        """Whether there is one with a device."""
        return peer in self._live

    async def hold(self, connection: Connection, *, dialed: bool) -> Ended | None:
        """Hold a conversation until its end. None: another one with this device goes on instead.

        When two devices connect to each other at the same time, both keep the connection that the one with the smaller
        id made; of two by the same device the newer one counts, because it has lost the older.
        """
        peer, dialer = connection.peer, self._device if dialed else connection.peer
        before = self._live.get(peer)
        if before is not None:
            if before.dialer != dialer and before.dialer < dialer:
                await connection.close("There is a connection already.")
                return None
            await self._replace(before)
        return await self._converse(connection, dialer)

    async def _replace(self, live: Live) -> None:
        if live.task is not asyncio.current_task():
            live.task.cancel()
            await asyncio.wait([live.task])

    async def _converse(self, connection: Connection, dialer: bytes) -> Ended:
        peer = connection.peer
        conversation = await self._call(
            lambda engine: Conversation(engine.replica, engine.device.device_id, peer, program=self._program)
        )

        def run(function: Callable[[], T]) -> Awaitable[T]:
            return self._call(lambda _engine: function())

        conversing = Conversing(connection, conversation, run, lambda happening: self._note(peer, happening))
        task = asyncio.current_task()
        assert task is not None
        now = asyncio.get_running_loop().time()
        live = self._live[peer] = Live(peer, dialer, conversation, conversing, task, now)
        try:
            return await conversing.converse()
        except TransportError as error:
            return Ended(str(error))
        finally:
            if self._live.get(peer) is live:
                del self._live[peer]
            self._changed()

    def _note(self, peer: bytes, happening: Happening) -> None:
        live = self._live.get(peer)
        if live is not None:
            match happening:
                case Reached(program=program):
                    live.reached, live.program = True, program
                    self._changed()
                case InSync():
                    live.in_sync = True
                    self._changed()
                case Received(refused=refused) if refused:
                    live.refused = refused[-1]
        self._hear(peer, happening)

    # what the program does

    def committed(self, workspaces: Iterable[bytes], *, logs: bool) -> Awaitable[None]:
        """Push what was committed here. logs: operations are among it."""
        return self._each(lambda conversation: _push(conversation, tuple(workspaces), logs))

    async def pass_on(self, workspace: bytes, topic: str, payload: bytes, but: bytes = b"") -> None:
        """Send an ephemeral message to everybody who shares a workspace, except one."""
        await self._each(lambda conversation: conversation.send_ephemeral(workspace, topic, payload), but)

    async def want_blob(self, workspace: bytes, blob: bytes, of: bytes | None = None) -> bool:
        """Ask everybody, or one device, for a blob; False if nobody is there."""
        await self._each(lambda conversation: conversation.want_blob(workspace, blob), only=of)
        return bool(self._live)

    async def stop_blob(self, workspace: bytes, blob: bytes) -> None:
        """Ask nobody any more."""
        await self._each(lambda conversation: conversation.stop_blob(workspace, blob))

    async def _each(self, act: Callable[[Conversation], object], but: bytes = b"", only: bytes | None = None) -> None:
        live = [each for each in self._live.values() if each.reached and each.peer != but and only in (None, each.peer)]
        if not live:
            return

        def all_of_them(_engine: Engine) -> None:
            for each in live:
                act(each.conversation)

        await self._call(all_of_them)
        for each in live:
            each.conversing.wake()

    async def end(self) -> None:
        """Say goodbye to everybody."""
        tasks = [live.task for live in self._live.values() if live.task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _push(conversation: Conversation, workspaces: Iterable[bytes], logs: bool) -> None:
    if logs:
        conversation.logs_changed()
    for workspace in workspaces:
        conversation.local_change(workspace)
