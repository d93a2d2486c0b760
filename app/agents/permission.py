"""Who decides whether a tool may act: pure decisions over values.

The policies of this device come first (see `policies.py`). Looking (read, search, think) inside the workspace needs
nobody. Changing and running need a person, once, always in this session, or `--allow`. Without a person to ask, what is
not allowed is denied.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.agents.command_line import simple_commands
from app.agents.policies import PolicyRule, Ruling, act_of, judge
from app.errors import UserError
from app.sessions.events import AnyBody, PermissionAnswer, PermissionRequest, ToolKind

Group = Literal["read", "edit", "run"]
Decision = Literal["allow", "ask", "deny"]
NEVER = "A policy of this device never allows this."
"""Why a call is denied, whoever could be asked."""
GROUPS: frozenset[Group] = frozenset({"read", "edit", "run"})
_GROUP_NAMES: dict[str, Group] = {group: group for group in GROUPS}

_GROUP_OF: dict[ToolKind, Group] = {
    "read": "read",
    "search": "read",
    "think": "read",
    "edit": "edit",
    "delete": "edit",
    "move": "edit",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed without asking.

    `asks`: a person can be asked. `granted`: keys that were answered "always". `rules`: the policies of this device,
    which come first. workspace: id of the one it is about.
    """

    asks: bool = False
    allowed: frozenset[Group] = frozenset({"read"})
    granted: frozenset[str] = frozenset()
    rules: tuple[PolicyRule, ...] = ()
    workspace: str | None = None


def group_of(kind: ToolKind) -> Group:
    """The group of permission a kind of tool belongs to; whatever is unknown counts as running."""
    return _GROUP_OF.get(kind, "run")


def grant_keys(name: str, kind: ToolKind, arguments: Any) -> frozenset[str]:
    """What "always" grants for a call: the tool for edits; for commands each program the line starts.

    A command line that cannot be told apart is granted only as exactly that line.
    """
    command = arguments.get("command") if isinstance(arguments, dict) else None
    if group_of(kind) != "run" or not isinstance(command, str):
        return frozenset({f"tool {name}"})
    parts = simple_commands(command)
    if parts is None:
        return frozenset({f"line {name} {command}"})
    return frozenset(f"program {name} {words[0]}" for words in parts)


def decide(policy: Policy, name: str, kind: ToolKind, arguments: Any, path: str | None = None) -> Decision:
    """Whether a call may act. path: the file it is about, as the workspace resolves it."""
    ruling = ruling_of(policy, name, arguments, path)
    if ruling == "never":
        return "deny"
    keys = grant_keys(name, kind, arguments)
    if ruling == "ask":  # a grant of this very line is an answer; one of a whole program or tool is not
        keys = frozenset(key if key.startswith("line ") else f"asked {key}" for key in keys)
    is_granted = keys <= policy.granted
    if ruling == "allow" or is_granted or (ruling is None and group_of(kind) in policy.allowed):
        return "allow"
    return "ask" if policy.asks else "deny"


def ruling_of(policy: Policy, name: str, arguments: Any, path: str | None = None) -> Ruling | None:
    """What the policies of this device say about a call; None: nothing."""
    rule = judge(policy.rules, act_of(name, arguments, path), policy.workspace)
    return None if rule is None else rule.ruling


def remember(policy: Policy, request: PermissionRequest, answer: PermissionAnswer) -> Policy:
    """The policy after an answer: only "always" changes it."""
    if answer.answer != "always" or answer.request_id != request.request_id:
        return policy
    return replace(policy, granted=policy.granted | grant_keys(request.name, request.tool_kind, request.input))


def replay(policy: Policy, bodies: Iterable[AnyBody]) -> Policy:
    """The policy after the answers of a session's earlier events.

    Pass only events of the person who runs the agent.
    """
    requests: dict[str, PermissionRequest] = {}
    for body in bodies:
        if isinstance(body, PermissionRequest):
            requests[body.request_id] = body
        elif isinstance(body, PermissionAnswer) and body.request_id in requests:
            policy = remember(policy, requests[body.request_id], body)
    return policy


def parse_allow(words: Iterable[str]) -> frozenset[Group]:
    """The groups of `--allow read|edit|run|all`, which may be given several times or joined with commas."""
    groups: set[Group] = {"read"}
    for word in (part.strip() for text in words for part in text.split(",")):
        if word == "all":
            groups |= GROUPS
        elif word in _GROUP_NAMES:
            groups.add(_GROUP_NAMES[word])
        else:
            raise UserError(f"--allow takes read, edit, run or all, not '{word}'.", exit_code=2)
    return frozenset(groups)
