"""Whether a call of an external agent may happen: the rules, the policy, then the person.

The agent is only ever told yes for this once: what was answered "always" is remembered here, not by the agent.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.agents.acp.calls import CallState
from app.agents.acp.files import AgentFiles
from app.agents.acp.normalising import Plain
from app.agents.acp.values import objects, text, within
from app.agents.backend import SessionContext, Update
from app.agents.permission import NEVER, Decision, decide, group_of, remember, ruling_of
from app.agents.policies import Ruling
from app.agents.policy_setting import as_now
from app.agents.tools.failure import ToolFailure
from app.agents.tools.folders import Folders
from app.sessions.events import PermissionRequest, ToolKind

_TOOLS: Mapping[ToolKind, tuple[str, ...]] = {
    "read": ("read",),
    "search": ("search", "list"),
    "edit": ("write", "edit"),
    "delete": ("write", "edit"),
    "move": ("write", "edit"),
    "execute": ("run",),
}
"""Which of our tools a kind of call counts as, for rules that name tools."""
_STRICTEST_FIRST: tuple[Decision, ...] = ("deny", "ask", "allow")
_RULINGS: tuple[Ruling | None, ...] = ("never", "ask", "allow", None)
_FILE_KINDS = frozenset({"read", "edit", "delete", "move"})


class Consent:
    """The permissions of one conversation."""

    def __init__(
        self,
        context: SessionContext,
        folders: Folders | None,
        agent: Plain,
        files: AgentFiles,
        emit: Callable[[Update], None],
    ) -> None:
        self._files = files
        self._context = context
        self._folders = folders
        self.agent = agent
        self._emit = emit
        self._policy = context.policy

    @property
    def has_person(self) -> bool:
        """Whether a person can be asked."""
        return self._context.policy.asks

    async def permit(self, call: CallState) -> str | None:
        """Why a call may not happen, or None. The call is in the session already."""
        if (refusal := self.refusal(call)) is not None:
            return refusal
        self._policy = await as_now(self._policy, self._context.policies)
        arguments, decisions = self.arguments(call), self._decisions(call)
        decision, name = next((one, decisions[one]) for one in _STRICTEST_FIRST if one in decisions)
        if decision == "allow":
            return None
        if decision == "deny":
            names = self._names(call)
            rulings = {ruling_of(self._policy, n, arguments, path) for n in names for path in self._paths(call)}
            return NEVER if "never" in rulings else "This needs a person's permission, and nobody can be asked here."
        request = PermissionRequest(
            request_id="request_" + secrets.token_hex(8),
            call_id=call.call_id,
            name=name,
            title=str(self._files.relative(call.title)) or name,
            tool_kind=call.kind,
            input=arguments,
        )
        self._emit(request)
        answered = await self._context.ask(request)
        if not answered.recorded:
            self._emit(answered.answer)
        self._policy = remember(self._policy, request, answered.answer)
        return "The person said no." if answered.answer.answer == "reject" else None

    def decision(self, call: CallState) -> Decision:
        """What the policy says to a call: of several paths, the one that lets it do least counts."""
        decisions = self._decisions(call)
        return next(one for one in _STRICTEST_FIRST if one in decisions)

    def _decisions(self, call: CallState) -> dict[Decision, str]:
        """What the policy says to each of a call's paths, and under which name of the tool."""
        arguments = self.arguments(call)
        found: dict[Decision, str] = {}
        for path in self._paths(call):
            rulings = {ruling_of(self._policy, n, arguments, path): n for n in reversed(self._names(call))}
            name = next((rulings[one] for one in _RULINGS if one in rulings), "")
            found[decide(self._policy, name, call.kind, arguments, path)] = name
        return found

    def _names(self, call: CallState) -> tuple[str, ...]:
        """The agent's own name of the tool, and those of our tools that do the same: policies may name either."""
        return (self.agent.tool_name(call), *_TOOLS.get(call.kind, ()))

    def _paths(self, call: CallState) -> list[str | None]:
        """The files that a call is about, as the workspace names them; None where there is none, or one outside."""
        return [self._files.name(path) for path in call.paths()] or [None]

    def arguments(self, call: CallState) -> Any:
        """What a person is shown of a call, and what "always" is about."""
        line = self.agent.command(call)
        if line is not None:
            return {"command": line.command, "cwd": self._files.folder(line.cwd)}
        return self._files.relative(within(call.input) or {"paths": call.paths()})

    def refusal(self, call: CallState) -> str | None:
        """Why the rules do not let a call happen, whoever is asked."""
        rules = self._context.rules
        if call.kind == "think":
            return None
        if self._folders is None:
            return "This session has no folder to work in, so its agent has no tools."
        counted, offered = _TOOLS.get(call.kind), {*self._context.tools} & {*rules.tools}
        if counted is not None and offered.isdisjoint(counted):
            return f"The rules do not allow tools of the kind '{call.kind}'."
        if call.kind == "fetch" and not rules.network and not self.has_person:
            return "The rules do not allow the network."
        if call.kind == "execute":
            return self._refuse_command(call)
        return self._refuse_paths(call) if call.kind in _FILE_KINDS else None

    def _refuse_command(self, call: CallState) -> str | None:
        rules = self._context.rules
        if rules.commands is None:
            return None
        line = self.agent.command(call)
        if line is None:
            return "The agent does not say which command it would run."
        if not rules.unconfined and not self.has_person:
            return "An external agent's commands run without a sandbox, and the rules do not say 'unconfined'."
        return rules.refuse_command(line.command)

    def _refuse_paths(self, call: CallState) -> str | None:
        assert self._folders is not None
        for path in call.paths():
            try:
                target = self._folders.resolve(path)
            except ToolFailure as failure:
                return str(failure)
            refusal = self._context.rules.refuse_change(target.name) if group_of(call.kind) == "edit" else None
            if refusal is not None:
                return refusal
        return None


def option(options: Any, *, allowed: bool) -> str | None:
    """The answer to choose of those that an agent offers: for this once, if it can be; None where none fits."""
    kinds: Sequence[str] = ("allow_once", "allow_always") if allowed else ("reject_once", "reject_always")
    offered = list(objects(options))
    for kind in kinds:
        for one in offered:
            if one.get("kind") == kind and (identifier := text(one.get("optionId"))):
                return identifier
    return None
