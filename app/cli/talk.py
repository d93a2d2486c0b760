"""Turns of a session with an agent from the terminal: shown while they happen, recorded by the turn runner."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.agents.backend import AgentBackend, Conversation
from app.agents.context import read_past, session_context
from app.agents.late import LateConversation
from app.agents.mcp.lending import lent_servers
from app.agents.memory import drawn_for, with_remembering
from app.agents.permission import Group, Policy
from app.agents.policy_setting import with_policies
from app.agents.recorder import StoreRecorder, first_answer, stored_answer
from app.agents.titles import WAITED_SECONDS, is_first_turn, propose_title
from app.agents.turn import Asking, TurnResult, TurnRunner
from app.agents.work import work_state
from app.background.claiming import claimed
from app.cli.stream import TurnPrinter
from app.cli.terminal import ask_permission, on_interrupt
from app.sessions.events import Body

if TYPE_CHECKING:
    from app.sessions.operations import SessionOperations
    from app.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Manner:
    """How an agent may work. folders: what its tools may touch, the working one first; empty: no tools."""

    has_person: bool
    folders: tuple[Path, ...] = ()
    allowed: frozenset[Group] = frozenset({"read"})


class Talk:
    """One session and the agent that answers in it. The events are all that an agent remembers between turns.

    session: None for a new one, which the first turn makes.
    """

    def __init__(
        self,
        workspace: Workspace,
        session: str | None,
        backend: AgentBackend,
        manner: Manner,
        printer: TurnPrinter,
    ) -> None:
        self.session = session
        self._workspace = workspace
        self._backend = backend
        self._manner = manner
        self._printer = printer

    @property
    def agent(self) -> str:
        """The name of the agent that answers."""
        return self._backend.name

    async def turn(self, text: str) -> TurnResult:
        """One prompt and its answer. Ctrl+C cancels it. Raises AgentError; what was said until then is kept."""
        if self.session is None:
            self.session = await self._workspace.write_async(self._create)
        async with claimed(self._workspace, self.session):
            return await self._turn(self.session, text)

    async def _turn(self, session: str, text: str) -> TurnResult:
        recorder = EchoingRecorder(self._workspace, session, self._backend.name, self._printer)
        asking = Asking(first_answer(ask_permission, partial(stored_answer, self._workspace, session)))
        past = await self._workspace.read_async(partial(read_past, session=session))
        drawn = await self._workspace.read_async(partial(drawn_for, past=past, prompt=text))
        told = await self._workspace.read_async(lambda queries: queries.with_secrets(past.row.id, text))
        policy = Policy(asks=self._manner.has_person, allowed=self._manner.allowed)
        folders = self._manner.folders
        state = await work_state(self._workspace, past, folders)
        context = session_context(self._workspace, past, recorder, asking, folders=folders, policy=policy, state=state)
        context = with_policies(context, self._workspace, past.row.workspace)
        context = with_remembering(context, self._workspace, past.row.id, self._backend.name)
        servers = AsyncExitStack()

        async def start() -> Conversation:
            lent = lent_servers(self._workspace, self._backend, context, recorder.record)
            return await self._backend.start(await servers.enter_async_context(lent))

        conversation = LateConversation(start)
        runner = TurnRunner(
            conversation,
            recorder,
            model=self._backend.model,
            runner=past.device,
            listener=lambda update: self._printer.update(recorder.turn, update),
            asking=asking,
            files=context.files,
        )
        try:
            async with on_interrupt(runner.cancel):
                result = await runner.run(told, drawn=drawn)
        finally:
            self._printer.end()
            await conversation.close()
            await servers.aclose()
        if result.outcome == "completed" and is_first_turn(past.events):
            await self._name(session, text, result.text)
        return result

    async def _name(self, session: str, prompt: str, answer: str) -> None:
        """Let the agent name the session, if it is quick about it; Ctrl+C goes on without."""
        naming = asyncio.ensure_future(
            propose_title(self._workspace, session, self._backend, prompt, answer, within=WAITED_SECONDS)
        )

        async def leave() -> None:
            naming.cancel()

        async with on_interrupt(leave):
            await asyncio.wait({naming})
        if not naming.cancelled():
            naming.result()

    def _create(self, operations: SessionOperations) -> str:
        here = str(self._manner.folders[0]) if self._manner.folders else None
        return operations.create(agent=self._backend.name, cwd=here)


class EchoingRecorder(StoreRecorder):
    """Records one turn and shows each event as it stands in the session then."""

    def __init__(
        self, workspace: Workspace, session: str, agent: str, printer: TurnPrinter, *, turn: str | None = None
    ) -> None:
        super().__init__(workspace, session, agent=agent, clock=workspace.clock, turn=turn)
        self._workspace = workspace
        self._id = session
        self._printer = printer

    async def record(self, *bodies: Body) -> Sequence[str]:
        """Append events together; their ids."""
        ids = await super().record(*bodies)
        recorded = await self._workspace.read_async(lambda queries: [queries.event(self._id, one) for one in ids])
        self._printer.recorded(recorded)
        self._printer.concluded(bodies)
        return ids
