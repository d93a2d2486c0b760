"""From the composer to the agent: which agents and tools there are to choose from, and sending what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.sessions.relinking import vanished_sentence
from app.ui import kept
from app.ui.bridge import while_alive
from app.ui.composer.composer import Composer
from app.ui.composer.writing import PromptWriting
from app.ui.desk import Desk
from app.ui.places import PanelPlace, SessionPlace

if TYPE_CHECKING:
    from app.agents.attaching import Attachment
    from app.sessions.views import SessionRow, WorkspaceRow


class Prompting(QObject):
    """Prompts the session that is shown, else a new one. sent: a prompt is on its way.

    writing: what serves the field while the person writes.
    """

    sent = Signal()

    def __init__(self, desk: Desk, composer: Composer, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._composer = desk, composer
        self.writing = PromptWriting(desk, composer, parent)
        self._session: SessionRow | None = None
        self._names: Sequence[str] = ()
        self._wants_tools = bool(desk.setting(kept.TOOLS, True))
        self._sending = False
        self._connect()
        self.show_none()
        self._read_agents("agents")

    def _connect(self) -> None:
        self._composer.submitted.connect(self.submit)
        self._composer.tools.clicked.connect(self._choose_tools)
        self._composer.agents.more_wanted.connect(lambda: self._desk.go(PanelPlace("settings", "agents")))
        self._composer.agent_chosen.connect(lambda name: self._desk.keep_setting(kept.AGENT, name))
        self.writing.command_wanted.connect(self._desk.command)
        self._desk.requests.configured.connect(self._read_agents)

    def show_session(self, session: SessionRow, folders: Sequence[Path]) -> None:
        """A session is shown, or is another now; folders: of its workspace."""
        another = self._session is None or self._session.id != session.id
        self._session = session
        self.writing.open(session.id, folders)
        self._set_tools(session.workspace_name, folders)
        if another:
            self._offer_agents()

    def show_none(self) -> None:
        """Without a session the prompt begins one: with the workspace's folders as they are."""
        self._session = None

        def arrive(row: WorkspaceRow) -> None:
            if self._session is None:
                folders = tuple(map(Path, row.folders))
                self.writing.open(None, folders)
                self._set_tools(row.name, folders)

        self._desk.read(lambda queries: queries.workspace_row(), while_alive(self, arrive))

    def submit(self, text: str) -> None:
        """Send a prompt: into the session that is shown, else into a new one. Twice pressed sends once."""
        if not self._sending:
            self._sending = True
            self.writing.with_mentioned(text, while_alive(self, lambda attached: self._send(text, attached)))

    # Choices

    def _read_agents(self, part: str) -> None:
        if part == "agents":
            self._desk.bridge.call(self._desk.turns.names(), while_alive(self, self._set_agents))

    def _set_agents(self, names: Sequence[str]) -> None:
        self._names = names
        self._offer_agents()

    def _offer_agents(self) -> None:
        """Choose the session's agent where it is configured here, else the one used last."""
        own = self._session.agent if self._session is not None else None
        self._composer.set_agents(self._names, own if own in self._names else self._desk.setting(kept.AGENT))

    def _set_tools(self, workspace: str, folders: Sequence[Path]) -> None:
        gone = vanished_sentence(workspace, folders)
        possible = bool(folders) and gone is None
        where = "this workspace's folder" if possible else gone or "Bind a folder first: lovelace workspace open DIR"
        self._composer.set_tools(possible=possible, wanted=self._wants_tools, where=where)

    def _choose_tools(self, wanted: bool) -> None:
        self._wants_tools = wanted
        self._desk.keep_setting(kept.TOOLS, wanted)

    # Sending

    def _send(self, text: str, attached: list[Attachment]) -> None:
        if self._session is not None:
            self._prompt(self._session.id, text, attached)
            return

        def made(identifier: str) -> None:
            self._prompt(identifier, text, attached)
            self._desk.go(SessionPlace(identifier))

        self._desk.write(
            lambda operations: operations.create(), while_alive(self, made), while_alive(self, self._not_sent)
        )

    def _not_sent(self, error: BaseException) -> None:
        self._sending = False
        self._desk.report(error)

    def _prompt(self, session: str, text: str, attached: list[Attachment]) -> None:
        tools, agent = self._composer.tools.isChecked(), self._composer.agents.current
        self._sending = False
        self.writing.sent(text)
        self.sent.emit()
        turn = self._desk.turns.prompt(session, agent, text, tools=tools, attached=attached)
        self._desk.bridge.call(turn, failed=self._desk.report)
