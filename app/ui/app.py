"""Starts the window: one process per home, the store unlocked first, everything heavy imported later."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QInputDialog, QLineEdit

from app.ui import kept, motion
from app.ui.bridge import Bridge
from app.ui.conversation.lexing import Lexer
from app.ui.desk import Desk
from app.ui.first_run.greeting import greet, is_due
from app.ui.instance import SingleInstance
from app.ui.jobs import WindowJobs
from app.ui.network import WindowNetwork
from app.ui.opening import opening, while_shown
from app.ui.painted import once_painted
from app.ui.theme import CHOICES, Themes
from app.ui.turns import Agents, Turns
from app.ui.window import MainWindow

if TYPE_CHECKING:
    from app.ui.agents import LateAgents
    from app.workspace import Credentials, Progress, Workspace

LISTEN_MS = 1_000
"""So long after it is known to be the first it listens for later starts, also where it has to ask or tell something."""
AGENTS_MS = 5_000
"""So long after the window stands, the code of the agents is imported: the first prompt need not wait for it then."""
ICON = Path(__file__).resolve().parents[2] / "resources" / "icons" / "lovelace.svg"


def run_desktop(home: Path, credentials: Credentials, *, workspace: str | None = None, link: str | None = None) -> int:
    """Show the window of a home until it is closed; the exit code. A second start brings the first to the front.

    Raises what opening a workspace raises: LockedError, DamagedError, NotFound; without a terminal a small window
    says it first.
    """
    from app.workspace import Workspace, unlock_home

    application = _application()
    icon = QIcon(str(ICON))
    instance = SingleInstance(home)
    if not opening(lambda: _claim(instance, home, link), home, application, icon):
        return 0
    QTimer.singleShot(LISTEN_MS, instance, instance.listen)

    def open_home() -> Workspace:
        database = unlock_home(home, _asking(credentials))

        def start(progress: Progress) -> Workspace:
            return Workspace.start(database, workspace=workspace, cwd=_current_folder(), progress=progress)

        return while_shown(start, application, icon)

    try:
        opened = opening(open_home, home, application, icon)
        try:
            return _show(application, opened, instance, link)
        finally:
            opened.close()
    finally:
        instance.release()


def _claim(instance: SingleInstance, home: Path, link: str | None) -> bool:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return instance.claim([link] if link else [])


def make_desk(application: QApplication, workspace: Workspace, agents: Agents) -> Desk:
    """What the panels share. The caller stops its bridge."""
    choice = workspace.settings.get("window.theme", "system")
    bridge = Bridge()
    lexer = Lexer(bridge.compute, bridge)
    zoom = workspace.settings.get("window.zoom", 1.0)
    themes = Themes(application, choice if choice in CHOICES else "system", zoom if isinstance(zoom, float) else 1.0)
    motion.reduce_motion(application, bool(workspace.settings.get(f"window.{kept.REDUCED_MOTION}", False)))
    turns = Turns(workspace, agents, bridge.publish)
    network = WindowNetwork(workspace, bridge)
    turns.is_there = network.is_there
    return Desk(workspace, bridge, themes, lexer, turns, network, WindowJobs(workspace, bridge))


def _application() -> QApplication:
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(["lovelace"])
    application.setApplicationName("Lovelace")
    application.setApplicationDisplayName("Lovelace")
    application.setDesktopFileName("lovelace")
    return application


def _show(application: QApplication, workspace: Workspace, instance: SingleInstance, link: str | None) -> int:
    from app.ui.agents import LateAgents

    agents = LateAgents(workspace)
    desk = make_desk(application, workspace, agents)
    window = MainWindow(desk, QIcon(str(ICON)), ICON)
    QTimer.singleShot(AGENTS_MS, window, lambda: _begin_work(desk, agents))
    instance.arguments.connect(window.come_forward)
    window.closed.connect(application.quit)

    def load() -> None:
        window.load()
        desk.network.begin_later()
        instance.listen()
        gc.freeze()  # what was imported stays: collections need not look at it
        greet(desk, window.areas)
        if link is not None:
            window.open_link(link)

    with _reporting(window), _ending_on_signals(window):
        guided = is_due(desk)
        if not guided:
            once_painted(window, load)
        window.show()
        if guided:
            load()
        code = application.exec()
    desk.bridge.stop()
    return code


def _begin_work(desk: Desk, agents: LateAgents) -> None:
    """Import the agents, run what this person's other devices have left for this one, and have tasks go on."""
    desk.bridge.call(agents.registry())
    desk.jobs.begin()
    desk.bridge.call(_run_waiting(desk))


async def _run_waiting(desk: Desk) -> None:
    from app.background.headless import Headless
    from app.background.prompts import WaitingPrompts
    from app.background.rooms import Rooms
    from app.ui.left_prompts import LeftPrompts

    with closing(Rooms(desk.workspace)) as rooms:
        runs = LeftPrompts(desk.workspace, desk.turns, Headless(desk.workspace, rooms))
        await WaitingPrompts(desk.workspace, runs).run()


def _asking(credentials: Credentials) -> Credentials:
    """Credentials that can ask: on the terminal if there is one, else in a small window."""
    return credentials if credentials.prompt is not None else replace(credentials, prompt=_ask_passphrase)


def _ask_passphrase(question: str) -> bytes | None:
    text, given = QInputDialog.getText(None, "Lovelace", question, QLineEdit.EchoMode.Password)
    return text.encode() if given and text else None


def _current_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


@contextmanager
def _reporting(window: MainWindow) -> Iterator[None]:
    """An exception in a slot is shown in the window, which goes on."""

    def report(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        window.report(error)

    before, sys.excepthook = sys.excepthook, report
    try:
        yield
    finally:
        sys.excepthook = before


@contextmanager
def _ending_on_signals(window: MainWindow) -> Iterator[None]:
    """Ctrl+C in the terminal and SIGTERM close the window. Python runs signal handlers only between its own
    instructions; a socket wakes Qt's loop up for them. A signal may come before the loop turns: the window is closed
    by the loop, which could not be ended before it has begun."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    notifier = QSocketNotifier(reading.fileno(), QSocketNotifier.Type.Read)
    notifier.activated.connect(lambda: reading.recv(64))
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: QTimer.singleShot(0, window, window.close)) for number in numbers]
    wakeup = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        notifier.setEnabled(False)
        reading.close()
        writing.close()
