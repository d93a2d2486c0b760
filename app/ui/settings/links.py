"""Links: all that this device issued, also those whose session is gone, and revoking them."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.ui.desk import Desk
from app.ui.peers.links import LinkCard, LinkList
from app.ui.peers.page import PeerPage

_ABOUT = (
    "Links by which others read sessions of yours, made on this device. They are remembered here also when the session "
    "is gone. To make one: Share by Link, in the menu of a session."
)


class LinksPage(PeerPage):
    """links: the list with its cards."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, "Links", _ABOUT, parent)
        self.links = LinkList(desk, "", "No session was shared by a link yet.", self)
        self.add(self.links)

    @property
    def cards(self) -> list[LinkCard]:
        """Those that are shown."""
        return self.links.cards

    def shown(self) -> None:
        self.links.look()
