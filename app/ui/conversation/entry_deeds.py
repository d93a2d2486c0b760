"""What people do with entries of the conversation beside reading: follow what they lead to, fork, resend, erase."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QUrl
from PySide6.QtGui import QDesktopServices

from app.errors import UserError
from app.sessions import events as kinds
from app.sessions.links import SessionLink, is_link, parse_link
from app.sessions.moments import parse_moment
from app.sessions.redaction.replacing import PLACEHOLDER, UNNUMBERED
from app.ui.conversation.blocks import Opens
from app.ui.conversation.copying import Copying
from app.ui.conversation.follower import Follower
from app.ui.conversation.markdown import FILE_SCHEME, SECRET_SCHEME
from app.ui.conversation.row_menu import RowDeeds, row_menu, show_menu
from app.ui.desk import Desk
from app.ui.places import CommandPlace, FilePlace, LinkPlace, SessionPlace
from app.ui.words import one_line


class EntryDeeds:
    """Acts on the session that a follower shows."""

    def __init__(self, desk: Desk, follower: Follower) -> None:
        self._desk, self._follower = desk, follower
        self._resent: tuple[str, str] | None = None
        self.copying = Copying(desk, follower)

    def show_menu(self, row: int, place: QPoint) -> None:
        """The menu over an entry."""
        show_menu(row_menu(self._follower, self.row_deeds(), row, self._follower.view), place)

    def row_deeds(self) -> RowDeeds:
        """What the menu offers."""
        view, copying = self._follower.view, self.copying
        return RowDeeds(
            copying.row,
            copying.as_markdown,
            copying.turn,
            copying.link,
            view.open_elsewhere,
            view.fold,
            self.fork,
            self.resend,
            self.accept,
            self.ask_to_remember,
            self.ask_to_erase,
            self.show_secrets_of,
        )

    # Leading elsewhere

    def open_elsewhere(self, opens: Opens) -> None:
        """Ask the window for the panel that shows more."""
        session = self._follower.session
        if session is None:
            return
        match opens.what:
            case "file":
                self._desk.go(FilePlace(session, opens.path, opens.event))
            case "command":
                self._desk.go(CommandPlace(session, opens.event or ""))
            case "session":
                self._desk.go(SessionPlace(opens.path or "", opens.event))

    def follow_link(self, address: str) -> None:
        """Only addresses of the web and of mail go outside: a click must not start a program or a file of a message."""
        url = QUrl(address)
        if url.scheme() == FILE_SCHEME and self._follower.session is not None:
            self._desk.go(FilePlace(self._follower.session, url.path(QUrl.ComponentFormattingOption.FullyDecoded)))
        elif url.scheme() == SECRET_SCHEME:
            self.show_secrets(int(url.path()) if url.path().isdecimal() else None)
        elif is_link(address):
            self._follow_own_link(address)
        elif url.scheme() in ("http", "https", "mailto"):
            QDesktopServices.openUrl(url)

    def _follow_own_link(self, address: str) -> None:
        try:
            link = parse_link(address)
        except UserError as error:
            self._desk.report(error)
            return
        if isinstance(link, SessionLink):
            self._desk.go(SessionPlace(link.session, link.event))
        else:
            self._desk.go(LinkPlace(str(link)))

    def show_secrets(self, number: int | None = None) -> None:
        """Show what was kept out of the session; number: the one to look at first."""
        from app.ui.conversation.secrets_dialog import show_secrets

        session = self._follower.session
        if session is None:
            self._desk.say("Open a session first.")
        else:
            show_secrets(self._desk, session, number, self._follower.reread, self._follower.view)

    def ask_time(self) -> None:
        """Ask for a time and go to what was said then."""
        if self._follower.session is not None:
            self._desk.ask("Go to a time, such as 14:30, yesterday 9:00 or 24 Nov", "", self._go_to_time)

    def _go_to_time(self, text: str) -> None:
        session = self._follower.session
        if session is None or not text:
            return
        try:
            moment = parse_moment(text, self._desk.now())
        except UserError as error:
            self._desk.report(error)
            return
        self._desk.read(lambda queries: queries.event_at_time(session, moment), self._follower.jump)

    def show_secrets_of(self, row: int) -> None:
        """Show the secrets of an entry, the first one first."""
        event = self._follower.model.event_at(row)
        found = None if event is None else PLACEHOLDER.search(event.data.decode(errors="replace"))
        self.show_secrets(None if found is None else int(found[1]))

    # Changing

    def fork(self, row: int) -> None:
        """Go on from an entry in a new session."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        if session is not None and event is not None:
            self._desk.write(lambda operations: operations.fork(session, event.id), self._go)

    def accept(self, row: int) -> None:
        """Say what somebody has suggested, as this person's own prompt."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        if session is None or event is None or not isinstance(event.body, kinds.Suggestion):
            return
        # Others cannot name a secret of this person: their numbers are their own.
        text, turns = PLACEHOLDER.sub(UNNUMBERED, event.body.text), self._desk.turns

        async def run() -> None:
            row = await self._desk.workspace.read_async(lambda queries: queries.session(session))
            names = await turns.names()
            agent = row.agent if row.agent is not None and row.agent in names else names[0]
            await turns.prompt(session, agent, text, tools=True)

        self._desk.bridge.call(run(), failed=self._desk.report)

    def ask_to_remember(self, row: int) -> None:
        """Keep in the workspace's memory what a message says, in words that the person can change."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        if session is None or event is None or not isinstance(event.body, kinds.UserMessage | kinds.AgentMessage):
            return

        def remember(text: str) -> None:
            self._desk.write(
                lambda operations: operations.remember(text, session=session, event=event.id),
                lambda _fact: self._desk.say("Remembered"),
            )

        self._desk.ask("What to remember in this workspace", one_line(event.body.text), remember)

    def resend(self, row: int) -> None:
        """Say a prompt otherwise, in a new session that begins as this one up to there."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        if session is None or event is None or not isinstance(event.body, kinds.UserMessage):
            return
        text = event.body.text

        def made(fork: str) -> None:
            self._resent = (fork, text)
            self._go(fork)

        self._desk.write(lambda operations: operations.fork_before(session, event.id), made)

    def text_to_resend(self, session: str) -> str | None:
        """The prompt that is to be said otherwise in a session, once."""
        resent, self._resent = self._resent, None
        return resent[1] if resent is not None and resent[0] == session else None

    def ask_to_erase(self, row: int) -> None:
        """Erase an entry, after a question."""
        session, event = self._follower.session, self._follower.model.event_at(row)
        entry = self._follower.model.entry(row) if event is not None else None
        if session is None or entry is None:
            return
        events = [one.id for one in entry.group or (entry.event,)]

        def erase() -> None:
            self._desk.write(
                lambda operations: operations.erase(session, events), lambda _done: self._desk.say("Erased")
            )

        question = "Erase this entry for good? What it says leaves sessions, search and exports, and cannot come back."
        self._desk.offer(question, "Erase", erase)

    def _go(self, session: str) -> None:
        self._desk.go(SessionPlace(session))
