"""A form for a mailbox: where it is, what opens it, and trying it before it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Said, labelled, side_by_side

if TYPE_CHECKING:
    from sync.transports.storage_uri import Place

_FIELDS = {
    "s3": ("access_key_id", "secret_access_key"),
    **dict.fromkeys(("webdav", "webdavs", "https+webdav", "http+webdav"), ("username", "password")),
}
_WHERE = "A folder that a stick, a share or a sync program carries; s3://bucket/folder?endpoint=…; webdavs://host/path."


class MailboxForm(QWidget):
    """added: there is another mailbox."""

    added = Signal()

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.uri, self.user, self.secret = (QLineEdit(self) for _ in range(3))
        self.uri.setPlaceholderText("/media/share/lovelace")
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.choose = QPushButton("&Choose folder…", self)
        self.add, self.test, self.said = QPushButton("&Add", self), QPushButton("&Test", self), Said(self)
        self.add.setProperty("primary", "true")
        self.add.setAccessibleName("Add the mailbox")
        self.test.setAccessibleName("Test the mailbox")
        self._login = [
            labelled("&Name or key", self.user),
            labelled("&Password", self.secret, "Kept in the encrypted database of this device."),
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for row in (labelled("&Where", self.uri, _WHERE), *self._login):
            layout.addWidget(row)
        layout.addLayout(side_by_side(self.add, self.test, self.choose))
        layout.addWidget(self.said)
        self.uri.textChanged.connect(lambda _text: self._show_login())
        self.uri.returnPressed.connect(self._add)
        self.add.clicked.connect(lambda _checked: self._add())
        self.test.clicked.connect(lambda _checked: self._test())
        self.choose.clicked.connect(lambda _checked: self._choose())
        self._show_login()

    def _scheme(self) -> str:
        text = self.uri.text().strip()
        return text.partition("://")[0].lower() if "://" in text else ""

    def _show_login(self) -> None:
        for row in self._login:
            row.setVisible(self._scheme() in _FIELDS)

    def described(self) -> tuple[str, dict[str, str]]:
        """The URI and the credentials."""
        text = self.uri.text().strip()
        uri = text if not text or "://" in text else str(Path(text).expanduser())
        fields = _FIELDS.get(self._scheme(), ())
        typed = zip(fields, (self.user.text().strip(), self.secret.text()), strict=False)
        return uri, {name: value for name, value in typed if value}

    def _choose(self) -> None:
        dialog = QFileDialog(self, "Folder", str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.uri.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _test(self) -> None:
        uri, credentials = self.described()
        self._begin("Trying it …")

        def tried(place: Place) -> None:
            self._end()
            self.said.say(f"{place.shown} can be read and written. {_untested(place)}".strip(), "done")

        self._desk.bridge.call(_probe(uri, credentials), while_alive(self, tried), while_alive(self, self._fail))

    def _add(self) -> None:
        uri, credentials = self.described()
        workspace = self._desk.workspace
        self._begin("Trying it …")

        async def add() -> Place:
            import asyncio

            from app.network import syncing

            place = await _probe(uri, credentials)
            await asyncio.to_thread(syncing.add_mailbox, workspace, uri, credentials)
            return place

        def added(place: Place) -> None:
            self._end()
            for field in (self.uri, self.user, self.secret):
                field.clear()
            words = f"{place.shown} is a mailbox of this workspace now. Devices that you pair from now on learn of it"
            self.said.say(f"{words}; add it on the others. {_untested(place)}".strip(), "done")
            self.added.emit()

        self._desk.bridge.call(add(), while_alive(self, added), while_alive(self, self._fail))

    def _begin(self, word: str) -> None:
        self.said.say(word)
        for button in (self.add, self.test):
            button.setEnabled(False)

    def _end(self) -> None:
        for button in (self.add, self.test):
            button.setEnabled(True)

    def _fail(self, error: BaseException) -> None:
        self._end()
        self.said.fail(error)


def _untested(place: Place) -> str:
    return "" if place.tested else f"Lovelace is not tested with this kind of storage ({place.service})."


async def _probe(uri: str, credentials: dict[str, str]) -> Place:
    """The place, once it was tried. TransportError."""
    from app.network import syncing
    from sync.transports.storage_uri import read_uri

    place = read_uri(uri, credentials)
    await syncing.probe(place)
    return place
