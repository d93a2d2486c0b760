"""Members of the workspace in front: who is in it or asks to be, inviting, roles, leaving; and joining another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QWidget

from app.ui.desk import Desk
from app.ui.forms import LABEL_WIDTH, Prose, Said, labelled, side_by_side
from app.ui.peers.card import Card
from app.ui.peers.copy_field import CopyField
from app.ui.peers.joining import ask_to_join, asked_words
from app.ui.peers.page import CardList, PeerPage
from app.ui.words import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.network.inviting import Asked, Invited
    from app.network.views import MemberRow
    from app.workspace import Workspace
    from sync.membership.bodies import Role

    Deed = Callable[[Workspace], None]

ROLES: tuple[Role, ...] = ("owner", "member", "reader")
_MAY = {
    "owner": "Reads, writes, and decides who else may",
    "member": "Reads and writes",
    "reader": "Reads",
    "guest": "Reads what was granted",
}
_SECRET = (
    "The link is a secret: whoever has it can ask to join, once. Send it on a way that you trust. Nobody is in before "
    "you accept them here; keep Lovelace open until they have asked."
)


class MemberCard(Card):
    """Somebody in the workspace. rules: whether the person in front of the window is an owner."""

    def __init__(self, page: MembersPage, row: MemberRow, *, rules: bool, founder: bool) -> None:
        super().__init__(one_line(row.name), f"Member {row.name}", "you" if row.you else "", page)
        self.row, self._page = row, page
        devices = counted(sum(device.state == "active" for device in row.devices), "device")
        self.add_line(" · ".join((_role_words(row), devices, f"id {row.identity[:8]}")))
        self.role = QComboBox(self)
        self.role.setAccessibleName(f"Role of {row.name}")
        self.role.addItems(ROLES)
        changeable = rules and not row.founder and not row.you and row.role in ROLES
        self.role.setVisible(changeable)
        if changeable:
            self.role.setCurrentText(row.role)
            self.role.activated.connect(lambda _index: self._change_role())
            self._upper.addWidget(self.role)
            self.remove = self.add_button("Remove…", self._ask_to_remove)
        if founder and not row.you and row.role in ROLES:
            self.hand_over = self.add_button("Hand over…", self._ask_to_hand_over)
        if row.you and not row.founder:
            self.leave = self.add_button("Leave…", self._ask_to_leave)

    def _change_role(self) -> None:
        from app.network import members

        role, identity, name = ROLES[self.role.currentIndex()], self.row.identity, self.row.name
        if role != self.row.role:
            said = f"{name} is {_article(role)} {role} now."
            self._page.deed(self, lambda workspace: members.change_role(workspace, identity, role), said)

    def _ask_to_remove(self) -> None:
        from app.network import members

        identity, name = self.row.identity, self.row.name
        said = f"{name} is removed. {members.MAILBOX_REMINDER}"
        self.question.ask(
            f"Remove {name}? They keep what they have, and get nothing newer.",
            "Remove",
            lambda: self._page.deed(self, lambda workspace: members.remove(workspace, identity), said),
        )

    def _ask_to_hand_over(self) -> None:
        from app.network import members

        identity, name = self.row.identity, self.row.name
        self.question.ask(
            f"Make {name} the founder, whom nobody can remove? You stay an owner, whom they can.",
            "Hand over",
            lambda: self._page.deed(
                self, lambda workspace: members.transfer_founder(workspace, identity), f"{name} is the founder now."
            ),
        )

    def _ask_to_leave(self) -> None:
        from app.network import members

        self.question.ask(
            "Leave this workspace? What is here stays readable here; only an owner can let you in again.",
            "Leave",
            lambda: self._page.deed(self, members.leave, "You left the workspace."),
            "Stay",
        )


class RequestCard(Card):
    """Somebody who asks to be let in."""

    def __init__(self, page: MembersPage, row: MemberRow, *, rules: bool) -> None:
        super().__init__(one_line(row.name), f"Request of {row.name}", "", page)
        self.row, self._page = row, page
        who = "You ask" if row.you else "Asks"
        wait = "" if rules else " · waits for an owner"
        self.add_line(f"{who} to join as {_article(row.role)} {row.role} · id {row.identity[:8]}{wait}")
        if rules:
            self.accept = self.add_button("Accept", self._accept)
            self.refuse = self.add_button("Refuse", self._refuse)

    def _accept(self) -> None:
        from app.network import members

        request, name, role = self.row.request or "", self.row.name, self.row.role
        said = f"{name} is in, as {_article(role)} {role}."
        self._page.deed(self, lambda workspace: members.accept(workspace, request), said)

    def _refuse(self) -> None:
        from app.network import members

        request, name = self.row.request or "", self.row.name
        said = f"{name} stays out; the invite is used up."
        self._page.deed(self, lambda workspace: members.refuse(workspace, request), said)


class MembersPage(PeerPage):
    """Requests come before members. rules: whether the person is an owner here."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Members", "", parent)
        self.where = Prose("", self)
        self.list = CardList()
        self.rules = False
        self.role = QComboBox(self)
        self.role.addItems(ROLES)
        self.role.setCurrentText("member")
        self.may, self.invite = Prose(_MAY["member"], self), QPushButton("&Make an invite link", self)
        self.link, self.secret, self.invite_said = CopyField(desk, "invite link", self), Prose(_SECRET), Said(self)
        self.answer, self.join = QLineEdit(self), QPushButton("&Ask to join", self)
        self.answer.setPlaceholderText("lovelace://invite/#…")
        self.join_said = Said(self)
        self.may.setIndent(LABEL_WIDTH + 12)  # below the field
        self._arrange()
        self.role.currentTextChanged.connect(lambda role: self.may.setText(_MAY[role]))
        self.invite.clicked.connect(lambda _checked: self._invite())
        self.join.clicked.connect(lambda _checked: self._join())
        self.answer.returnPressed.connect(self._join)
        desk.requests.configured.connect(self._take_part)

    @property
    def cards(self) -> list[MemberCard | RequestCard]:
        """Those that are shown."""
        return [card for card in self.list.cards if isinstance(card, MemberCard | RequestCard)]

    def _arrange(self) -> None:
        self.add(self.where, self.list.layout, self.said)
        self.part("Invite somebody")
        self.add(labelled("&Role", self.role), self.may, side_by_side(self.invite), self.link, self.secret)
        self.add(self.invite_said)
        self.link.hide()
        self.secret.hide()
        self.part("Join a workspace", "With an invite link that somebody sent you.")
        self.add(labelled("&Link", self.answer), side_by_side(self.join), self.join_said)

    def _take_part(self, part: str) -> None:
        if part == "folders":  # perhaps another workspace is in force
            self._forget_link()
            self._look_if_seen()

    def shown(self) -> None:
        workspace = self.desk.workspace

        def look() -> tuple[str, str, list[MemberRow]]:
            from app.network import members

            row = workspace.read(lambda queries: queries.workspace_row())
            return row.id, row.name, members.members(workspace)

        self.look(look, self._show)

    def _show(self, found: tuple[str, str, list[MemberRow]]) -> None:
        ident, name, rows = found
        me = next((row for row in rows if row.you and row.state == "member"), None)
        self.rules = me is not None and me.role == "owner"
        founder = me is not None and me.founder
        alone = me is not None and len(rows) == 1
        self.where.setText(
            f"Who is in {one_line(name)}, and what they may do.{' You are alone.' if alone else ''}"
            if rows
            else f"{one_line(name)}: a link opens it for you; who is in it is not said."
        )
        self.invite.setEnabled(self.rules)
        self.invite.setToolTip("" if self.rules else "Only owners invite")
        asking = [row for row in rows if row.state == "requested"]
        rows = asking + [row for row in rows if row.state == "member"]

        def make(place: int) -> Card:
            if place < len(asking):
                return RequestCard(self, rows[place], rules=self.rules)
            return MemberCard(self, rows[place], rules=self.rules, founder=founder)

        self.list.show([(ident, *_facts(row), self.rules, founder) for row in rows], make)

    def deed(self, card: Card, work: Deed, said: str) -> None:
        """Do something about a member, and say so."""
        workspace = self.desk.workspace

        def done(_nothing: None) -> None:
            self.said.say(said, "done")
            self.list.forget()
            self.shown()

        self.do(lambda: work(workspace), done, card.said)

    # inviting

    def _invite(self) -> None:
        role, workspace = ROLES[self.role.currentIndex()], self.desk.workspace

        async def make() -> Invited:
            from app.network import meeting

            return await meeting.invite_here(workspace, role)

        def failed(error: BaseException) -> None:
            self.invite.setEnabled(True)
            self.invite_said.fail(error)

        self.invite.setEnabled(False)
        self.invite_said.say("One moment …")
        self.call(make(), self._show_link, failed)

    def _show_link(self, made: Invited) -> None:
        self.invite.setEnabled(True)
        self.invite_said.say("")
        self.link.show_text(made.link)
        self.link.show()
        self.secret.show()
        self.link.copy.setFocus()

    def _forget_link(self) -> None:
        self.link.show_text("")
        self.link.hide()
        self.secret.hide()

    # joining

    def _join(self) -> None:
        def asked(value: Asked) -> None:
            self.join.setEnabled(True)
            self.answer.clear()
            self.join_said.say(asked_words(value), "done")
            self.desk.tell_configured("folders")

        def failed(error: BaseException) -> None:
            self.join.setEnabled(True)
            self.join_said.fail(error)

        self.join.setEnabled(False)
        self.join_said.say("Looking for a device that can let you in …")
        self.call(ask_to_join(self.desk, self.answer.text()), asked, failed)


def _facts(row: MemberRow) -> tuple[object, ...]:
    devices = sum(device.state == "active" for device in row.devices)
    return row.identity, row.name, row.role, devices, row.you, row.founder, row.state, row.request


def _role_words(row: MemberRow) -> str:
    return f"{row.role.capitalize()}{', founder' if row.founder else ''}"


def _article(role: str) -> str:
    return "an" if role == "owner" else "a"
