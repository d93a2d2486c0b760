"""One session's talk with an external agent."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.agents.acp import memory
from app.agents.acp.choices import names_of
from app.agents.acp.connection import Refusal
from app.agents.acp.consent import Consent
from app.agents.acp.files import AgentFiles
from app.agents.acp.session import AgentSession
from app.agents.acp.spending import session_cost
from app.agents.acp.telling import Telling
from app.agents.acp.values import member, text
from app.agents.backend import PromptImage, PromptPart, PromptText, SessionContext, Update
from app.agents.limits import LimitReached
from app.agents.stream import UpdateStream
from app.agents.tools.folders import Folders
from app.errors import AgentError
from app.sessions.events import Notice, ResultStatus, Usage

if TYPE_CHECKING:
    from app.agents.acp.backend import AcpBackend

_OVER = object()
"""Comes after the last update of a turn."""


class AcpConversation:
    """A conversation. The agent's program runs from `open` to `close`, and is started anew when it broke off."""

    def __init__(self, backend: AcpBackend, context: SessionContext) -> None:
        self._backend = backend
        self._context = context
        self._stream = UpdateStream()
        self._folders = Folders(context.folders, context.hidden) if context.folders else None
        self._nowhere: tempfile.TemporaryDirectory[str] | None = None
        self._begun = memory.begun(context, backend.name) if self._folders is not None else None
        self._session: AgentSession | None = None
        self._queue: asyncio.Queue[Any] = asyncio.Queue(backend.limits.waiting)
        self._is_listening = False
        self._telling: Telling | None = None
        self._past: set[str] = set()
        self._total: Usage | None = None
        self._cost: float | None = None
        self._untold = ""
        self._notices: list[Notice] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start the agent and go on with its session, or begin one. Raises AgentError."""
        session = AgentSession(self._backend, on_update=self._update, on_request=self._request)
        try:
            await session.open(self._cwd(), self._context, self._begun.session if self._begun else None)
        except BaseException:
            await session.close()
            raise
        self._session = session
        agent = session.agent
        self._files = AgentFiles(self._context, self._folders, self._stream.emit)
        self._consent = Consent(self._context, self._folders, agent, self._files, self._stream.emit)
        self._notices = [Notice(text=problem, level="warning") for problem in session.problems]
        if self._begun is None or not session.is_resumed:
            self._untold = memory.told(self._context, self._backend.name)
            self._notices.insert(0, memory.notice(self._backend.name, session.id, self._backend.about(session)))
        else:
            self._untold = memory.told(self._context, self._backend.name, self._begun.after)

    @property
    def models(self) -> Sequence[str]:
        """See `backend.Choosing`."""
        return () if self._session is None else names_of(self._session.models)

    @property
    def modes(self) -> Sequence[str]:
        """See `backend.Choosing`."""
        return () if self._session is None else names_of(self._session.modes)

    def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        """Ask the agent and tell what it does until it has answered."""
        return self._stream.run(self._run(parts))

    async def cancel(self) -> None:
        """End the running prompt."""
        await self._stream.cancel()

    async def close(self) -> None:
        """End the agent's program."""
        await self._stream.cancel()
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await asyncio.gather(*self._ending, return_exceptions=True)
        if self._nowhere is not None:
            await asyncio.to_thread(self._nowhere.cleanup)
            self._nowhere = None

    def _cwd(self) -> Path:
        """The working folder; where there is none, an empty one."""
        if self._folders is not None:
            return self._folders.roots[0]
        if self._nowhere is None:
            self._nowhere = tempfile.TemporaryDirectory(prefix="lovelace-", ignore_cleanup_errors=True)
        return Path(self._nowhere.name).resolve()

    # a turn

    async def _run(self, parts: Sequence[PromptPart]) -> None:
        if self._session is None:
            await self.open()
        assert self._session is not None
        session = self._session
        for told in self._notices:
            self._stream.emit(told)
        self._notices = []
        await self._files.settled()
        telling = self._telling = self._new_telling(session)
        asked = asyncio.ensure_future(session.prompt(self._blocks(parts, session)))
        self._is_listening = True
        pump = asyncio.ensure_future(self._pump(telling))
        status: ResultStatus = "cancelled"
        try:
            await asyncio.wait({asked, pump}, return_when=asyncio.FIRST_COMPLETED)
            if not pump.done():
                await self._queue.put(_OVER)
                await asyncio.wait({pump})
            pump.result()
            telling.spending.answered(asked.result())
            status = "failed"
            self._judge_end(asked.result())
        except AgentError:
            status = "failed"
            raise
        finally:
            winding = asyncio.ensure_future(self._wind_up(session, telling, asked, pump, status))
            await _outlast(winding)

    def _new_telling(self, session: AgentSession) -> Telling:
        telling = Telling(
            self._backend.name,
            self._context,
            session.agent,
            self._consent,
            self._files,
            self._stream.emit,
            self._backend.limits,
            self._past,
        )
        telling.spending.begin(self._total, self._cost)
        return telling

    def _blocks(self, parts: Sequence[PromptPart], session: AgentSession) -> list[dict[str, Any]]:
        untold, self._untold = self._untold, ""
        blocks: list[dict[str, Any]] = [{"type": "text", "text": untold}] if untold else []
        sees = member(session.about, "agentCapabilities", "promptCapabilities", "image") is True
        for part in parts:
            if isinstance(part, PromptText):
                blocks.append({"type": "text", "text": part.text})
            elif isinstance(part, PromptImage) and sees:
                data = base64.b64encode(part.data).decode()
                blocks.append({"type": "image", "data": data, "mimeType": part.media_type})
        return blocks or [{"type": "text", "text": ""}]

    async def _pump(self, telling: Telling) -> None:
        """Tell the updates of one turn, in their order."""
        while (item := await self._queue.get()) is not _OVER:
            if isinstance(item, tuple):
                await telling.take_permission(*item)
            else:
                await telling.take(item)
            await self._stream.room()

    def _judge_end(self, answer: Mapping[str, Any]) -> None:
        """Why the agent stopped, where it is not because it was done."""
        name = self._backend.name
        match answer.get("stopReason"):
            case "max_tokens":
                self._stream.emit(Notice(text=f"{name} stopped: its answer reached the most tokens.", level="warning"))
            case "max_turn_requests":
                raise LimitReached(f"{name} stopped: it has asked its model as often as its settings allow.")
            case "refusal":
                self._stream.emit(Notice(text=f"{name} refused to go on.", level="warning"))
            case "cancelled":
                raise AgentError(f"The agent '{name}' broke off: it says that it was cancelled.")

    async def _wind_up(
        self,
        session: AgentSession,
        telling: Telling,
        asked: asyncio.Future[Any],
        pump: asyncio.Future[None],
        status: ResultStatus,
    ) -> None:
        """End what still runs, in bounded time, and tell what is left to tell."""
        await telling.stop_asking()
        if not asked.done():
            await session.cancel()
            await asyncio.wait({asked}, timeout=self._backend.limits.cancel)
        if not pump.done():
            try:
                async with asyncio.timeout(self._backend.limits.cancel):
                    await self._queue.put(_OVER)
                    await asyncio.wait({pump})
            except TimeoutError:
                pass
        self._is_listening = False
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        while not self._queue.empty():
            self._drop(self._queue.get_nowait())
        if not asked.done() or (not asked.cancelled() and asked.exception() is not None):
            self._give_up(session)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await telling.finish(status)
        self._telling = None

    def _give_up(self, session: AgentSession) -> None:
        """End an agent that failed or does not stop; the next prompt starts it anew."""
        if self._session is session:
            self._session = None
            self._begun = memory.Begun(session.id, len(self._context.history))
        closing = asyncio.ensure_future(session.close())
        self._ending.add(closing)
        closing.add_done_callback(self._ending.discard)

    # what the agent says

    async def _update(self, params: Any) -> None:
        """An update; those outside of a turn, such as a session that is told again, are not the turn's."""
        update = member(params, "update")
        if not isinstance(update, Mapping) or not self._is_ours(params):
            return
        if self._is_listening:
            await self._queue.put(update)
            return
        if text(update.get("sessionUpdate")) in ("tool_call", "tool_call_update") and len(self._past) < 100_000:
            self._past.add(text(update.get("toolCallId"))[:500])
        if self._session is not None:
            self._total = self._session.agent.total(update) or self._total
        self._cost = session_cost(update) or self._cost

    async def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """A request of the agent. Raises Refusal; NotImplementedError for what is not offered."""
        if method not in ("session/request_permission", "fs/read_text_file", "fs/write_text_file"):
            raise NotImplementedError(method)
        telling = self._telling
        if not self._is_listening or telling is None or not self._is_ours(params):
            raise Refusal("Nothing was asked in this session.")
        if method == "session/request_permission":
            answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            await self._queue.put((params, answer))
            return await answer
        return await (self._files.read(params) if method == "fs/read_text_file" else telling.write(params))

    def _drop(self, item: Any) -> None:
        if isinstance(item, tuple) and not item[1].done():
            item[1].set_result({"outcome": {"outcome": "cancelled"}})

    def _is_ours(self, params: Any) -> bool:
        """Whether something is about this session, as far as it is known: an agent may have others."""
        return self._session is None or member(params, "sessionId") == self._session.id


async def _outlast(task: asyncio.Future[None]) -> None:
    """Wait for a task that takes a bounded time, however often the caller is cancelled meanwhile."""
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
