"""The tools of MCP servers, to be called by hand: a server, what it has, a form, the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.mcp.offer_view import OfferView
from app.ui.mcp.offers import Offer, Offered, read_offers
from app.ui.panel import Panel
from app.ui.places import PanelPlace, Place
from app.ui.words import in_words

if TYPE_CHECKING:
    from app.agents.mcp.config import ServerConfig

_TITLES = {"tool": "Tools", "resource": "Resources", "prompt": "Prompts"}
_LIST_WIDTH = 240


class McpPanel(Panel):
    """The tab "MCP"; `PanelPlace("mcp", name of a server)` shows one. offered: what the server in front has."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setObjectName("settings")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.offered: Offered | None = None
        self._wanted = ""
        self._asking: Future[Any] | None = None
        self._asked = ""
        self.server, self.words = QComboBox(self), QLineEdit(self)
        self.state_label = QLabel(self)
        self.again, self.configure = QPushButton("Look again", self), QPushButton("Servers…", self)
        self.list = QListWidget(self)
        self.view = OfferView(desk, self)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        header = QFrame(self)
        header.setObjectName("header")
        row = QHBoxLayout(header)
        row.setContentsMargins(20, 8, 12, 8)
        row.setSpacing(8)
        self.server.setAccessibleName("MCP server")
        self.server.setMinimumWidth(_LIST_WIDTH - 28)
        self.state_label.setProperty("role", "muted")
        self.state_label.setTextFormat(Qt.TextFormat.PlainText)
        self.configure.setAccessibleName("Settings of MCP servers")
        for widget in (self.server, self.state_label, self.again, self.configure):
            row.addWidget(widget, 1 if widget is self.state_label else 0)
        self.words.setPlaceholderText("Find")
        self.words.setAccessibleName("Find in what the server has")
        self.words.setClearButtonEnabled(True)
        self.list.setObjectName("offers")
        self.list.setAccessibleName("What the server has")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        left = QWidget(self)
        column = QVBoxLayout(left)
        column.setContentsMargins(12, 12, 8, 0)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.list, 1)
        splitter = QSplitter(self)
        splitter.addWidget(left)
        splitter.addWidget(self.view)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        splitter.setSizes([_LIST_WIDTH, 3 * _LIST_WIDTH])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(header)
        layout.addWidget(splitter, 1)
        self.setFocusProxy(self.server)

    def _connect(self) -> None:
        self.server.activated.connect(lambda _row: self.look())
        self.again.clicked.connect(lambda _checked: self.look_again())
        self.configure.clicked.connect(lambda _checked: self.desk.go(PanelPlace("settings", "servers")))
        self.words.textChanged.connect(lambda _text: self._fill())
        self.list.currentItemChanged.connect(lambda item, _before: self._show_item(item))
        self.desk.requests.configured.connect(self._take_part)

    # for the window

    def go(self, place: Place) -> None:
        if isinstance(place, PanelPlace):
            self._wanted = place.section or self._wanted
            self._list_servers()

    def handlers(self) -> Mapping[str, Callable[[], object]]:
        return {"mcp.show": self.server.setFocus, "mcp.refresh": self.look_again}

    def state(self) -> dict[str, Any]:
        return {"server": self.server.currentText()}

    def restore(self, state: dict[str, Any]) -> None:
        self._wanted = str(state.get("server", ""))

    def show_workspace(self) -> None:
        self.offered = None
        if self.isVisible():
            self._list_servers()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._list_servers()

    # servers

    def _take_part(self, part: str) -> None:
        if part == "servers" and self.isVisible():
            self._list_servers()

    def _list_servers(self) -> None:
        desk = self.desk

        async def names() -> list[ServerConfig]:
            return await (await desk.turns.servers.pool()).registry.configured()

        desk.bridge.call(names(), while_alive(self, self._take_servers), while_alive(self, self._fail))

    def _take_servers(self, servers: Sequence[ServerConfig]) -> None:
        names = [server.name for server in servers]
        wanted = self._wanted if self._wanted in names else self.server.currentText()
        self._wanted = ""
        self.server.clear()
        self.server.addItems(names)
        if wanted in names:
            self.server.setCurrentIndex(names.index(wanted))
        if not names:
            self.offered = None
            self.state_label.setText("")
            self._fill()
            self.view.show_text("No MCP server was added yet. “Servers…” adds one, or imports those of other programs.")
        elif self.server.currentText() != self._shown():
            self.look()

    def _shown(self) -> str:
        """The server whose offers are shown, or on their way."""
        if self._asking is not None:
            return self._asked
        return self.offered.server if self.offered is not None else ""

    def look(self) -> None:
        """Connect to the chosen server, unless it is connected, and ask what it has."""
        desk, name = self.desk, self.server.currentText()
        if not name:
            return
        if self._asking is not None:
            self._asking.cancel()

        async def ask() -> Offered:
            return await read_offers(await (await desk.turns.servers.pool()).connection(name))

        self.offered, self._asked = None, name
        self._fill()
        self.view.show_text("")
        self.state_label.setText("Connecting…")
        self._asking = desk.bridge.call(
            ask(), while_alive(self, self._take_offers), while_alive(self, partial(self._fail_at, name))
        )

    def look_again(self) -> None:
        """Connect anew and ask what there is."""
        desk, name = self.desk, self.server.currentText()

        async def drop() -> None:
            await (await desk.turns.servers.pool()).drop(name)

        desk.bridge.call(drop(), while_alive(self, lambda _nothing: self.look()), while_alive(self, self._fail))

    def _take_offers(self, offered: Offered) -> None:
        self._asking = None
        self.offered = offered
        self.state_label.setText(offered.about)
        self._fill()
        if not offered.offers:
            self.view.show_text(f"{offered.server} has no tools, resources or prompts.")

    def _fail_at(self, name: str, error: BaseException) -> None:
        if name == self.server.currentText():
            self._asking = None
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.state_label.setText("")
        self.view.show_text(in_words(error), "failed")

    # what it has

    def _fill(self) -> None:
        """List what there is that has the words to find, by kind."""
        chosen = self._offer_of(self.list.currentItem())
        self.list.clear()
        words = self.words.text().casefold().split()
        offers = self.offered.offers if self.offered is not None else ()
        found = [one for one in offers if _has(one, words)]
        for kind, title in _TITLES.items():
            these = [one for one in found if one.kind == kind]
            if these and len({one.kind for one in found}) > 1:
                heading = QListWidgetItem(title, self.list)
                heading.setFlags(Qt.ItemFlag.NoItemFlags)
            for one in these:
                self._add(one)
        items = [self.list.item(row) for row in range(self.list.count())]
        usable = [item for item in items if self._offer_of(item) is not None]
        same = [item for item in usable if self._offer_of(item) == chosen]
        for item in (same or usable)[:1]:
            self.list.setCurrentItem(item)

    def _add(self, offer: Offer) -> None:
        item = QListWidgetItem(" ".join(offer.title.split())[:200] or offer.name, self.list)
        item.setData(Qt.ItemDataRole.UserRole, offer)
        item.setToolTip("")

    def _offer_of(self, item: QListWidgetItem | None) -> Offer | None:
        offer = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        return offer if isinstance(offer, Offer) else None

    def _show_item(self, item: QListWidgetItem | None) -> None:
        offer = self._offer_of(item)
        if offer is not None and self.offered is not None and offer is not self.view.offer:
            self.view.show_offer(self.offered.server, offer)


def _has(offer: Offer, words: Sequence[str]) -> bool:
    text = f"{offer.title} {offer.name} {offer.description}".casefold()
    return all(word in text for word in words)
