"""Coming back with the recovery code on paper, on a new device, when every other one is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Question, Said, labelled, side_by_side
from app.ui.words import counted

if TYPE_CHECKING:
    from app.workspace import Workspace

_SURE = "This device becomes one of the person whose code this is, with all that is on it. Go on?"
_NOT_YET = (
    "This is a device of yours now. Your workspaces come back once it finds somebody who knows them: name a mailbox "
    "that your devices used, or what a teammate copies at their device, and come back again."
)


class ComeBackForm(QWidget):
    """back: this device is the person's now."""

    back = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.code, self.mailbox, self.address = (QLineEdit(self) for _ in range(3))
        self.code.setEchoMode(QLineEdit.EchoMode.Password)
        for field in (self.mailbox, self.address):
            field.setPlaceholderText("optional")
        self.come, self.question, self.said = QPushButton("Come &back", self), Question(self), Said(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for row in (
            labelled("Recovery &key", self.code, "The code on paper."),
            labelled("Mailbo&x", self.mailbox, "One that your lost devices used."),
            labelled("&Teammate", self.address, "What “Copy address” gives at the device of somebody who knows you."),
        ):
            layout.addWidget(row)
        layout.addLayout(side_by_side(self.come))
        layout.addWidget(self.question)
        layout.addWidget(self.said)
        self.come.clicked.connect(lambda _checked: self.question.ask(_SURE, "Go on", self._come, "Leave it"))

    def _come(self) -> None:
        typed = [field.text().strip() for field in (self.code, self.mailbox, self.address)]

        def came(workspaces: list[str]) -> None:
            self.come.setEnabled(True)
            self.code.clear()
            words = f"Welcome back: {counted(len(workspaces), 'workspace')} came." if workspaces else _NOT_YET
            self.said.say(words, "done" if workspaces else "muted")
            for part in ("folders", "name"):
                self._desk.tell_configured(part)
            self.back.emit()

        def failed(error: BaseException) -> None:
            self.come.setEnabled(True)
            self.said.fail(error)

        self.come.setEnabled(False)
        self.said.say("One moment …")
        work = _come_back(self._desk.workspace, *typed)
        self._desk.bridge.call(work, while_alive(self, came), while_alive(self, failed))


async def _come_back(workspace: Workspace, code: str, mailbox: str, source: str) -> list[str]:
    """Ids of the workspaces that came. IdentityError for what was mistyped, before anything is changed."""
    import asyncio

    from app.network import meeting, recovery, sheets
    from sync.protocol.addresses import read_address

    address = read_address(source) if source else None
    await asyncio.to_thread(recovery.recover, workspace, code)
    taken = await sheets.recover_from(workspace, mailbox) if mailbox else []
    return taken + (await meeting.return_to(workspace, address) if address is not None else [])
