"""Both sides of pairing, in place: the code of another device is typed or pasted here, or this one shows its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Question, Said, labelled, side_by_side
from app.ui.peers.copy_field import CopyField
from app.ui.peers.qr_picture import QrPicture, matrix_of
from app.ui.words import counted, one_line
from sync.errors import IdentityError

if TYPE_CHECKING:
    from app.network.pairing import Paired
    from sync.protocol.pairing_code import Ticket

_LATER = "Sessions come when both devices sync; keep Lovelace open on both."
_WAITING = (
    "Waiting. On a device that you use already: Settings, Devices, and type the code, or paste the ticket, which also "
    "says where this device is; the QR code is the ticket too. The code is good for ten minutes and one use."
)


class AcceptForm(QWidget):
    """The device that is used already. paired: another one is the person's now."""

    paired = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._work: Future[Any] | None = None
        self.code, self.said = QLineEdit(self), Said(self)
        self.code.setPlaceholderText("ABCD-EFGH-… or lovelace://pair/#…")
        self.pair, self.stop = QPushButton("&Pair", self), QPushButton("Stop", self)
        self.pair.setProperty("primary", "true")
        self.pair.setAccessibleName("Pair the other device")
        self.stop.setAccessibleName("Stop looking for the other device")
        self.stop.hide()
        layout = _column(self)
        layout.addWidget(labelled("C&ode or ticket", self.code, "As the new device shows it."))
        layout.addLayout(side_by_side(self.pair, self.stop))
        layout.addWidget(self.said)
        self.pair.clicked.connect(lambda _checked: self.accept())
        self.code.returnPressed.connect(self.accept)
        self.stop.clicked.connect(lambda _checked: self._stop())

    def accept(self) -> None:
        """Look for the device with this code, and make it one of the person's."""
        from sync.protocol.pairing_code import read_ticket

        if self._work is not None:
            return
        try:
            ticket = read_ticket(self.code.text())
        except IdentityError as error:
            self.said.fail(error)
            return
        self.said.say("Looking for the device …")
        self._set_busy(busy=True)
        work = _accept(self._desk, ticket)
        self._work = self._desk.bridge.call(work, while_alive(self, self._take), while_alive(self, self._fail))

    def _take(self, paired: Paired) -> None:
        self._set_busy(busy=False)
        self.code.clear()
        self.said.say(f"{one_line(paired.device_name) or 'The device'} is yours now. {_LATER}", "done")
        if paired.workspaces:
            self._desk.tell_configured("folders")
        self.paired.emit()

    def _fail(self, error: BaseException) -> None:
        self._set_busy(busy=False)
        self.said.fail(error)

    def _stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            self._set_busy(busy=False)
            self.said.say("Stopped.")

    def _set_busy(self, *, busy: bool) -> None:
        if not busy:
            self._work = None
        self.stop.setVisible(busy)
        self.pair.setEnabled(not busy)


async def _accept(desk: Desk, ticket: Ticket) -> Paired:
    from app.network import meeting

    return await meeting.accept_pairing(desk.workspace, ticket)


class OfferForm(QWidget):
    """The new device. paired: this one is the person's now."""

    paired = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._work: Future[Any] | None = None
        self.mailbox, self.begin, self.said = QLineEdit(self), QPushButton("&Show a code", self), Said(self)
        self.mailbox.setPlaceholderText("optional")
        self.question = Question(self)
        self.box = QFrame(self)
        self.box.setObjectName("card")
        self.qr = QrPicture("QR code of the ticket", self.box)
        self.code, self.ticket = CopyField(desk, "code", self.box), CopyField(desk, "ticket", self.box)
        self.cancel = QPushButton("&Cancel", self.box)
        self.cancel.setAccessibleName("Cancel pairing")
        self._arrange()
        self.box.hide()
        self.begin.clicked.connect(lambda _checked: self._begin())
        self.cancel.clicked.connect(lambda _checked: self._cancel())

    def _arrange(self) -> None:
        inner = QHBoxLayout(self.box)
        inner.setContentsMargins(14, 14, 14, 14)
        inner.setSpacing(16)
        inner.addWidget(self.qr, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(8)
        for part in (self.code, self.ticket, Prose(_WAITING, self.box)):
            column.addWidget(part)
        column.addStretch()
        column.addLayout(side_by_side(self.cancel))
        inner.addLayout(column, 1)
        layout = _column(self)
        hint = "Only if the devices are in different networks: a mailbox that the other device uses."
        self._where = labelled("&Meet at", self.mailbox, hint)
        layout.addWidget(self._where)
        layout.addLayout(side_by_side(self.begin))
        layout.addWidget(self.question)
        layout.addWidget(self.box)
        layout.addWidget(self.said)

    def _begin(self) -> None:
        """First say which workspaces this home would not be in any more, and ask."""
        workspace = self._desk.workspace

        def look() -> str:
            from app.network.handing import left_behind, left_behind_question

            names = left_behind(workspace)
            return left_behind_question(names) if names else ""

        def asked(question: str) -> None:
            self.begin.setEnabled(True)
            if question:
                self.question.ask(question, "Go on", self.offer, "Stay as it is")
            else:
                self.offer()

        self.begin.setEnabled(False)
        self._desk.bridge.compute(look, while_alive(self, asked), while_alive(self, self._fail))

    def offer(self) -> None:
        """Wait with a code until another device has paired, it expires, or the person cancels."""
        self.begin.setEnabled(False)
        self.said.say("One moment …")
        bridge = self._desk.bridge
        bridge.receive(id(self), while_alive(self, self._show))

        def show(ticket: Ticket) -> None:
            bridge.publish(id(self), (ticket, matrix_of(str(ticket))))

        work = _offer(self._desk, self.mailbox.text().strip(), show)
        self._work = bridge.call(work, while_alive(self, self._take), while_alive(self, self._fail))

    def _show(self, shown: tuple[Ticket, Any]) -> None:
        ticket, matrix = shown
        self.code.show_text(str(ticket.code))
        self.ticket.show_text(str(ticket))
        self.qr.show_matrix(matrix)
        self._set_waiting(waiting=True)
        self.said.say("")
        self.cancel.setFocus()

    def _take(self, paired: Paired) -> None:
        self._end()
        came = f"{counted(len(paired.workspaces), 'workspace')} came along" if paired.workspaces else "Nothing came yet"
        self.said.say(f"This is a device of {one_line(paired.name) or 'yours'} now. {came}. {_LATER}", "done")
        for part in ("folders", "name"):
            self._desk.tell_configured(part)
        self.paired.emit()

    def _fail(self, error: BaseException) -> None:
        self._end()
        self.said.fail(error)

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()
        self._end()
        self.said.say("Cancelled. The code counts for nothing.")
        self.begin.setFocus()

    def _end(self) -> None:
        self._work = None
        self._desk.bridge.receive(id(self), None)
        for field in (self.code, self.ticket):
            field.show_text("")
        self.qr.show_matrix(())
        self._set_waiting(waiting=False)
        self.begin.setEnabled(True)

    def _set_waiting(self, *, waiting: bool) -> None:
        self.box.setVisible(waiting)
        self.begin.setVisible(not waiting)
        self._where.setVisible(not waiting)


async def _offer(desk: Desk, mailbox: str, show: Callable[[Ticket], None]) -> Paired:
    from app.network import meeting

    return await meeting.offer_pairing(desk.workspace, show, mailbox)


def _column(owner: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(owner)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(10)
    return layout
