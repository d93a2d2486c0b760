"""The turns that run in this window: prompts go in, permission is asked, everything is recorded by the turn runner.

All methods but the constructor run on the bridge's loop. What the main thread must know is published:
`RUNNING` carries an `Activity`, `LEFT` a `Left`, `PROPOSED` the name of an agent that would have something remembered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from app.errors import UserError
from app.ui.servers import LateServers

if TYPE_CHECKING:
    import asyncio

    from app.agents.attaching import Attachment
    from app.agents.backend import AgentBackend, Answered, Conversation, SessionContext
    from app.agents.context import SessionPast
    from app.agents.registry import AgentRegistry
    from app.agents.turn import TurnRunner
    from app.background.answering import Answered as AnsweredTurn
    from app.background.answering import Asked, Note
    from app.sessions.events import Body, PermissionChoice, PermissionRequest
    from app.sessions.runners import Runner, WaitingPrompt
    from app.workspace import Workspace

RUNNING = "running sessions"
LEFT = "prompts left for others"
PROPOSED = "facts proposed"
CLOSE_SECONDS = 3.0
REST_SECONDS = 300.0
"""After so long without a turn a session is taken to rest."""


class Agents(Protocol):
    """The agents that are configured."""

    async def names(self) -> Sequence[str]:
        """What to choose from; the first is the default."""
        ...

    async def backend(self, name: str) -> AgentBackend:
        """An agent by name. UserError: there is none of that name."""
        ...

    async def registry(self) -> AgentRegistry:
        """The agents themselves, to configure them."""
        ...

    def close(self) -> None:
        """End what the agents keep running."""
        ...


class Activity(msgspec.Struct, frozen=True):
    """What agents do, by ids of sessions. running: those in which a turn runs here. waiting: those that wait for the
    person. background: what the task of a session works on, wherever in this home it runs; '' where that is not known.
    """

    running: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    background: Mapping[str, str] = {}

    @property
    def working(self) -> frozenset[str]:
        """The sessions in which an agent works, here or in the background."""
        return self.running | self.background.keys()


class Left(msgspec.Struct, frozen=True):
    """A prompt that was left for another device. is_own: it is this person's; else the prompt is a suggestion."""

    session: str
    device: str
    text: str
    is_own: bool


@dataclass(slots=True)
class _Running:
    """A turn and the permission requests that wait for the person. changed: is told when these come and go."""

    task: asyncio.Task[object]
    changed: Callable[[], None]
    runner: TurnRunner | None = None
    questions: dict[str, asyncio.Future[Answered]] = field(default_factory=dict)

    async def ask(self, request: PermissionRequest) -> Answered:
        """Wait for the person at this window."""
        import asyncio

        question: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self.questions[request.request_id] = question
        self.changed()
        try:
            return await question
        finally:
            del self.questions[request.request_id]
            self.changed()


class Turns:
    """One turn at a time in a session; any number of sessions."""

    def __init__(self, workspace: Workspace, agents: Agents, publish: Callable[[str, object], None]) -> None:
        self._workspace = workspace
        self.agents = agents
        self.servers = LateServers(workspace)
        self._publish = publish
        self.is_there: Callable[[str], bool] = lambda _device: False
        """Whether a device (hex) is connected now; prompts for one of this person's that is not run here."""
        self._running: dict[str, _Running] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._resting: dict[str, asyncio.Task[None]] = {}

    async def names(self) -> Sequence[str]:
        """The agents to choose from."""
        return await self.agents.names()

    async def prompt(
        self, session: str, agent: str, text: str, *, tools: bool, attached: Sequence[Attachment] = ()
    ) -> None:
        """Run one turn to its end; where another device runs the session, only leave the prompt there.

        UserError: the agent is unknown or unreachable, or the session is busy.
        """
        from app.background.answering import Asked
        from app.sessions.runners import find_runner

        self._require_free(session)
        own = await self._workspace.read_async(lambda queries: queries.own_device())
        runner = await self._workspace.read_async(lambda queries: find_runner(queries, session))
        is_far = runner is not None and runner.device != own[1]
        if runner is not None and is_far and (runner.identity != own[0] or self.is_there(runner.device)):
            await self._leave_prompt(session, runner, own[0], text)
        else:
            async with self._claimed(session):
                await self._run(agent, Asked(session, text, tools, attached))

    async def take_over(self, session: str) -> None:
        """From now on run a session here; prompts that wait for the device that ran it are run here too."""
        from app.sessions.events import Takeover
        from app.sessions.runners import find_runner

        _identity, device = await self._workspace.read_async(lambda queries: queries.own_device())
        runner = await self._workspace.read_async(lambda queries: find_runner(queries, session))
        term = 1 if runner is None else runner.term + 1
        await self._append(session, Takeover(runner=device, term=term))

    async def run_waiting(self, prompt: WaitingPrompt) -> None:
        """Run a prompt that another device of this person has left for this one; the session is claimed already."""
        from app.background.answering import Asked
        from app.background.headless import agent_of

        agent = await agent_of(self._workspace, self, prompt.session)
        folders = await self._workspace.read_async(lambda queries: queries.folders())
        await self._run(agent, Asked(prompt.session, prompt.message.text, bool(folders), waiting=prompt))

    def is_running(self, session: str) -> bool:
        """Whether a turn runs here."""
        return session in self._running

    async def _leave_prompt(self, session: str, runner: Runner, identity: str, text: str) -> None:
        from app.sessions.events import Suggestion, UserMessage

        is_own = runner.identity == identity
        await self._append(session, UserMessage(text=text, runner=runner.device) if is_own else Suggestion(text=text))
        self._publish(LEFT, Left(session, runner.device, text, is_own))

    async def _append(self, session: str, body: Body) -> None:
        import secrets

        from app.sessions.events import Draft

        draft = Draft(body=body, time=self._workspace.clock.now_ms(), turn=secrets.token_hex(8))
        await self._workspace.write_async(lambda operations: operations.append(session, [draft]))

    def _require_free(self, session: str) -> None:
        if session in self._running:
            raise UserError("The agent is still answering in this session. Stop it first, or wait.")

    @asynccontextmanager
    async def _claimed(self, session: str) -> AsyncIterator[None]:
        """No other process of this home runs a session meanwhile. UserError: one does, or something runs here."""
        from app.background.claiming import BusyError, claimed

        self._require_free(session)
        try:
            async with claimed(self._workspace, session):
                yield
        except BusyError:
            self._require_free(session)
            raise

    @contextmanager
    def _occupied(self, session: str) -> Iterator[_Running]:
        """One thing runs in a session at a time. UserError: something does already."""
        import asyncio

        self._require_free(session)
        task = asyncio.current_task()
        assert task is not None
        self._stir(session)
        turn = self._running[session] = _Running(task, self._announce)
        self._announce()
        try:
            yield turn
        finally:
            del self._running[session]
            self._announce()

    async def cancel(self, session: str) -> None:
        """End the turn of a session, if one runs here."""
        turn = self._running.get(session)
        if turn is None:
            return
        if turn.runner is None:
            turn.task.cancel()
            return
        await turn.runner.cancel()

    async def answer(
        self, session: str, request: str, choice: PermissionChoice, values: dict[str, Any] | None = None
    ) -> None:
        """Give the person's answer: to the turn that waits here, else into the session for the process that waits.

        values: what was filled in, where a server asked for values.
        """
        from app.agents.backend import Answered
        from app.sessions.events import PermissionAnswer

        turn = self._running.get(session)
        question = turn.questions.get(request) if turn else None
        if question is None:
            await self._workspace.write_async(lambda operations: operations.answer(session, request, choice, values))
        elif not question.done():
            question.set_result(Answered(PermissionAnswer(request_id=request, answer=choice, values=values)))

    async def close(self) -> None:
        """End all turns; what was said is kept."""
        import asyncio

        tasks: list[asyncio.Task[Any]] = [turn.task for turn in self._running.values()]
        beside = [*self._beside, *self._resting.values()]
        for task in beside:
            task.cancel()
        tasks += beside
        await asyncio.gather(*(self.cancel(session) for session in tuple(self._running)), return_exceptions=True)
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        await asyncio.gather(asyncio.to_thread(self.agents.close), self.servers.close())

    async def _run(self, agent: str, asked: Asked) -> None:
        with self._occupied(asked.session) as turn:
            backend = await self.agents.backend(agent)
            answered = await self._answered(turn, backend, asked)
            if answered.result.outcome == "completed":
                if answered.is_first:
                    self._name(asked, backend, answered.result.text)
                self._rest(asked.session, backend)

    async def _answered(self, turn: _Running, backend: AgentBackend, asked: Asked) -> AnsweredTurn:
        from app.background.answering import answer

        async def start(past: SessionPast, context: SessionContext, note: Note) -> Conversation:
            if not asked.tools and past.row.type != "mcp":
                return await backend.start(context)
            return await backend.start(await self.servers.lend(backend, context, note))

        def begun(runner: TurnRunner) -> None:
            turn.runner = runner

        return await answer(
            self._workspace,
            backend,
            asked,
            names=await self.agents.names(),
            asks=(turn.ask,),
            start=start,
            begun=begun,
            proposed=lambda: self._publish(PROPOSED, backend.name),
        )

    def _name(self, asked: Asked, backend: AgentBackend, said: str) -> None:
        from app.agents.titles import propose_title

        self._begin_beside(propose_title(self._workspace, asked.session, backend, asked.text, said))

    async def sum_up(self, sessions: Sequence[str]) -> None:
        """Let the agents of sessions that were put away sum them up, in the time that it takes."""
        from app.agents.session_summary import sum_up

        names = await self.agents.names()
        for session in sessions:
            row = await self._workspace.read_async(lambda queries, session=session: queries.session(session))  # type: ignore[misc]
            if row.agent in names and session not in self._running:
                backend = await self.agents.backend(row.agent)
                self._begin_beside(sum_up(self._workspace, row.id, backend))

    def _rest(self, session: str, backend: AgentBackend) -> None:
        """When nothing more happens in a session for a while, its agent sums it up."""
        import asyncio

        from app.agents.session_summary import sum_up

        async def rest() -> None:
            await asyncio.sleep(REST_SECONDS)
            await sum_up(self._workspace, session, backend)

        self._stir(session)
        task = self._resting[session] = asyncio.create_task(rest())
        task.add_done_callback(lambda done: self._stir(session, done))

    def _stir(self, session: str, done: asyncio.Task[None] | None = None) -> None:
        """A session rests no longer; done: only where this is the rest that ended."""
        if done is None or self._resting.get(session) is done:
            task = self._resting.pop(session, None)
            if task is not None:
                task.cancel()

    def _begin_beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that no turn waits for."""
        import asyncio

        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    def _announce(self) -> None:
        waiting = frozenset(session for session, turn in self._running.items() if turn.questions)
        self._publish(RUNNING, Activity(frozenset(self._running), waiting))
