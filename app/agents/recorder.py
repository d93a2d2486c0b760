"""Where turns meet the store.

Events, drafts and blobs are written, and answers of other processes are awaited.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from app.agents.backend import Answered, Ask, TextKind
from app.agents.live_output import Pieces
from app.sessions.events import BlobRef, Body, Draft, FileChange, PermissionAnswer, PermissionRequest, UserMessage
from app.sessions.files import FILE_KINDS, FileHistory, FileState
from sync.clock import Clock

T = TypeVar("T")


class Store(Protocol):
    """What is needed of `app.workspace.Workspace`."""

    async def write_async(self, operation: Callable[[Any], T], /) -> T: ...

    async def read_async(self, query: Callable[[Any], T], /) -> T: ...

    def changes(self, *, after: int) -> AsyncIterator[Any]: ...


class StoreRecorder:
    """Records one turn of one session. agent: who speaks in the events that are not the person's; None: all are."""

    def __init__(self, store: Store, session: str, *, agent: str | None, clock: Clock, turn: str | None = None) -> None:
        self._store = store
        self._session = session
        self._agent = agent
        self._clock = clock
        self.turn = turn or secrets.token_hex(8)

    async def record(self, *bodies: Body) -> Sequence[str]:
        """Append events together; their ids."""
        drafts = [self._draft(body) for body in bodies]
        ids: Sequence[str] = await self._store.write_async(lambda ops: ops.append(self._session, drafts))
        return ids

    async def draft(self, kind: TextKind, text: str) -> None:
        """Save what is being said, for other windows and for the case that this process ends."""
        await self._store.write_async(lambda ops: ops.save_draft(self._session, self.turn, kind, text, self._agent))

    async def clear(self) -> None:
        """Forget what was being said."""
        await self._store.write_async(lambda ops: ops.clear_draft(self._session, self.turn))

    async def output(self, call: str, pieces: Pieces) -> None:
        """Save what a running command prints, for whoever watches."""
        await self._store.write_async(lambda ops: ops.save_output(self._session, self.turn, call, pieces, self._agent))

    async def keep(self, data: bytes, name: str, media_type: str | None = None) -> BlobRef:
        """Store a payload."""
        ref: BlobRef = await self._store.write_async(
            lambda ops: ops.put_blob(data, session=self._session, name=name, media_type=media_type)
        )
        return ref

    async def load(self, ref: BlobRef) -> bytes | None:
        """The content of a payload as it was; None where it, or a secret in it, is not on this device."""
        data: bytes | None = await self._store.read_async(lambda queries: queries.find_whole_blob(self._session, ref))
        return data

    async def file_states(self) -> Mapping[str, FileState]:
        """The files that the session has touched, by path."""

        def read(queries: Any) -> Mapping[str, FileState]:
            return FileHistory.of(queries.iterate(self._session, kinds=FILE_KINDS)).states()

        return await self._store.read_async(read)

    def _draft(self, body: Body) -> Draft:
        of_person = isinstance(body, UserMessage | PermissionAnswer) or (
            isinstance(body, FileChange) and body.cause == "person"
        )
        return Draft(body=body, time=self._clock.now_ms(), turn=self.turn, agent=None if of_person else self._agent)


async def stored_answer(store: Store, session: str, request: PermissionRequest) -> Answered:
    """Wait until an answer to the request is in the session, from a process or device of this person.

    Nobody else's word lets anything run here, whatever they write into the session.
    """
    own, _device = await store.read_async(lambda q: q.own_device())
    async with aclosing(_watch(store, session)) as changes:
        async for _ in changes:
            for event in await store.read_async(lambda q: _answers(q, session)):
                is_own = event.author.identity == own and not event.author.claimed
                if is_own and isinstance(event.body, PermissionAnswer) and event.body.request_id == request.request_id:
                    return Answered(event.body, recorded=True)
    raise RuntimeError("the store was closed while a permission request waited")


def _answers(queries: Any, session: str) -> list[Any]:
    """The newest answers in a session, with the secrets that were kept out of it: a form may have been given some."""
    return [queries.revealed(event) for event in queries.events(session, kinds=["permission_answer"], limit=50)]


async def _watch(store: Store, session: str) -> Any:
    """Once at the start, then whenever the session has changed."""
    changes = store.changes(after=await store.read_async(lambda queries: queries.last_seq()))
    yield None
    try:
        async for change in changes:
            if session in change.sessions:
                yield change
    finally:
        close = getattr(changes, "aclose", None)
        if close is not None:
            await close()


def first_answer(*asks: Ask) -> Ask:
    """Ask in several ways at once (the terminal, the window, other processes); the first answer counts."""

    async def ask(request: PermissionRequest) -> Answered:
        waiting = {asyncio.ensure_future(ask(request)) for ask in asks}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    return ask
