"""Answering a permission request for good: the policy that this makes is shown before it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.errors import UserError
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Question

if TYPE_CHECKING:
    from app.agents.policies import PolicyRule
    from app.sessions.queries import Queries

CHOICE = "policy"
"""The choice of a permission request that leads here."""
_ELSEWHERE = (
    "Another device runs this session, and its own policies count there. Answer for once, or always in this session."
)
_NO_POLICY = "This command holds more than one, or something to fill in: it can be allowed for once or in this session."


class AlwaysHere(QObject):
    """question: asks whether a policy is to be kept. kept: (request), its policy is in force."""

    kept = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.question = Question(parent)

    def offer(self, session: str, request: str) -> None:
        """Show the policy that would allow what a request of a session asks for."""
        self._desk.read(
            lambda queries: policy_for(queries, session, request),
            while_alive(self, lambda rule: self._ask(request, rule)),
        )

    def _ask(self, request: str, rule: PolicyRule) -> None:
        self.question.ask(policy_words(rule), "Always allow", lambda: self._keep(request, rule), "Not now")

    def _keep(self, request: str, rule: PolicyRule) -> None:
        from app.agents.policy_setting import add_rule

        def kept(_nothing: None) -> None:
            self._desk.tell_configured("permissions")
            self.kept.emit(request)

        self._desk.write(lambda operations: add_rule(operations, rule), while_alive(self, kept))


def policy_for(queries: Queries, session: str, request: str) -> PolicyRule:
    """The policy for a request. UserError where none can be made, or where it would not count."""
    from app.agents.policies import suggested_rule
    from app.sessions.events import PermissionRequest
    from app.sessions.runners import find_runner

    row = queries.session(session)
    runner = find_runner(queries, session)
    if runner is not None and runner.device != queries.own_device()[1]:
        raise UserError(_ELSEWHERE)
    events = queries.events(session, kinds=["permission_request"], limit=50)
    for event in reversed(events):
        if isinstance(event.body, PermissionRequest) and event.body.request_id == request:
            rule = suggested_rule(event.body.name, event.body.input, row.workspace)
            if rule is None:
                raise UserError(_NO_POLICY)
            return rule
    raise UserError("This request is not in the session any more.")


def policy_words(rule: PolicyRule) -> str:
    """What a policy would allow, in a sentence."""
    if rule.command is None:
        what = f"the tool {rule.tool}, whatever it is given"
    elif rule.whole:
        what = f"exactly the command “{rule.command}”"
    else:
        what = f"every command that begins with “{rule.command}”"
    return f"On this device, agents in this workspace may always use {what}. Settings, Permissions takes it back."
