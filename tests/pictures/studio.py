"""The window in front of the camera."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from app.ui.agents import LateAgents
from app.ui.app import ICON, make_desk
from app.ui.first_run.greeting import greet
from app.ui.panels import PANELS
from app.ui.panels.mcp import McpPanel
from app.ui.places import PanelPlace, SearchPlace, SessionPlace
from app.ui.settings import PAGES
from app.ui.window import MainWindow
from app.workspace import Credentials, Workspace
from tests.pictures.story import fill

SIZE = (1440, 900)
QUIET_MS, PATIENCE_S = 400, 40.0
MCP_SERVER = Path(__file__).parents[1] / "helpers" / "mcp_server.py"


def _nothing() -> None:
    pass


class Studio:
    """A window over a made-up home, and ways to show each of its parts."""

    def __init__(self, application: QApplication, folder: Path) -> None:
        self._application = application
        self.workspace = Workspace.open(folder / "home", Credentials(passphrase=b"words"), name="Ada")
        self.workspace.settings.set("window.welcomed", True)
        self.session = ""
        self._undo: Callable[[], object] = _nothing
        self._prepare(folder)
        self.desk = make_desk(application, self.workspace, LateAgents(self.workspace))
        self.window = MainWindow(self.desk, QIcon(str(ICON)))
        self.window.resize(*SIZE)
        self.window.show()
        self.window.load()

    def _prepare(self, folder: Path) -> None:
        self.session = fill(self.workspace, folder / "mailbox")
        demo = {"name": "demo", "command": sys.executable, "args": [str(MCP_SERVER)], "cwd": str(MCP_SERVER.parent)}
        self.workspace.settings.set("mcp servers", [demo])

    def choose(self, theme: str) -> None:
        """Light or dark."""
        self.desk.themes.choose(theme)  # type: ignore[arg-type]

    def scenes(self) -> dict[str, Callable[[], object]]:
        """What there is to see, by name."""
        tools = [kind.id for kind in PANELS if kind.area == "right"]
        return {
            "session": lambda: self._show_session("end"),
            "session-top": lambda: self._show_session("top"),
            **{kind: lambda kind=kind: self._show_panel(kind) for kind in tools},
            "review": lambda: self._show_panel("review"),
            "mcp": self._show_mcp,
            "diff-split": self._show_split,
            "search": lambda: self.window.go(SearchPlace("retry")),
            "palette": self._open_palette,
            **{f"settings-{page}": lambda page=page: self._settings(page) for page in [kind.id for kind in PAGES]},
            "empty": self._show_nothing,
        }

    def settle(self) -> None:
        """Until everything asked for has arrived and been drawn."""
        loop = QEventLoop()
        QTimer.singleShot(QUIET_MS, loop.quit)
        loop.exec()

    def close(self) -> None:
        """End everything."""
        self.window.close()
        self.window.deleteLater()
        self.workspace.close()

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not done() and time.monotonic() < end:
            self._application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)

    def _show_session(self, where: str) -> None:
        window = self.window
        self._undo()
        self._undo = _nothing
        window.palette_box.close_palette()
        window.areas.set_shown("right", False)
        window.browser.go(SearchPlace(""))
        window.go(SessionPlace(self.session))
        self._until(lambda: window.session == self.session and window.conversation.model.is_complete)
        self.settle()
        view = window.conversation.view
        view.verticalScrollBar().setValue(0) if where == "top" else view.show_end()

    def _show_panel(self, kind: str) -> None:
        self._show_session("end")
        self.window.areas.set_shown("right", True)
        self.window.go(PanelPlace(kind))

    def _show_mcp(self) -> None:
        self._show_panel("mcp")
        panel = self.window.findChild(McpPanel)
        assert panel is not None
        self._until(lambda: panel.offered is not None)
        [item] = panel.list.findItems("paint", Qt.MatchFlag.MatchExactly)
        panel.list.setCurrentItem(item)
        form = panel.view.form
        assert form is not None
        form.controls["sizes"].setPlainText("[12, 16, 20]")  # type: ignore[attr-defined]
        panel.view.use()
        self._until(lambda: panel.view.called is not None)

    def _show_split(self) -> None:
        self._show_panel("diff")
        self.settle()
        split = self.window.actions_of["diff.split"]
        split.trigger()
        self._undo = split.trigger

    def _open_palette(self) -> None:
        self._show_session("end")
        self.window.palette_box.open("mail")

    def _settings(self, page: str) -> None:
        self.window.palette_box.close_palette()
        self.window.go(PanelPlace("settings", page))

    def _show_nothing(self) -> None:
        session = self.workspace.write(lambda operations: operations.create(title="Something new"))
        self.window.areas.set_shown("right", True)
        self.window.go(SessionPlace(session))


class Newcomer(Studio):
    """The window over an empty home, with the guide."""

    def _prepare(self, folder: Path) -> None:
        (folder / "work").mkdir(parents=True)
        self.workspace.use(self.workspace.write(lambda operations: operations.open_folder(folder / "work")))

    def scenes(self) -> dict[str, Callable[[], object]]:
        return {"guide": self._show_guide, "guide-agent": self._go_on, "nothing": self._leave}

    def _show_guide(self) -> None:
        self.workspace.settings.set("window.welcomed", False)
        self.guide = greet(self.desk, self.window.areas)

    def _go_on(self) -> None:
        if self.guide is not None:
            self.guide.next.click()

    def _leave(self) -> None:
        if self.guide is not None:
            self.guide.give_way()
