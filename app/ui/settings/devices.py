"""Devices: which are this person's, what they are called, taking one away, and pairing another one."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.ages import ago
from app.ui.desk import Desk
from app.ui.forms import Prose, Said, labelled, side_by_side
from app.ui.peers.card import Card
from app.ui.peers.coming_back import ComeBackForm
from app.ui.peers.copy_field import CopyField
from app.ui.peers.page import CardList, PeerPage
from app.ui.peers.pairing import AcceptForm, OfferForm

if TYPE_CHECKING:
    from app.network.views import DeviceRow

_STATES = {
    "active": "",
    "lost": "Revoked as lost: what it wrote counts",
    "stolen": "Revoked as stolen: nothing counts that it wrote after that",
    "paper": "Brings you back when every device is lost",
}
_DIFFERENCE = (
    "Take {name} away for good? Lost: it gets nothing new, and what it wrote counts. Stolen: somebody else may be "
    "using it, so nothing counts that it writes from now on."
)
_MAILBOXES = "It may still have what opens your mailboxes: change their credentials."
_ON_PAPER = (
    "Write this code down and keep it away from your devices: whoever has it can be you. Once you have typed it again, "
    "it is kept on paper only. (The code under Keys is another one; that opens the data of this computer.)"
)


class DeviceCard(Card):
    """One device. code: where the recovery code is typed that takes away an older device."""

    def __init__(self, page: DevicesPage, row: DeviceRow, lines: tuple[str, ...], *, asks_code: bool) -> None:
        alive = row.state == "active"
        name = QLineEdit(row.name) if alive else row.name
        super().__init__(name, f"Device {row.name}", "this device" if row.this else "", page)
        self.row, self._page = row, page
        if isinstance(name, QLineEdit):
            name.setAccessibleName(f"Name of {row.name}")
            name.editingFinished.connect(self._rename)
        for line in lines:
            self.add_line(line)
        self.code = QLineEdit(self)
        self._code = labelled("Recovery code", self.code, "Needed only for a device that you had before this one.")
        self._code.hide()
        self._asks_code = asks_code
        if row.this:
            self.address = self.add_button("Copy address", page.copy_address, "Copy the address of this device")
            self.address.setToolTip("For somebody who lost every device and is in a workspace with you")
        elif alive:
            self.revoke = self.add_button("Revoke…", self._ask)
        self.body.addWidget(self._code)

    @cached_property
    def stolen(self) -> QPushButton:
        """The other answer to whether the device is lost."""
        stolen = QPushButton("It is stolen", self.question)
        stolen.setAccessibleName(f"{self.row.name} is stolen")
        layout = self.question.layout()
        if layout is not None:
            layout.addWidget(stolen)
            layout.addWidget(self.question.no)
        stolen.clicked.connect(lambda _checked: self._revoke(stolen=True))
        self.question.no.clicked.connect(lambda _checked: self._code.hide())
        QWidget.setTabOrder(stolen, self.question.no)
        return stolen

    def _ask(self) -> None:
        self._code.setVisible(self._asks_code)
        self.stolen.show()
        self.question.ask(
            _DIFFERENCE.format(name=self.row.name), "It is lost", lambda: self._revoke(stolen=False), "Keep it"
        )

    def _revoke(self, *, stolen: bool) -> None:
        self._code.hide()
        self.question.hide()
        self._page.revoke(self, stolen=stolen, code=self.code.text().strip())

    def _rename(self) -> None:
        assert isinstance(self.title, QLineEdit)
        name = " ".join(self.title.text().split())
        if not name:
            self.title.setText(self.row.name)
            self.said.say("A device needs a name.", "failed")
        elif name != self.row.name:
            self._page.rename(self, name)

    def is_busy(self) -> bool:
        typing = isinstance(self.title, QLineEdit) and self.title.hasFocus() and self.title.isModified()
        return typing or super().is_busy()


class DevicesPage(PeerPage):
    """cards: one for each device that the person has or had. kept: the recovery code, until it is on paper."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        about = "Computers that are you: each has all your workspaces, and they meet directly or at a mailbox."
        super().__init__(desk, "Devices", about, parent)
        self.list = CardList()
        self.kept = ""
        self.accept, self.offer = AcceptForm(desk, self), OfferForm(desk, self)
        self.come_back = ComeBackForm(desk, self)
        self.paper, self.paper_said = QWidget(self), Said(self)
        self.write_down = QPushButton("&Write the recovery code down…", self)
        self.code, self.typed = CopyField(desk, "recovery code", self), QLineEdit(self)
        self.is_written, self.later = QPushButton("It is written &down", self), QPushButton("&Later", self)
        self.code.copy.hide()  # it belongs on paper, not into files
        self._hint = Prose("", self)
        self._arrange()
        for happened in (self.accept.paired, self.offer.paired, self.come_back.back):
            happened.connect(self.shown)
        self.write_down.clicked.connect(lambda _checked: self._show_code())
        self.is_written.clicked.connect(lambda _checked: self._keep_on_paper())
        self.typed.returnPressed.connect(self._keep_on_paper)
        self.later.clicked.connect(lambda _checked: self._set_writing(writing=False))

    @property
    def cards(self) -> list[DeviceCard]:
        """Those that are shown."""
        return [card for card in self.list.cards if isinstance(card, DeviceCard)]

    def _arrange(self) -> None:
        self.add(self.list.layout, self.said)
        self.part("Pair another device", "A new computer of yours shows a code; type it here, on one that you use.")
        self.add(self.accept)
        self.part(
            "This is a new device",
            "It gets all your workspaces; what is on it already goes to your other devices.",
        )
        self.add(self.offer)
        self.part("Recovery key on paper")
        paper = self._paper_layout()
        for thing in (self.code, Prose(_ON_PAPER), labelled("&Type it again", self.typed, "As you wrote it down.")):
            paper.addWidget(thing)
        paper.addLayout(side_by_side(self.is_written, self.later))
        self.add(self._hint, side_by_side(self.write_down), self.paper, self.paper_said)
        self.part("Every device is lost", "On a new one, the code on paper makes you yourself again.")
        self.add(self.come_back)
        self._set_writing(writing=False)

    def _paper_layout(self) -> QVBoxLayout:
        layout = QVBoxLayout(self.paper)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        return layout

    def shown(self) -> None:
        workspace = self.desk.workspace

        def look() -> tuple[list[DeviceRow], str]:
            from app.network import devices, recovery

            return devices.devices(workspace), recovery.kept_code(workspace) or ""

        self.look(look, self._show)

    def _show(self, found: tuple[list[DeviceRow], str]) -> None:
        rows, self.kept = found
        now = self.desk.now()
        asks_code = not self.kept
        facts = [(row.id, row.name, row.state, row.this, _lines(row, now), asks_code) for row in rows]
        self.list.show(
            facts, lambda place: DeviceCard(self, rows[place], _lines(rows[place], now), asks_code=asks_code)
        )
        self._set_writing(writing=bool(self.kept) and not self.paper.isHidden())

    def rename(self, card: DeviceCard, name: str) -> None:
        """Call a device something else."""
        workspace, device = self.desk.workspace, card.row.id

        def rename() -> None:
            from app.network import devices

            devices.rename(workspace, device, name)

        self.do(rename, lambda _done: self.shown(), card.said)

    def copy_address(self) -> None:
        """Where this device is reached, for others who know this person."""
        workspace = self.desk.workspace

        def look() -> str:
            from app.network.meeting import own_address
            from sync.protocol.addresses import show_address

            return show_address(own_address(workspace))

        def copy(text: str) -> None:
            QGuiApplication.clipboard().setText(text)
            self.desk.say("The address is copied.")

        self.do(look, copy)

    def revoke(self, card: DeviceCard, *, stolen: bool, code: str) -> None:
        """Take a device away; the person said how."""
        workspace, row = self.desk.workspace, card.row

        def revoke() -> None:
            from app.network import devices

            devices.revoke(workspace, row.id, stolen=stolen, recovery_code=code or None)

        def revoked(_done: None) -> None:
            self.said.say(f"{row.name} is revoked. {_MAILBOXES}", "done")
            self.shown()

        self.do(revoke, revoked, card.said)

    # the recovery code

    def _set_writing(self, *, writing: bool) -> None:
        self.paper.setVisible(writing)
        self.write_down.setVisible(bool(self.kept) and not writing)
        self.code.show_text(self.kept if writing else "")
        self._hint.setText(
            "It brings you back, as yourself, when every device is lost. "
            + ("You have not written its code down yet." if self.kept else "Its code is kept on paper only.")
        )
        if not writing:
            self.typed.clear()

    def _show_code(self) -> None:
        self.paper_said.say("")
        self._set_writing(writing=True)
        self.typed.setFocus()

    def _keep_on_paper(self) -> None:
        workspace, typed = self.desk.workspace, self.typed.text()

        def keep() -> None:
            from app.network import recovery

            recovery.keep_on_paper(workspace, typed)

        def kept(_done: None) -> None:
            self.kept = ""
            self._set_writing(writing=False)
            self.paper_said.say("The recovery code is kept on paper only now.", "done")
            self.shown()

        self.do(keep, kept, self.paper_said)


def _lines(row: DeviceRow, now: int) -> tuple[str, ...]:
    """What is to be known of a device."""
    seen = "" if row.last_seen is None or row.this else f"last seen {ago(row.last_seen, now)}"
    added = f"added {day}" if row.added is not None and (day := _day(row.added)) else ""
    words = " · ".join(word for word in (_STATES[row.state], seen, added, f"id {row.id[:8]}") if word)
    return (words[0].upper() + words[1:],)


def _day(text: str) -> str:
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return f"{then.day} {then:%b %Y}"
