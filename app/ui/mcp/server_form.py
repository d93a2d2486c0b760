"""A form that describes an MCP server, and tries it out before it is kept."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.agents.mcp.typed import typed_address, typed_program
from app.errors import UserError
from app.ui.bridge import while_alive
from app.ui.desk import Desk
from app.ui.forms import Said, labelled, side_by_side
from app.ui.mcp.schema_form import JsonText
from app.ui.mcp.words import tried_words

if TYPE_CHECKING:
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.trying import TriedServer

_TOKENS = "What looks like a token is kept in this computer’s keyring."


class ServerForm(QWidget):
    """kept: the server's name; it can be used now."""

    kept = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.kind = QComboBox(self)
        self.kind.addItems(["A program on this computer", "An address"])
        self.command, self.folder, self.url, self.name = (QLineEdit(self) for _ in range(4))
        self.command.setPlaceholderText("npx -y @modelcontextprotocol/server-everything")
        self.folder.setPlaceholderText("The first folder of the workspace")
        self.url.setPlaceholderText("http://127.0.0.1:8000/mcp")
        self.variables, self.headers = JsonText(), JsonText()
        self.variables.setPlaceholderText("NAME=value, one a line")
        self.headers.setPlaceholderText("Authorization: Bearer …, one a line")
        self.said = Said(self)
        self.keep, self.test = QPushButton("&Add", self), QPushButton("&Test", self)
        self.keep.setProperty("primary", "true")
        self.test.setAccessibleDescription("Connect and ask what it has; nothing is kept")
        self._testing: Future[Any] | None = None
        self._arrange()
        self._show_kind(0)

    def _arrange(self) -> None:
        self._program = [
            labelled("&Command", self.command, "Program and arguments, as in a terminal."),
            labelled("&Variables", self.variables, _TOKENS),
            labelled("&Folder", self.folder),
        ]
        self._address = [labelled("A&ddress", self.url), labelled("&Headers", self.headers, "Kept in the keyring.")]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        for row in (labelled("K&ind", self.kind), *self._program, *self._address):
            layout.addWidget(row)
        layout.addWidget(labelled("&Name", self.name, "One that is taken is configured anew."))
        layout.addLayout(side_by_side(self.keep, self.test))
        layout.addWidget(self.said)
        self.kind.currentIndexChanged.connect(self._show_kind)
        self.keep.clicked.connect(lambda _checked: self.take())
        self.test.clicked.connect(lambda _checked: self._press_test())

    def config(self) -> ServerConfig:
        """The server as it is described. Raises UserError."""
        if self.kind.currentIndex() == 0:
            return typed_program(
                self.name.text(), self.command.text(), self.variables.toPlainText(), self.folder.text()
            )
        return typed_address(self.name.text(), self.url.text(), self.headers.toPlainText())

    def _show_kind(self, kind: int) -> None:
        for rows, shown in ((self._program, kind == 0), (self._address, kind == 1)):
            for row in rows:
                row.setVisible(shown)
        self.said.say("")

    def take(self) -> None:
        """Keep the server as it is described, or say in place why that cannot be."""
        config = self._described()
        if config is None:
            return
        desk = self.desk

        async def add() -> str:
            await (await desk.turns.servers.pool()).registry.add(config)
            return config.name

        def kept(name: str) -> None:
            for field in (self.command, self.url, self.folder, self.name, self.variables, self.headers):
                field.clear()
            self.said.say(f"{name} is added.", "done")
            desk.tell_configured("servers")
            self.kept.emit(name)

        desk.bridge.call(add(), while_alive(self, kept), while_alive(self, self.said.fail))

    def _described(self) -> ServerConfig | None:
        try:
            return self.config()
        except UserError as error:
            self.said.fail(error)
            return None

    def _press_test(self) -> None:
        if self._testing is not None:
            self._testing.cancel()
            self._end_test()
            self.said.say("Stopped.")
            return
        config = self._described()
        if config is None:
            return
        desk = self.desk

        async def ask() -> TriedServer:
            from app.agents.mcp.trying import try_server

            return await try_server(await desk.turns.servers.pool(), config)

        self.test.setText("Stop")
        self.said.say("Connecting…")
        self._testing = desk.bridge.call(ask(), while_alive(self, self._show), while_alive(self, self._fail))

    def _end_test(self) -> None:
        self._testing = None
        self.test.setText("&Test")

    def _show(self, tried: TriedServer) -> None:
        self._end_test()
        self.said.say(tried_words(tried), "done")

    def _fail(self, error: BaseException) -> None:
        self._end_test()
        self.said.fail(error)
