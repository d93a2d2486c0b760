"""What an external agent tells while it works, as events of the session: one turn's updates, in their order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from app.agents.acp.calls import CallState
from app.agents.acp.consent import Consent, option
from app.agents.acp.files import AgentFiles
from app.agents.acp.limits import MOST_TEXT, Limits
from app.agents.acp.normalising import Plain, block_text, plan_entries
from app.agents.acp.spending import Spending
from app.agents.acp.values import objects, text, within
from app.agents.backend import OutputDelta, SessionContext, TextDelta, TextKind, Update
from app.agents.history import cut_middle
from app.agents.limits import LimitReached
from app.agents.permission import group_of
from app.errors import AgentError
from app.sessions.events import (
    Command,
    CommandResult,
    Location,
    Notice,
    Plan,
    PlanEntry,
    ResultStatus,
    ToolCall,
    ToolResult,
)

_TEXTS: Mapping[str, TextKind] = {"agent_message_chunk": "agent_message", "agent_thought_chunk": "agent_thought"}
_QUIET = frozenset(
    "user_message_chunk available_commands_update current_mode_update config_option_update session_info_update "
    "usage_update".split()
)
"""Updates that say nothing of the work."""
_ACTING = frozenset({"edit", "delete", "move", "execute"})


class Telling:
    """One turn. past: calls of earlier turns, by the agent's ids, of which nothing more is told."""

    def __init__(
        self,
        name: str,
        context: SessionContext,
        agent: Plain,
        consent: Consent,
        files: AgentFiles,
        emit: Callable[[Update], None],
        limits: Limits,
        past: set[str],
    ) -> None:
        self._name = name
        self._context = context
        self._agent = agent
        self._consent = consent
        self._files = files
        self._emit = emit
        self._limits = limits
        self._past = past
        self.spending = Spending(agent, context.rules.tokens)
        self._calls: dict[str, CallState] = {}
        self._said: tuple[TextKind, str] | None = None
        self._plan: tuple[PlanEntry, ...] = ()
        self._unknown: set[str] = set()
        self._repeats: dict[str, int] = {}
        self._opened = 0
        self._asking: set[asyncio.Task[None]] = set()
        self._has_warned = False

    async def take(self, update: Any) -> None:
        """The next update. Raises LimitReached where the rules end the turn."""
        if not isinstance(update, Mapping):
            return
        kind = text(update.get("sessionUpdate"))
        self.spending.see(update)
        if (said := _TEXTS.get(kind)) is not None:
            self._speak(said, update)
        elif kind in ("tool_call", "tool_call_update"):
            await self._take_call(update, is_new=kind == "tool_call")
        elif kind == "plan":
            self._take_plan(plan_entries(update.get("entries")))
        elif kind not in _QUIET and len(self._unknown) < 20:
            self._take_unknown(kind, update)

    def _speak(self, kind: TextKind, update: Mapping[str, Any]) -> None:
        said = block_text(update.get("content"))
        if not said:
            return
        message = text(update.get("messageId"))
        if self._said is not None and self._said[0] == kind and self._said[1] != message:
            said = "\n\n" + said
        self._said = (kind, message)
        self._emit(TextDelta(kind, said))

    def _take_plan(self, entries: tuple[PlanEntry, ...]) -> None:
        if entries and entries != self._plan:
            self._plan = entries
            self._tell(Plan(entries=entries))

    def _take_unknown(self, kind: str, update: Mapping[str, Any]) -> None:
        """Something of a newer protocol: kept, once of each kind."""
        if kind not in self._unknown:
            self._unknown.add(kind)
            told = cut_middle(kind, 60) or "without a kind"
            self._tell(Notice(text=f"{self._name} told something that is not known here: {told}.", data=within(update)))

    def _tell(self, update: Update) -> None:
        self._said = None
        self._emit(update)

    # calls

    async def _take_call(self, update: Mapping[str, Any], *, is_new: bool) -> None:
        call = self._known(update, may_begin=is_new)
        if call is None:
            return
        call.merge(update)
        if not call.is_opened and (call.is_over or self._agent.is_ready(call)):
            self._open(call)
        if group_of(call.kind) != "read" and not call.is_watched and not self._agent.plan(call):
            await self._files.watch(call)
        if call.is_opened:
            self._tell_output(call)
        if call.is_over:
            await self._close(call, "completed" if call.status == "completed" else "failed")

    def _known(self, update: Mapping[str, Any], *, may_begin: bool) -> CallState | None:
        """The call that an update is about; None for one of which everything was told already."""
        agent_id = text(update.get("toolCallId"))[:500]
        call = self._calls.get(agent_id)
        if agent_id in self._past or not agent_id:
            return None
        if call is None or (call.is_closed and may_begin and update.get("status") in ("pending", "in_progress")):
            if len(self._calls) >= self._limits.calls:
                return None
            call = self._calls[agent_id] = CallState(agent_id)
        return None if call.is_closed else call

    def _open(self, call: CallState) -> None:
        call.is_opened = True
        self._opened += 1
        files = self._files
        places = [(self._files.name(text(one.get("path"))), one.get("line")) for one in objects(call.locations[:100])]
        self._tell(
            ToolCall(
                call_id=call.call_id,
                name=self._agent.tool_name(call)[:200],
                tool_kind=call.kind,
                title=self._title(call),
                input=files.relative(within(call.input)),
                locations=tuple(
                    Location(path=name, line=line if isinstance(line, int) and line > 0 else None)
                    for name, line in places
                    if name is not None
                ),
            )
        )
        self._count(call)

    def _title(self, call: CallState) -> str:
        """What the call is about; where the agent says only which tool it is, the file is said too."""
        title = cut_middle(str(self._files.relative(call.title)), 500)
        names = [name for path in call.paths()[:1] if (name := self._files.name(path)) is not None]
        return " ".join([title, *names]) if title.isidentifier() and call.kind != "execute" else title

    def _count(self, call: CallState) -> None:
        rules = self._context.rules
        if self._opened > rules.steps:
            raise LimitReached(f"The agent has used its {rules.steps} steps.")
        key = f"{call.kind} {self._agent.tool_name(call)} {within(call.input)!r}"
        count = self._repeats[key] = self._repeats.get(key, 0) + 1
        if call.input not in (None, {}, "") and count > rules.repeats + 2:
            raise LimitReached(f"The agent repeated the same call of '{call.title}' again and again and was stopped.")

    def _run(self, call: CallState) -> None:
        """The command of a call has begun."""
        line = self._agent.command(call)
        if line is not None and not call.is_running:
            call.is_running = True
            folder = self._files.folder(line.cwd)
            self._tell(Command(call_id=call.call_id, command=cut_middle(line.command, MOST_TEXT), cwd=folder))

    def _tell_output(self, call: CallState) -> None:
        if call.kind == "execute" and not call.is_over and (output := call.text):
            self._run(call)
            self._tell_more(call, output)

    def _tell_more(self, call: CallState, output: str) -> None:
        """What a command has printed by now, as far as it was not told."""
        more = output[len(call.told) :] if output.startswith(call.told) else output
        call.told = output
        if more:
            self._emit(OutputDelta(call.call_id, "stdout", cut_middle(more, MOST_TEXT)))

    async def _close(self, call: CallState, status: ResultStatus) -> None:
        if call.is_closed:
            return
        call.is_closed = True
        denied = call.verdict == "denied" and status != "completed"
        if not denied and call.is_opened:
            self._run(call)
        if call.is_running:
            self._tell_result(call, status)
        for change in await self._files.changes(call):
            self._tell(change)
        if not call.is_opened:
            return
        if call.kind == "read" and status == "completed":
            for read in self._files.reads(call):
                self._tell(read)
        took = round((time.monotonic() - call.began) * 1000)
        output = cut_middle(self._agent.result_text(call), MOST_TEXT)
        final: ResultStatus = "denied" if denied else status
        self._tell(ToolResult(call_id=call.call_id, status=final, output=output, duration_ms=took))
        self._take_plan(self._agent.plan(call) if status == "completed" else ())
        self._judge(call)

    def _tell_result(self, call: CallState, status: ResultStatus) -> None:
        found = self._agent.outcome(call)
        stopped = status == "cancelled"
        self._tell_more(call, found.stdout or call.told)
        self._tell(
            CommandResult(
                call_id=call.call_id,
                exit_code=None if stopped else found.exit_code,
                signal="SIGTERM" if stopped else found.signal,
                stdout=cut_middle(found.stdout, MOST_TEXT),
                stderr=cut_middle(found.stderr, MOST_TEXT),
                duration_ms=round((time.monotonic() - call.began) * 1000),
                truncated=found.truncated or max(len(found.stdout), len(found.stderr)) > MOST_TEXT,
            )
        )

    def _judge(self, call: CallState) -> None:
        """Whether an agent did what it should have asked for. Raises AgentError where the rules forbid it."""
        if call.kind not in _ACTING or call.verdict == "allowed" or call.status != "completed":
            return
        refusal = self._consent.refusal(call)
        if refusal is not None:
            raise AgentError(f"The agent '{self._name}' did without asking what it may not, and was stopped: {refusal}")
        if self._consent.decision(call) != "allow" and not self._has_warned:
            self._has_warned = True
            what = "ran commands" if call.kind == "execute" else "changed files"
            self._tell(
                Notice(text=f"{self._name} {what} without asking; its own settings let it.", level="warning"),
            )

    # what the agent asks for

    async def take_permission(self, params: Mapping[str, Any], answer: asyncio.Future[dict[str, Any]]) -> None:
        """A request for permission; `answer` gets the result once it is decided, which others need not wait for."""
        asked = params.get("toolCall")
        told = {**asked, "status": None} if isinstance(asked, Mapping) else {}
        call = self._known(told, may_begin=True)
        if call is None:
            _settle(answer, _rejected(params))
            return
        call.merge(told)
        if not call.is_opened:
            self._open(call)
        task = asyncio.ensure_future(self._ask(call, params, answer))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, call: CallState, params: Mapping[str, Any], answer: asyncio.Future[dict[str, Any]]) -> None:
        result: dict[str, Any] = {"outcome": {"outcome": "cancelled"}}
        try:
            refusal = await self._consent.permit(call)
            self._said = None
            chosen = option(params.get("options"), allowed=refusal is None)
            if refusal is None and chosen is not None:
                call.verdict = "allowed"
                await self._files.watch(call)
                self._run(call)
                result = _selected(chosen)
            else:
                call.verdict = "denied"
                result = _rejected(params)
        finally:
            _settle(answer, result)

    async def write(self, params: dict[str, Any]) -> dict[str, Any]:
        """The agent wants a file written. Raises Refusal."""
        name = self._files.name(text(params.get("path")))
        call = next((one for one in self._open_calls() if name is not None and name in self._names(one)), None)
        if call is not None and call.verdict == "allowed":
            return await self._files.write(params, call)
        return await self._write_unasked(params, call)

    async def _write_unasked(self, params: dict[str, Any], call: CallState | None) -> dict[str, Any]:
        """A file that the agent has not asked for: it needs the same permission."""
        from app.agents.acp.connection import Refusal

        path = text(params.get("path"))
        own = CallState("", title=f"Write {self._files.name(path) or cut_middle(path, 300)}", kind="edit")
        own.locations = [{"path": path}]
        if call is None:
            self._open(own)
        else:
            own.call_id = call.call_id
        refusal: str | None = "The file was not written."
        try:
            refusal = await self._consent.permit(own)
            if refusal is not None:
                raise Refusal(refusal)
            if call is not None:
                call.verdict = "allowed"
            return await self._files.write(params, call or own)
        except Refusal as failure:
            refusal = str(failure)
            raise
        finally:
            if call is None:
                status: ResultStatus = "completed" if refusal is None else "denied"
                self._tell(ToolResult(call_id=own.call_id, status=status, output=refusal or "Written."))

    def _open_calls(self) -> list[CallState]:
        return [call for call in self._calls.values() if call.is_opened and not call.is_closed]

    def _names(self, call: CallState) -> set[str | None]:
        return {self._files.name(path) for path in call.paths()}

    # the end

    async def stop_asking(self) -> None:
        """Nobody waits for answers any more."""
        waiting = tuple(self._asking)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def finish(self, status: ResultStatus) -> None:
        """The turn is over: calls that are still open end with this status, and what was spent is told."""
        await self.stop_asking()
        for call in list(self._calls.values()):
            await self._close(call, status)
        self._past.update(self._calls)
        if (usage := self.spending.of_turn()) is not None:
            self._tell(usage)


def _settle(answer: asyncio.Future[dict[str, Any]], result: dict[str, Any]) -> None:
    if not answer.done():
        answer.set_result(result)


def _selected(chosen: str) -> dict[str, Any]:
    return {"outcome": {"outcome": "selected", "optionId": chosen}}


def _rejected(params: Mapping[str, Any]) -> dict[str, Any]:
    chosen = option(params.get("options"), allowed=False)
    return {"outcome": {"outcome": "cancelled"}} if chosen is None else _selected(chosen)
