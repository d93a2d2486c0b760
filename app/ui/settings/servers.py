"""MCP servers: programs and addresses whose tools people and agents use."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Prose, Question, Said, refill
from app.ui.mcp.import_list import ImportList
from app.ui.mcp.server_form import ServerForm
from app.ui.mcp.words import tried_words
from app.ui.places import PanelPlace
from app.ui.settings.page import Page

if TYPE_CHECKING:
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.trying import TriedServer

Row = tuple["ServerConfig", bool]
"""A server, and whether it is connected now."""


class ServerCard(QFrame):
    """One server, with what can be done about it."""

    def __init__(self, page: ServersPage, config: ServerConfig, connected: bool) -> None:
        super().__init__(page)
        self.config = config
        self._page = page
        name = config.name
        self.setObjectName("card")
        self.setAccessibleName(f"MCP server {name}" + (", connected" if connected else ""))
        title = QLabel(name, self)
        title.setTextFormat(Qt.TextFormat.PlainText)
        title.setProperty("role", "title")
        state = QLabel("connected" if connected else "", self)
        state.setProperty("role", "done")
        self.use, self.test, self.remove = (self._button(word, name) for word in ("Use tools…", "Test", "Remove"))
        self.agents = QCheckBox("Agents may use it", self)
        self.agents.setAccessibleName(f"Agents may use {name}")
        self.agents.setChecked(config.agents)
        self.said, self.question = Said(self), Question(self)
        upper = QHBoxLayout()
        upper.setSpacing(8)
        for widget in (title, state):
            upper.addWidget(widget)
        upper.addStretch()
        for button in (self.use, self.test, self.remove):
            upper.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 10, 12)
        layout.setSpacing(6)
        layout.addLayout(upper)
        for part in (Prose(_detail(config), self), self.agents, self.said, self.question):
            layout.addWidget(part)
        self.use.clicked.connect(lambda _checked: page.desk.go(PanelPlace("mcp", name)))
        self.test.clicked.connect(lambda _checked: self._test())
        self.remove.clicked.connect(lambda _checked: self._ask_to_remove())
        self.agents.clicked.connect(lambda allowed: page.let_agents(name, allowed))

    def _button(self, word: str, name: str) -> QPushButton:
        button = QPushButton(word, self)
        button.setAccessibleName(f"{word.removesuffix('…')} {name}")
        return button

    def _test(self) -> None:
        desk, name = self._page.desk, self.config.name

        async def ask() -> TriedServer:
            from app.agents.mcp.trying import try_server

            pool = await desk.turns.servers.pool()
            return await try_server(pool, await pool.registry.complete(name))

        def settle(say: partial[None]) -> None:
            self.test.setEnabled(True)
            say()

        self.test.setEnabled(False)
        self.said.say("Connecting…")
        desk.bridge.call(
            ask(),
            while_alive(self, lambda tried: settle(partial(self.said.say, tried_words(tried), "done"))),
            while_alive(self, lambda error: settle(partial(self.said.fail, error))),
        )

    def _ask_to_remove(self) -> None:
        name = self.config.name
        self.question.ask(f"Forget {name}? Sessions stay.", "Forget", lambda: self._page.remove_server(name))


class ServersPage(Page):
    """cards: one for each server, oldest first."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(
            desk,
            "MCP servers",
            "Tools from elsewhere, for you and for agents. A program runs with your rights, outside the agents’ "
            "sandbox; every call is recorded.",
            parent,
        )
        self.cards: list[ServerCard] = []
        self._rows: list[Row] | None = None
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.nothing, self.said = Prose("No server was added yet.", self), Said(self)
        self.form, self.imports = ServerForm(desk, self), ImportList(desk, self)
        self.add(self._list, self.nothing, self.said)
        self.part("Add a server")
        self.add(self.form)
        self.part(
            "Import", "Servers that Claude Desktop, Claude Code, VS Code or Cursor know. Their files stay as they are."
        )
        self.add(self.imports)
        desk.requests.configured.connect(self._take_part)

    def shown(self) -> None:
        desk = self.desk

        async def look() -> list[Row]:
            pool = await desk.turns.servers.pool()
            return [(config, pool.is_open(config.name)) for config in await pool.registry.configured()]

        desk.bridge.call(look(), while_alive(self, self._show), while_alive(self, self.said.fail))
        self.imports.look()

    def _take_part(self, part: str) -> None:
        if part == "servers":
            self.shown()

    def _show(self, rows: list[Row]) -> None:
        if rows == self._rows:
            return
        self._rows = rows
        self.nothing.setVisible(not rows)
        self.cards = [ServerCard(self, config, connected) for config, connected in rows]
        refill(self._list, self.cards)

    def let_agents(self, name: str, allowed: bool) -> None:
        """Give a server's tools to agents, or not."""
        desk = self.desk

        async def let() -> None:
            await (await desk.turns.servers.pool()).registry.let_agents(name, allowed)

        def changed(_nothing: None) -> None:
            desk.tell_configured("servers")

        desk.bridge.call(let(), while_alive(self, changed), while_alive(self, self.said.fail))

    def remove_server(self, name: str) -> None:
        """Forget a server, and end it where it runs."""
        desk = self.desk

        async def remove() -> None:
            pool = await desk.turns.servers.pool()
            await pool.registry.remove(name)
            await pool.drop(name)

        def removed(_nothing: None) -> None:
            self.said.say(f"{name} is forgotten.")
            desk.tell_configured("servers")

        desk.bridge.call(remove(), while_alive(self, removed), while_alive(self, self.said.fail))


def _detail(config: ServerConfig) -> str:
    """Where it is, and what goes with it, in a line."""
    named = [*config.env, *config.headers]
    secret = any(value is None for value in (*config.env.values(), *config.headers.values(), *config.args))
    kept = "secrets in the keyring" if secret or "‹secret›" in (config.url or "") else ""
    return " · ".join(part for part in (config.where(), ", ".join(named), kept) if part)
