"""Does the single actions of a workflow and records each: commands, edits, prompts, approvals."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

from app.agents.backend import (
    AgentBackend,
    Ask,
    Conversation,
    PromptPart,
    SessionContext,
    TextDelta,
    Update,
)
from app.agents.limits import LimitReached
from app.agents.rules import Rules
from app.agents.stream import UpdateStream
from app.agents.tools.toolbox import Outcome, ToolBox
from app.agents.turn import Asking, Recorder, TurnRunner
from app.agents.workflow.journal import WORKFLOW, Done, Journal
from app.agents.workflow.model import Limits
from app.agents.workflow.tools import STEP_COMMAND, STEP_EDIT
from app.agents.workflow.values import kept
from app.errors import UserError
from app.sessions.events import (
    AgentMessage,
    Body,
    CommandResult,
    Notice,
    PermissionRequest,
    ResultStatus,
    SessionSet,
    SessionStatus,
    Status,
    ToolCall,
    ToolResult,
)

MAX_ACTIONS = 10_000
"""Of one workflow; loops inside of loops multiply."""


class Agents(Protocol):
    """Starts conversations with agents."""

    async def start(self, name: str, context: SessionContext) -> tuple[AgentBackend, Conversation]:
        """Raises UserError where there is no such agent, AgentError where it cannot be reached."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a workflow needs around it.

    context: folders, hidden paths, clock, watch, where payloads are kept; of its rules only `unconfined` counts.
    recorder: for the events of an agent, by its name. ask: a person, None where nobody can be asked now. listener: is
    told each update as it comes.
    """

    context: SessionContext
    recorder: Callable[[str], Recorder]
    agents: Agents
    ask: Ask | None = None
    listener: Callable[[Update], None] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How an action ended. given: what other steps may read of it. why: it did not pass. unreachable: the agent."""

    passed: bool
    given: Mapping[str, str]
    why: str = ""
    unreachable: bool = False


class Actor:
    """Does actions one at a time; branches that go on beside each other have an actor each (`apart`).

    What the journal knows is not done again.
    """

    def __init__(self, around: Surroundings, rules: Limits, journal: Journal) -> None:
        self._around = around
        self._rules = rules
        self._journal = journal
        self._own = around.recorder(WORKFLOW)
        self._conversations: dict[str, tuple[AgentBackend, Conversation]] = {}
        self._is_apart = False
        self._count = [0]
        self._noticed: set[str] = set()
        self.clock = Waiting()

    def apart(self) -> Actor:
        """An actor for a branch, with conversations of its own, whose texts are shown once they are complete."""
        actor = Actor(self._around, self._rules, self._journal)
        actor._is_apart, actor._count, actor._noticed, actor.clock = True, self._count, self._noticed, self.clock
        return actor

    async def close(self) -> None:
        """End the conversations."""
        for _, conversation in self._conversations.values():
            await conversation.close()
        self._conversations.clear()

    async def record(self, *bodies: Body) -> None:
        """Record events of the workflow itself."""
        await self._own.record(*bodies)

    async def pause(self, step: str, seconds: float) -> None:
        """Wait before an action is tried again, unless it was already."""
        if step not in self._journal.done:
            await asyncio.sleep(seconds)

    # commands and edits

    async def command(
        self, step: str, line: str, variables: Mapping[str, str], folder: str | None, seconds: float | None
    ) -> Result:
        """Run a command line. step: its place in the workflow."""
        done = self._journal.done.get(step)
        if done is None:
            arguments = {
                "step": step,
                "command": line,
                "seconds": seconds or self._rules.command_seconds,
                **({"folder": folder} if folder else {}),
                **({"variables": dict(variables)} if variables else {}),
            }
            done = await self._call("run", arguments)
        return _of_command(done)

    async def edit(self, step: str, arguments: Mapping[str, Any]) -> Result:
        """Change a file."""
        done = self._journal.done.get(step) or await self._call("edit", {"step": step, **arguments})
        return _plain(done, done.text)

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Done:
        """One call of a tool, recorded as it goes on."""
        self._take_action()
        outcome: list[Outcome] = []
        commands: list[CommandResult] = []

        async def work(emit: Callable[[Update], None]) -> None:
            def heard(update: Update) -> None:
                if isinstance(update, CommandResult):
                    commands.append(update)
                if isinstance(update, Notice) and update.text in self._noticed:
                    return
                if isinstance(update, Notice):
                    self._noticed.add(update.text)
                emit(update)

            rules = msgspec.structs.replace(
                self._rules.for_commands(), unconfined=self._around.context.rules.unconfined
            )
            context = replace(self._around.context, rules=rules, tools=(), more_tools=(STEP_COMMAND, STEP_EDIT))
            outcome.append(await ToolBox(context, heard).call(tool, arguments))

        await self._perform(work)
        return Done(outcome[0].status, outcome[0].text, commands[0] if commands else None)

    def _allowed(self, rules: Rules) -> Rules:
        """The rules, with what a person said about commands where there is no sandbox."""
        return msgspec.structs.replace(rules, unconfined=self._around.context.rules.unconfined)

    async def _perform(self, work: Work, asking: Asking | None = None) -> None:
        runner = TurnRunner(_Act(work), self._own, listener=self._listener(), asking=asking)
        result = await runner.run("", is_recorded=True)
        if result.outcome == "cancelled":
            raise asyncio.CancelledError

    def _take_action(self) -> None:
        self._count[0] += 1
        if self._count[0] > MAX_ACTIONS:
            raise LimitReached(f"The workflow has done {MAX_ACTIONS} actions, which is the most it may.")

    def _listener(self) -> Callable[[Update], None] | None:
        listener = self._around.listener
        if listener is None or not self._is_apart:
            return listener
        return lambda update: None if isinstance(update, TextDelta) else listener(update)

    # prompts

    async def prompt(
        self, step: str, agent: str, text: str, *, tools: tuple[str, ...] | None, fresh: bool, seconds: float | None
    ) -> Result:
        """Ask an agent and wait for its answer."""
        done = self._journal.done.get(step)
        if done is None:
            self._take_action()
            asked = {"step": step, "agent": agent, "text": text} | ({"fresh": True} if fresh else {})
            first = " ".join(text.split())
            title = f"Ask {agent}: {first if len(first) <= 80 else first[:79] + '…'}"
            call = ToolCall(call_id=_new("call"), name="prompt", tool_kind="think", title=title, input=asked)
            await self._tell(call)
            return await self._answer(call.call_id, agent, text, tools, fresh, seconds)
        return Result(done.status == "completed", {"text": kept(done.text), **_passed(done)}, done.text)

    async def _answer(
        self, call: str, agent: str, text: str, tools: tuple[str, ...] | None, fresh: bool, seconds: float | None
    ) -> Result:
        status: ResultStatus = "cancelled"
        said, unreachable = "", False
        try:
            async with asyncio.timeout(seconds):
                said = await self._say(agent, text, tools, fresh)
            status = "completed"
        except TimeoutError:
            status, said = "failed", f"{agent} did not answer within {seconds:g} seconds."
        except LimitReached:
            raise
        except UserError as error:
            status, said, unreachable = "failed", str(error), True
        finally:
            result = ToolResult(call_id=call, status=status, output=said)
            await asyncio.shield(asyncio.ensure_future(self._own.record(result)))
        done = Done(status, said)
        return Result(status == "completed", {"text": kept(said), **_passed(done)}, said, unreachable)

    async def _say(self, agent: str, text: str, tools: tuple[str, ...] | None, fresh: bool) -> str:
        key = f"{agent} {','.join(tools) if tools is not None else '*'}"
        if fresh and key in self._conversations:
            await self._conversations.pop(key)[1].close()
        if key not in self._conversations:
            rules = self._allowed(self._rules.for_agents(tools))
            history = () if fresh or self._is_apart else tuple(self._journal.talks.get(agent, ()))
            context = replace(self._around.context, rules=rules, tools=rules.tools, history=history)
            self._conversations[key] = await self._around.agents.start(agent, context)
        backend, conversation = self._conversations[key]
        recorder = self._around.recorder(agent)
        runner = TurnRunner(conversation, recorder, model=backend.model, listener=self._listener())
        result = await runner.run(text, is_recorded=True)
        if result.outcome == "cancelled":
            raise asyncio.CancelledError
        if self._is_apart and result.text and self._around.listener is not None:
            self._around.listener(AgentMessage(text=result.text))
        return result.text

    async def _tell(self, body: Body) -> None:
        if self._around.listener is not None:
            self._around.listener(body)
        await self._own.record(body)

    # approvals

    async def approve(self, step: str, text: str) -> Result:
        """Ask the person. Raises LimitReached where nobody can be asked now; the request stays in the session."""
        done = self._journal.done.get(step)
        if done is None:
            self._take_action()
            done = await self._asked(step, text)
        passed = done.status == "completed"
        return Result(passed, {"passed": "true" if passed else "false"}, "the answer was no")

    async def _asked(self, step: str, text: str) -> Done:
        before = self._journal.asked.get(step)
        call_id = before.call.call_id if before else _new("call")
        answers: list[bool] = []
        asking = Asking(self._around.ask) if self._around.ask is not None else None

        async def work(emit: Callable[[Update], None]) -> None:
            request = before.request if before else self._request(step, call_id, text, emit)
            if before and before.answer is not None:
                answers.append(before.answer.answer != "reject")
            elif asking is not None:
                if before:
                    asking.recorded(request.request_id)
                answers.append(await self._wait_for(request, asking, emit))
            if answers:
                status: ResultStatus = "completed" if answers[0] else "denied"
                emit(ToolResult(call_id=call_id, status=status, output="yes" if answers[0] else "no"))

        await self._perform(work, asking)
        if not answers:
            raise LimitReached(f"A person must decide: {text.strip()}")
        return Done("completed" if answers[0] else "denied")

    def _request(self, step: str, call_id: str, text: str, emit: Callable[[Update], None]) -> PermissionRequest:
        title = " ".join(text.split())
        request = PermissionRequest(
            request_id=_new("request"),
            call_id=call_id,
            name="approval",
            title=title,
            input={"text": text} if "\n" in text.strip() else None,
        )
        emit(ToolCall(call_id=call_id, name="approval", title=title, input={"step": step, "text": text}))
        emit(request)
        return request

    async def _wait_for(self, request: PermissionRequest, asking: Asking, emit: Callable[[Update], None]) -> bool:
        for body in _becoming("waiting"):
            emit(body)
        with self.clock.stopped():
            answered = await asking.ask(request)
        if not answered.recorded:
            emit(answered.answer)
        for body in _becoming("active"):
            emit(body)
        return answered.answer.answer != "reject"


class Waiting:
    """The time limit of a workflow, which stands still while a person is waited for."""

    def __init__(self) -> None:
        self._timeout: asyncio.Timeout | None = None
        self._depth = 0
        self._left = 0.0

    def limit(self, timeout: asyncio.Timeout) -> None:
        """This is the limit."""
        self._timeout = timeout

    def stopped(self) -> _Stopped:
        """Within: the time stands still."""
        return _Stopped(self)

    def stop(self) -> None:
        self._depth += 1
        if self._depth == 1 and self._timeout is not None and (when := self._timeout.when()) is not None:
            self._left = when - asyncio.get_running_loop().time()
            self._timeout.reschedule(None)

    def go_on(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time() + self._left)


class _Stopped:
    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting

    def __enter__(self) -> None:
        self._waiting.stop()

    def __exit__(self, *_error: object) -> None:
        self._waiting.go_on()


Work = Callable[[Callable[[Update], None]], Awaitable[None]]


class _Act:
    """One action as a conversation of one prompt, so that it is recorded and cancelled as a turn is."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._stream = UpdateStream()

    def prompt(self, parts: Sequence[PromptPart]) -> AsyncGenerator[Update, None]:
        """The updates of the action."""
        return self._stream.run(self._do())

    async def _do(self) -> None:
        await self._work(self._stream.emit)

    async def cancel(self) -> None:
        """End the action."""
        await self._stream.cancel()

    async def close(self) -> None:
        """Nothing is open afterwards."""
        await self._stream.cancel()


def _of_command(done: Done) -> Result:
    result = done.command or CommandResult(call_id="")
    code = "" if result.exit_code is None else str(result.exit_code)
    given = {"stdout": kept(result.stdout), "stderr": kept(result.stderr), "exit_code": code, **_passed(done)}
    return Result(done.status == "completed", given, done.text)


def _plain(done: Done, why: str) -> Result:
    return Result(done.status == "completed", _passed(done), why)


def _passed(done: Done) -> dict[str, str]:
    return {"passed": "true" if done.status == "completed" else "false"}


def _becoming(status: SessionStatus) -> tuple[Body, ...]:
    return Status(status=status), SessionSet(fields={"status": status})


def _new(what: str) -> str:
    return f"{what}_{secrets.token_hex(8)}"
