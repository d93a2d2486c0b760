"""Agent mode: a task is planned, done, verified and concluded without anyone being asked, within rules.

The plan has one entry for the work, one for each check of the rules, and one for the report. The agent works until it
says that it is done; then the checks run; without checks it must at least have used a tool, and its last command
must have succeeded. What fails goes back to the agent, for a bounded number of attempts. The
session ends with a `conclusion` and a status: completed; failed, when the checks or the agent fail; waiting, when a
limit of the rules was reached and a person must decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from app.agents.backend import AgentBackend, Answered, Conversation, SessionContext, Update
from app.agents.limits import LimitReached
from app.agents.permission import GROUPS
from app.agents.referring import NOTHING_DRAWN, Drawn
from app.agents.rules import Rules
from app.agents.tools.toolbox import ToolBox
from app.agents.turn import Recorder, TurnRunner
from app.errors import AgentError
from app.sessions.events import (
    Body,
    CommandResult,
    Conclusion,
    PermissionAnswer,
    PermissionRequest,
    Plan,
    PlanEntry,
    SessionSet,
    SessionStatus,
    Status,
    ToolCall,
    Usage,
    UserMessage,
    Verification,
)

Outcome = Literal["completed", "failed", "waiting", "cancelled"]
GO_ON = (
    "The task was interrupted. Look at how its work stands, do what is missing and nothing twice, then report. "
    "The task is: {text}"
)
_EVIDENCE_CHARACTERS = 2000
STATUS_AFTER: dict[Outcome, SessionStatus] = {
    "completed": "completed",
    "failed": "failed",
    "waiting": "waiting",
    "cancelled": "paused",
}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended, and the sentence that concludes it. `unreachable`: the agent itself could not be used."""

    outcome: Outcome
    text: str
    unreachable: bool = False


async def refuse(request: PermissionRequest) -> Answered:
    """The answer where nobody is asked."""
    return Answered(PermissionAnswer(request_id=request.request_id, answer="reject", reason="nobody is asked"))


class Task:
    """One task of one session. `context` gives history, folders and rules; the policy is replaced by the rules."""

    def __init__(
        self,
        backend: AgentBackend,
        context: SessionContext,
        recorder: Recorder,
        *,
        runner: str | None = None,
        listener: Callable[[Update], None] | None = None,
    ) -> None:
        rules = context.rules
        self._backend = backend
        self._context = replace(
            context,
            ask=refuse,
            policy=replace(context.policy, asks=False, allowed=GROUPS, granted=frozenset()),
            tools=context.tools or rules.tools,
        )
        self._recorder = recorder
        self._runner_id = runner
        self._listener = listener
        self._watch = _Watch()
        self._limits = _Limits(rules)
        self._plan = _Progress(rules.checks)

    async def run(self, text: str, drawn: Drawn = NOTHING_DRAWN, *, goes_on: bool = False) -> TaskResult:
        """Do the task. drawn: what goes with its prompt. goes_on: it was begun before, and the context's history and
        state tell how far it came.

        What goes wrong ends it with a conclusion; only cancelling the caller is raised again.
        """
        result = TaskResult("cancelled", "The task was cancelled.")
        try:
            async with asyncio.timeout(self._context.rules.seconds):
                result = await self._work(text, drawn, goes_on)
        except TimeoutError:
            seconds = self._context.rules.seconds
            result = TaskResult("waiting", f"The time of {seconds:g} seconds is over; the task is not done.")
        except LimitReached as error:
            result = TaskResult("waiting", str(error))
        except AgentError as error:
            result = TaskResult("failed", str(error), unreachable=True)
        finally:
            await asyncio.shield(asyncio.ensure_future(self._conclude(result)))
        return result

    async def _work(self, text: str, drawn: Drawn, goes_on: bool) -> TaskResult:
        await self._recorder.record(Status(status="active"), SessionSet(fields={"status": "active"}))
        conversation = await self._start(text, goes_on)
        turns = TurnRunner(
            conversation,
            self._recorder,
            model=self._backend.model,
            runner=self._runner_id,
            listener=self._hear_agent,
            files=self._context.files,
        )
        try:
            return await self._attempts(turns, text, drawn, goes_on)
        finally:
            await conversation.close()

    async def _start(self, text: str, goes_on: bool) -> Conversation:
        """A conversation; where the agent cannot be reached, the task's text stays in the session."""
        try:
            return await self._backend.start(self._context)
        except AgentError:
            if not goes_on:
                said = UserMessage(text=text, model=self._backend.model, runner=self._runner_id)
                await self._recorder.record(said)
            raise

    async def _attempts(self, turns: TurnRunner, text: str, drawn: Drawn, goes_on: bool) -> TaskResult:
        prompt = first = GO_ON.format(text=text) if goes_on else text
        problem = ""
        for _ in range(max(1, self._context.rules.attempts)):
            await self._recorder.record(self._plan.at("work"))
            is_first = prompt is first
            said = await turns.run(
                prompt, by_person=is_first and not goes_on, drawn=drawn if is_first else NOTHING_DRAWN
            )
            if said.outcome == "cancelled":
                return TaskResult("cancelled", "The task was cancelled.")
            problem = await self._verify()
            if not problem:
                return TaskResult("completed", said.text or "The task is done.")
            prompt = f"The task is not done: {problem}\nPut this right, then report. The task was: {text}"
        return TaskResult("failed", f"The task is not done after {self._context.rules.attempts} attempts: {problem}")

    async def _verify(self) -> str:
        """Check what the agent says it has done; what is wrong, or nothing."""
        found = [] if self._context.rules.checks else self._watch.verifications()
        problems = [f"{one.what}: {one.evidence}" for one in found if not one.passed]
        for number, check in enumerate(self._context.rules.checks):
            await self._recorder.record(self._plan.at("check", number))
            found.append(await self._check(check))
            if not found[-1].passed:
                problems.append(f"the check '{check}' failed: {found[-1].evidence}")
        if found:
            await self._recorder.record(*found)
        return "; ".join(problems)

    async def _check(self, command: str) -> Verification:
        """Run one check of the rules as a tool call of its own, outside the agent's list of commands."""
        gathered: list[Update] = []
        rules = msgspec.structs.replace(self._context.rules, commands=None, tools=("run",))
        tools = ToolBox(replace(self._context, rules=rules, tools=("run",), more_tools=()), gathered.append)
        try:
            outcome = await tools.call("run", {"command": command})
        finally:
            bodies = [update for update in gathered if isinstance(update, Body)]
            for body in bodies:
                self._hear(body)
            await asyncio.shield(asyncio.ensure_future(self._recorder.record(*bodies)))
        evidence = outcome.text[-_EVIDENCE_CHARACTERS:]
        return Verification(what=command, passed=outcome.status == "completed", evidence=evidence)

    def _hear_agent(self, update: Update) -> None:
        self._hear(update)
        self._limits.see(update)

    def _hear(self, update: Update) -> None:
        self._watch.see(update)
        if self._listener is not None:
            self._listener(update)

    async def _conclude(self, result: TaskResult) -> None:
        status = STATUS_AFTER[result.outcome]
        done = [self._plan.at("done")] if result.outcome == "completed" else []
        await self._recorder.record(
            *done,
            Conclusion(text=result.text, outcome=result.outcome),
            Status(status=status),
            SessionSet(fields={"status": status}),
        )


class _Watch:
    """What the agent really did: the evidence against one that only says so, where the rules have no checks."""

    def __init__(self) -> None:
        self._calls = 0
        self._last_command: CommandResult | None = None

    def see(self, update: Update) -> None:
        """Take note of an update."""
        match update:
            case ToolCall():
                self._calls += 1
            case CommandResult():
                self._last_command = update

    def verifications(self) -> list[Verification]:
        """What can be said without any check: whether something was done, and how its last command ended."""
        if not self._calls:
            why = "no tool was used; do the work with the tools"
            return [Verification(what="something was done", passed=False, evidence=why)]
        command = self._last_command
        if command is None:
            return [Verification(what="something was done", passed=True, evidence=f"{self._calls} tool calls")]
        passed = command.exit_code == 0
        ended = f"exit code {command.exit_code}" if command.signal is None else command.signal
        tail = "" if passed else f"\n{(command.stderr or command.stdout)[-_EVIDENCE_CHARACTERS:]}"
        return [Verification(what="the last command succeeded", passed=passed, evidence=ended + tail)]


class _Limits:
    """Holds also those agents to the rules that bring their own tools or count their tokens themselves."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._calls = self._tokens = 0

    def see(self, update: Update) -> None:
        """Take note of an update. Raises LimitReached; our own tools refuse the first call too many themselves."""
        match update:
            case ToolCall():
                self._calls += 1
            case Usage(input=given, output=said):
                self._tokens += given + said
        if self._calls > self._rules.steps + 1:
            raise LimitReached(f"The agent has used the {self._rules.steps} steps that it had.")
        if self._tokens > self._rules.tokens:
            raise LimitReached(f"The agent has used the {self._rules.tokens:,} tokens that it had.")


class _Progress:
    """The plan of a task, with what is done so far."""

    def __init__(self, checks: Sequence[str]) -> None:
        self._steps = ["Do the task", *(f"Check: {check}" for check in checks), "Report"]

    def at(self, stage: Literal["work", "check", "done"], number: int = 0) -> Plan:
        """The plan while this stage is worked on."""
        current = {"work": 0, "check": number + 1, "done": len(self._steps)}[stage]
        return Plan(
            entries=tuple(
                PlanEntry(
                    text=text,
                    status="completed" if n < current else "in_progress" if n == current else "pending",
                )
                for n, text in enumerate(self._steps)
            )
        )
