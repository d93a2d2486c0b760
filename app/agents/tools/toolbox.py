"""The tools of one conversation: the only way a call happens, whatever backend asks for it."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from app.agents.backend import SessionContext, Update
from app.agents.limits import LimitReached
from app.agents.permission import NEVER, decide, remember, ruling_of
from app.agents.policy_setting import as_now
from app.agents.sandbox import UNCONFINED_WARNING, bubblewrap_works
from app.agents.tools.changing import EDIT, WRITE
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders
from app.agents.tools.looking import LIST, READ, SEARCH, overview
from app.agents.tools.running import RUN
from app.agents.tools.tool import Arguments, Site, Tool, ToolReply
from app.sessions.events import Location, Notice, PermissionRequest, ResultStatus, ToolCall, ToolResult

TOOLS: Mapping[str, Tool[Any]] = {tool.name: tool for tool in (LIST, READ, SEARCH, WRITE, EDIT, RUN)}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended, and the text the model is given. content: what only the session keeps."""

    status: ResultStatus
    text: str
    content: Any = None


class ToolBox:
    """Calls tools one at a time, with permission, within the rules, and records every call with exactly
    one result."""

    def __init__(self, context: SessionContext, emit: Callable[[Update], None]) -> None:
        self._context = context
        self._emit = emit
        self._policy = context.policy
        self._lock = asyncio.Lock()
        self._repeats: dict[str, int] = {}
        self._folders = Folders(context.folders, context.hidden) if context.folders else None
        self._confined: bool | None = None
        allowed = [name for name in context.tools if name in context.rules.tools]
        own = [TOOLS[name] for name in allowed if name in TOOLS] if self._folders else []
        self.tools: list[Tool[Any]] = [*own, *context.more_tools]
        self.calls = 0

    def overview(self) -> str:
        """What is in the folders, for an agent that may list them; '' otherwise."""
        return overview(self._folders) if self._folders and LIST in self.tools else ""

    def begin_turn(self) -> None:
        """Forget what earlier turns repeated."""
        self._repeats.clear()

    async def call(self, name: str, arguments: Any) -> Outcome:
        """Do one call, from its `tool_call` to its `tool_result`.

        Raises LimitReached when the agent goes on repeating one call, or has used up its steps.
        """
        async with self._lock:
            call_id = "call_" + secrets.token_hex(8)
            tool = next((tool for tool in self.tools if tool.name == name), None)
            self._emit(_opened(call_id, name, tool, arguments, self._folders))
            started = time.monotonic()
            outcome = Outcome("failed", "The tool broke off.")
            try:
                outcome = await self._answer(call_id, name, tool, arguments)
            except asyncio.CancelledError:
                outcome = Outcome("cancelled", "Cancelled.")
                raise
            except LimitReached as error:
                outcome = Outcome("failed", str(error))
                raise
            finally:
                took = round((time.monotonic() - started) * 1000)
                self._emit(_closed(call_id, outcome, took))
            return outcome

    def refuse(self, name: str, arguments: Any, why: str) -> None:
        """Record a call that the backend itself turned down, such as one whose arguments are no JSON."""
        call_id = "call_" + secrets.token_hex(8)
        self._emit(ToolCall(call_id=call_id, name=name, title=name, input=arguments))
        self._emit(ToolResult(call_id=call_id, status="failed", output=why))

    async def _answer(self, call_id: str, name: str, tool: Tool[Any] | None, arguments: Any) -> Outcome:
        self._count()
        if tool is None:
            offered = ", ".join(tool.name for tool in self.tools) or "none"
            return Outcome("failed", f"There is no tool '{name}'. The tools are: {offered}.")
        try:
            parsed = tool.parse(arguments)
        except msgspec.ValidationError as error:
            return Outcome("failed", f"The arguments do not fit: {error}.")
        if (refusal := self._refuse_repeat(name, arguments)) is not None:
            return Outcome("failed", refusal)
        if (denial := await self._permit(call_id, tool, parsed, arguments)) is not None:
            return Outcome("denied", denial)
        return await self._perform(call_id, tool, parsed)

    def _count(self) -> None:
        self.calls += 1
        if self.calls > self._context.rules.steps:
            raise LimitReached(f"The agent has used the {self._context.rules.steps} steps that it had.")

    def _refuse_repeat(self, name: str, arguments: Any) -> str | None:
        """The breaker of loops: the very same call again and again is refused, then ends the turn."""
        key = name + json.dumps(arguments, sort_keys=True, default=str)
        count = self._repeats[key] = self._repeats.get(key, 0) + 1
        limit = self._context.rules.repeats
        if count <= limit:
            return None
        if count <= limit + 1:
            return f"Refused: this very call was already answered {limit} times. Do something else, or report."
        raise LimitReached(f"The agent repeated the same call of '{name}' again and again and was stopped.")

    async def _permit(self, call_id: str, tool: Tool[Any], parsed: Arguments, arguments: Any) -> str | None:
        """Why the call may not happen, or None."""
        policy = await as_now(self._policy, self._context.policies)
        path = self._path(tool, parsed)
        decision = decide(policy, tool.name, tool.kind, arguments, path)
        if decision == "allow":
            return None
        if decision == "deny" and ruling_of(policy, tool.name, arguments, path) == "never":
            return f"Denied. {NEVER} Do not try it another way."
        if decision == "deny":
            return "Denied: this needs a person's permission, and nobody can be asked here."
        request = PermissionRequest(
            request_id="request_" + secrets.token_hex(8),
            call_id=call_id,
            name=tool.name,
            title=tool.title(parsed),
            tool_kind=tool.kind,
            input=arguments,
        )
        self._emit(request)
        answered = await self._context.ask(request)
        answer = answered.answer
        if not answered.recorded:
            self._emit(answer)
        self._policy = remember(self._policy, request, answer)
        if answer.answer == "reject":
            why = f": {answer.reason}" if answer.reason else ""
            return f"The person said no{why}. Do not try it again another way."
        return None

    def _path(self, tool: Tool[Any], parsed: Arguments) -> str | None:
        """The file that a call is about, as the workspace resolves it."""
        if tool.path_of is None or self._folders is None:
            return None
        try:
            return self._folders.resolve(tool.path_of(parsed)).name
        except ToolFailure:  # the tool itself says so
            return None

    async def _perform(self, call_id: str, tool: Tool[Any], parsed: Arguments) -> Outcome:
        if tool.kind == "execute" and (refusal := await self._prepare_commands()) is not None:
            return Outcome("denied", refusal)
        context, confined = self._context, bool(self._confined)
        folders = cast(Folders, self._folders)  # only tools of servers, which look at none, are there without any
        ask = context.ask if context.policy.asks else None
        policy = await as_now(self._policy, context.policies)
        site = Site(
            call_id,
            folders,
            context.rules,
            self._emit,
            context.keep,
            confined,
            context.files,
            ask,
            lambda path: ruling_of(policy, READ.name, None, path) == "never",
        )
        try:
            given = await tool.perform(site, parsed)
        except ToolFailure as failure:
            return Outcome("failed", str(failure))
        reply = given if isinstance(given, ToolReply) else ToolReply(given)
        if tool.kind == "edit":
            self._repeats = {key: count for key, count in self._repeats.items() if key.startswith(tool.name)}
        return Outcome("completed", reply.text, reply.content)

    async def _prepare_commands(self) -> str | None:
        """Find out once whether there is a sandbox; without one the session says so, or the rules refuse."""
        if self._confined is None:
            self._confined = await asyncio.to_thread(bubblewrap_works)
            if not self._confined:
                self._emit(Notice(text=UNCONFINED_WARNING, level="warning"))
        if not self._confined and not self._context.policy.asks and not self._context.rules.unconfined:
            return "Denied: commands cannot be confined on this machine, and the rules do not say 'unconfined'."
        return None


def _opened(call_id: str, name: str, tool: Tool[Any] | None, arguments: Any, folders: Folders | None) -> ToolCall:
    """The event of a call, also of one that makes no sense."""
    if tool is None:
        return ToolCall(call_id=call_id, name=name, title=name, input=arguments)
    try:
        parsed = tool.parse(arguments)
    except msgspec.ValidationError:
        return ToolCall(call_id=call_id, name=name, tool_kind=tool.kind, title=name, input=arguments)
    locations = () if tool.path_of is None or folders is None else _locations(folders, tool.path_of(parsed))
    return ToolCall(
        call_id=call_id,
        name=name,
        tool_kind=tool.kind,
        title=tool.title(parsed),
        input=arguments,
        locations=locations,
    )


def _closed(call_id: str, outcome: Outcome, took: int) -> ToolResult:
    return ToolResult(
        call_id=call_id, status=outcome.status, output=outcome.text, content=outcome.content, duration_ms=took
    )


def _locations(folders: Folders, path: str) -> tuple[Location, ...]:
    try:
        return (Location(path=folders.resolve(path).name),)
    except ToolFailure:
        return ()
