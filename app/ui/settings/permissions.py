"""Permissions: the policies of this device, which say what agents may always do, must ask for, or may never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, labelled, refill, side_by_side
from app.ui.peers.card import Card
from app.ui.settings.page import Page
from app.ui.words import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.agents.policies import PolicyRule, Ruling
    from app.sessions.queries import Queries

    Found = tuple[tuple[PolicyRule, ...], Mapping[str, str]]

_ABOUT = (
    "What agents on this device may do without asking, and what they may never do. Never comes before everything else; "
    "otherwise the more particular policy counts. Policies stay on this device; nothing in a session changes them."
)
_PATHS = (
    "A path or a pattern, such as docs/** or .env, for tools that work on files. Commands see what the sandbox shows."
)
_RULINGS: tuple[tuple[Ruling, str], ...] = (
    ("allow", "Always allow"),
    ("ask", "Ask every time"),
    ("never", "Never allow"),
)


class PolicyCard(Card):
    """One policy."""

    def __init__(self, page: PermissionsPage, rule: PolicyRule, workspace: str) -> None:
        title = dict(_RULINGS)[rule.ruling]
        super().__init__(title, f"{title}: {rule_words(rule)}", "", page)
        self.rule = rule
        self.add_line(f"{rule_words(rule)} · {workspace}")
        self.remove = self.add_button("Remove", lambda: page.remove_rule(rule))


class PermissionsPage(Page):
    """cards: one for each policy. ruling, tool, command, whole, path, everywhere, keep: a new one."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Permissions", _ABOUT, parent)
        self.cards: list[PolicyCard] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.nothing = Prose("No policy: agents ask before they change or run something.", self)
        self.ruling = QComboBox(self)
        self.ruling.addItems([title for _ruling, title in _RULINGS])
        self.tool, self.command, self.path = QLineEdit(self), QLineEdit(self), QLineEdit(self)
        self.command.setPlaceholderText("git status")
        self.whole = QCheckBox("Nothing may f&ollow these words", self)
        self.everywhere = QCheckBox("In all &workspaces", self)
        self.keep, self.said = QPushButton("&Add policy", self), Said(self)
        self.add(self._list, self.nothing)
        self.part("New policy", "Fill in one of these; where several are, all must fit.")
        self.add(
            labelled("&Ruling", self.ruling),
            labelled("&Command", self.command, "How it begins. One plain command: nothing may hide behind it."),
            self.whole,
            labelled("&Path", self.path, _PATHS),
            labelled("&Tool", self.tool, "The name of a tool, such as write, or a pattern."),
            side_by_side(self.keep, self.everywhere),
            self.said,
        )
        self.keep.clicked.connect(lambda _checked: self._add_rule())
        desk.requests.configured.connect(lambda part: self.shown() if part == "permissions" else None)

    def shown(self) -> None:
        self.desk.read(_read, while_alive(self, self._show), while_alive(self, self.said.fail))

    def _show(self, found: Found) -> None:
        rules, names = found
        self.nothing.setVisible(not rules)
        self.cards = [
            PolicyCard(self, rule, "all workspaces" if rule.workspace is None else names.get(rule.workspace, ""))
            for rule in rules
        ]
        refill(self._list, self.cards)

    def remove_rule(self, rule: PolicyRule) -> None:
        """Forget a policy."""
        from app.agents.policy_setting import remove_rule

        self.desk.write(
            lambda operations: remove_rule(operations, rule),
            while_alive(self, lambda _gone: self._changed("The policy is removed.")),
            while_alive(self, self.said.fail),
        )

    def _add_rule(self) -> None:
        from app.agents.policies import PolicyRule
        from app.agents.policy_setting import add_rule

        tool, command, path = (field.text().strip() or None for field in (self.tool, self.command, self.path))
        rule = PolicyRule(
            ruling=_RULINGS[self.ruling.currentIndex()][0],
            tool=tool,
            command=command,
            whole=self.whole.isChecked() and command is not None,
            path=path,
            workspace=None if self.everywhere.isChecked() else self.desk.workspace.id,
        )

        def kept(_nothing: None) -> None:
            for field in (self.tool, self.command, self.path):
                field.clear()
            self._changed("The policy is in force.")

        self.desk.write(
            lambda operations: add_rule(operations, rule), while_alive(self, kept), while_alive(self, self.said.fail)
        )

    def _changed(self, sentence: str) -> None:
        self.said.say(sentence, "done")
        self.desk.tell_configured("permissions")


def rule_words(rule: PolicyRule) -> str:
    """What a policy is about, in a few words."""
    pieces = [
        f"{'exactly' if rule.whole else 'commands that begin with'} “{rule.command}”" if rule.command else "",
        f"files at {rule.path}" if rule.path else "",
        f"tool {rule.tool}" if rule.tool else "",
    ]
    return one_line(" · ".join(piece for piece in pieces if piece))


def _read(queries: Queries) -> Found:
    from app.agents.policy_setting import kept_rules

    return kept_rules(queries), {row.id: row.name for row in queries.workspaces()}
