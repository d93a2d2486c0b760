"""The links that this device issued, as cards: what each is now, copying it, revoking it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.ages import ago, moment
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Said
from app.ui.peers.card import Card
from app.ui.peers.page import CardList
from app.ui.words import one_line

if TYPE_CHECKING:
    from app.sessions.link_views import LinkRow

KEPT = "Who has opened it keeps what they read, also after the link has ended."
_STATES = {
    "active": "Active",
    "expired": "Ended",
    "used": "Used, by the one device that may",
    "revoked": "Revoked",
    "deleted": "Not given now: the session is in the trash or erased",
}


class LinkCard(Card):
    """One link. titled: the session's title stands on it."""

    def __init__(self, links: LinkList, row: LinkRow, now: int, *, titled: bool) -> None:
        title = one_line(row.title) or "Untitled"
        state = _STATES[row.state]
        super().__init__(title if titled else state, f"Link to {title}, {state}, {row.id[:8]}", "", links)
        self.row, self._links = row, links
        self.add_line(" · ".join(link_facts(row, now, with_state=titled)))
        for trouble in row.troubles:
            self.add_line(trouble, "failed")
        if row.link and row.state == "active":
            self.copy = self.add_button("Copy", self._copy)
        if row.revoked is None:
            self.revoke = self.add_button("Revoke…", self._ask)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.row.link or "")
        self._links.desk.say("The link is copied.")

    def _ask(self) -> None:
        question = f"Revoke this link? Nobody gets anything by it any more, and its copies are deleted. {KEPT}"
        self.question.ask(question, "Revoke", lambda: self._links.revoke(self))


class LinkList(QWidget):
    """Links of one session, or of all (session ""); `look` reads them."""

    def __init__(self, desk: Desk, session: str, nothing: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk, self._session = desk, session
        self.list, self.said = CardList(), Said(self)
        self.nothing = Prose(nothing, self)
        self.nothing.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self.list.layout)
        layout.addWidget(self.nothing)
        layout.addWidget(self.said)

    @property
    def cards(self) -> list[LinkCard]:
        """Those that are shown."""
        return [card for card in self.list.cards if isinstance(card, LinkCard)]

    def look(self) -> None:
        """Read the links anew."""
        now = self.desk.now()
        self.desk.read(
            lambda queries: queries.links(now),
            while_alive(self, lambda rows: self._show(rows, now)),
            while_alive(self, self.said.fail),
        )

    def _show(self, rows: list[LinkRow], now: int) -> None:
        rows = [row for row in rows if self._session in ("", row.session)]
        titled = not self._session
        self.nothing.setVisible(not rows)
        facts = tuple((row.id, row.title, row.state, row.troubles, *link_facts(row, now)) for row in rows)
        self.list.show(facts, lambda place: LinkCard(self, rows[place], now, titled=titled))

    def revoke(self, card: LinkCard) -> None:
        """Give a link to nobody any more; the person said yes."""
        workspace, ident = self.desk.workspace, card.row.id

        async def revoke() -> list[str]:
            from app.network import sharing

            link = await workspace.read_async(lambda queries: queries.find_link(ident))
            return await sharing.revoke(workspace, link)

        def revoked(troubles: list[str]) -> None:
            rest = " ".join(f"A copy could not be deleted yet, and will be. {trouble}" for trouble in troubles)
            self.said.say(f"The link is revoked. {rest}".strip(), "failed" if troubles else "done")
            self.look()

        self.desk.bridge.call(revoke(), while_alive(self, revoked), while_alive(card, card.said.fail))


def link_facts(row: LinkRow, now: int, *, with_state: bool = True) -> list[str]:
    """What is to be known of a link, in pieces."""
    ended = row.expires is not None and row.expires <= now
    ends = "" if row.expires is None else f"{'ended' if ended else 'ends'} {moment(row.expires, now)}"
    used = "" if row.used is None else f"opened {ago(row.used, now)}"
    pieces = [
        _STATES[row.state] if with_state else "",
        f"made {ago(row.created, now)}",
        ends or "never ends",
        "one device, once" if row.once else "",
        used,
        f"at {', '.join(row.places)}" if row.places else "by this device",
    ]
    return [piece for piece in pieces if piece]
