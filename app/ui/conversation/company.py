"""Who else is in a session, and telling them that this person is: only while somebody else could see it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.sessions.people_queries import presence_words
from app.sessions.tables import RENEW_MS
from app.ui.bridge import while_alive
from app.ui.desk import Desk

TYPING_MS = 4_000


class Company(QObject):
    """For one conversation. changed: the words about who is there."""

    changed = Signal(str)

    def __init__(self, desk: Desk, parent: QObject) -> None:
        super().__init__(parent)
        self._desk = desk
        self._session: str | None = None
        self._renewing = QTimer(self, interval=RENEW_MS)
        self._renewing.timeout.connect(self._renew)
        self._typing = QTimer(self, singleShot=True, interval=TYPING_MS)
        self._typing.timeout.connect(self._tell)
        desk.network.changed.connect(self._follow_network)

    def show(self, session: str | None) -> None:
        """This session is before the person's eyes; None: none is."""
        if session != self._session:
            self._session = session
            self._typing.stop()
            self._tell()
            self.look()

    def typed(self) -> None:
        """The person writes."""
        was_typing = self._typing.isActive()
        self._typing.start()
        if not was_typing:
            self._tell()

    def look(self) -> None:
        """Look again who is there."""
        session = self._session
        if session is None or not self._is_shared:
            self.changed.emit("")
            return
        now = self._desk.now()
        self._desk.read(
            lambda queries: presence_words(queries.presence(session, now)), while_alive(self, self.changed.emit)
        )

    @property
    def _is_shared(self) -> bool:
        node = self._desk.network.view.node
        return node is not None and bool(node.peers)

    def _follow_network(self) -> None:
        if self._is_shared != self._renewing.isActive():
            if self._is_shared:
                self._renewing.start()
            else:
                self._renewing.stop()
            self._renew()

    def _renew(self) -> None:
        self._tell()
        self.look()

    def _tell(self) -> None:
        if self._is_shared:
            session, typing = self._session or "", self._typing.isActive()
            self._desk.write(lambda operations: operations.show_presence(session, typing=typing))
