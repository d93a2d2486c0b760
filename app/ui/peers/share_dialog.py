"""Sharing a session by a link: for how long, for whom, from where; and the links that it has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QFrame, QLineEdit, QPushButton, QScrollArea, QVBoxLayout
from PySide6.QtWidgets import QWidget as Widget

from app.errors import UserError
from app.ui.ages import DAY
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Heading, Prose, Said, labelled, rule, side_by_side
from app.ui.peers.copy_field import CopyField
from app.ui.peers.links import KEPT, LinkList
from app.ui.words import one_line

if TYPE_CHECKING:
    from sync.store.links import IssuedLink

WIDTH, HEIGHT = 620, 680
ENDS = {"in a day": DAY, "in 7 days": 7 * DAY, "in 30 days": 30 * DAY, "never": None}
HERE, ELSEWHERE = "This device alone, while Lovelace is open", "A folder or storage that others can read…"
MAILBOX = "The mailbox of the workspace, which anybody can read"
_ABOUT = (
    "Whoever has the link reads this session as it is and becomes, and nothing else: they join nothing, see no other "
    "session and can write nothing. A fork comes with what it inherits; sub-sessions and what was erased do not."
)
_LIVE = "It is given while Lovelace is open here and the other one can reach this device."
_STORED = "An encrypted copy lies there, so it opens also while this device is off; when it ends the copy is deleted."
_READ_AT = "Where others read that place without credentials, https://… Not needed for a folder that they have too."
_UNREACHABLE = (
    "This device is not connected now, so the link says nothing of where it is: it opens in the same local network "
    "only. Turn live connections on in Settings, Sync, or choose a place above, and make another one."
)


class ShareDialog(QDialog):
    """For one session. It stops nothing: the window goes on beside it."""

    def __init__(self, desk: Desk, session: str, title: str, parent: Widget | None = None) -> None:
        super().__init__(parent)
        self.desk, self._session = desk, session
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Share “{one_line(title)[:60]}”")
        self.ends, self.where = QComboBox(self), QComboBox(self)
        self.ends.addItems(list(ENDS))
        self.ends.setCurrentText("in 7 days")
        self.where.addItems([HERE, ELSEWHERE])
        self.once = QCheckBox("One device may open it, once", self)
        self.place, self.url = QLineEdit(self), QLineEdit(self)
        self.place.setPlaceholderText("/media/share or s3://bucket/folder?endpoint=…")
        self.url.setPlaceholderText("https://…")
        self.about_place, self.said = Prose(_LIVE, self), Said(self)
        self.make = QPushButton("&Make a link", self)
        self.make.setProperty("primary", "true")
        self.link = CopyField(desk, "link", self)
        self.links = LinkList(desk, session, "This session has no link yet.", self)
        self._arrange()
        self.where.currentIndexChanged.connect(lambda _index: self._show_where())
        self.make.clicked.connect(lambda _checked: self._make())
        self._show_where()
        self.links.look()
        desk.bridge.compute(lambda: _open_place(desk, session), while_alive(self, self._offer_mailbox), desk.report)

    def _arrange(self) -> None:
        self._place = labelled("&Folder or URI", self.place)
        self._url = labelled("&Read at", self.url, _READ_AT)
        self.link.hide()
        inner = Widget(self)
        inner.setObjectName("page")
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.setSpacing(12)
        for part in (
            Heading("Share by link", self.desk.themes),
            Prose(_ABOUT),
            labelled("It &ends", self.ends),
            labelled("&Given by", self.where),
            self._place,
            self._url,
            self.once,
            self.about_place,
            Prose(f"You can revoke it at any time. {KEPT}"),
        ):
            layout.addWidget(part)
        layout.addLayout(side_by_side(self.make))
        for part in (
            self.said,
            self.link,
            rule(),
            Heading("Links of this session", self.desk.themes, 11.0),
            self.links,
        ):
            layout.addWidget(part)
        layout.addStretch()
        frame = QScrollArea(self)
        frame.setFrameShape(QFrame.Shape.NoFrame)
        frame.setWidgetResizable(True)
        frame.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        frame.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self.resize(WIDTH, HEIGHT)

    def _offer_mailbox(self, where: tuple[str, str] | None) -> None:
        """The mailbox of the workspace that anybody can read is the best place where there is one."""
        if where is not None:
            self.where.insertItem(0, MAILBOX, where)
            self.where.setCurrentIndex(0)

    def _show_where(self) -> None:
        here, elsewhere = self.where.currentText() == HERE, self.where.currentText() == ELSEWHERE
        self._place.setVisible(elsewhere)
        self._url.setVisible(elsewhere)
        self.once.setEnabled(here)
        if not here:
            self.once.setChecked(False)
        self.once.setToolTip("" if here else "A published copy can be read any number of times")
        self.about_place.setText(_LIVE if here else _STORED)

    def _make(self) -> None:
        chosen = self.where.currentText()
        try:
            where = self._named_place() if chosen == ELSEWHERE else self.where.currentData()
        except UserError as error:
            self.said.fail(error)
            return
        span = ENDS[self.ends.currentText()]
        expires = None if span is None else self.desk.now() + span
        work = _share(self.desk, self._session, expires, where, once=self.once.isChecked())
        self.make.setEnabled(False)
        self.said.say("Publishing …")
        live = where is None
        self.desk.bridge.call(
            work, while_alive(self, partial(self._show_link, live=live)), while_alive(self, self._fail)
        )

    def _named_place(self) -> tuple[str, str]:
        from app.network.sharing import named_place

        to = self.place.text().strip()
        if not to:
            raise UserError("Name the folder or storage where it is to be published.")
        return named_place(to, self.url.text().strip())

    def _show_link(self, made: tuple[IssuedLink, bool], *, live: bool) -> None:
        link, reachable = made
        self.make.setEnabled(True)
        self.said.say("" if reachable or not live else _UNREACHABLE)
        self.link.show_text(link.text or "")
        self.link.show()
        self.link.copy.setFocus()
        self.links.look()

    def _fail(self, error: BaseException) -> None:
        self.make.setEnabled(True)
        self.said.fail(error)


def show_share_dialog(desk: Desk, session: str, title: str, parent: Widget) -> ShareDialog:
    """Open the dialog for a session, above the window that a widget is in."""
    dialog = ShareDialog(desk, session, title, parent.window())
    dialog.show()
    return dialog


def _open_place(desk: Desk, session: str) -> tuple[str, str] | None:
    from app.network.sharing import open_place

    return open_place(desk.workspace, session)


async def _share(
    desk: Desk, session: str, expires: int | None, where: tuple[str, str] | None, *, once: bool
) -> tuple[IssuedLink, bool]:
    """The new link, and whether it says where this device is."""
    import asyncio

    from app.network import sharing

    if where is None:
        await _go_live(desk)
    wish = await asyncio.to_thread(sharing.make_wish, desk.workspace, expires, where, once=once)
    return await sharing.share(desk.workspace, session, wish), bool(wish.sockets or wish.relay)


async def _go_live(desk: Desk) -> None:
    """A home that nobody shares binds to nothing: let it, so that the link can say where this device is."""
    from app.network import meeting, sharing

    service, workspace = desk.network.service, desk.workspace
    if service is not None and service.runs_here and not meeting.own_address(workspace).sockets:
        service.serve("link", partial(sharing.serve_opener, workspace))
        await meeting.until_live(workspace)
