"""The program on a virtual screen, over a home with an agent that plays a script; read as a screen reader reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jeepney import DBusErrorResponse

from app.workspace import Credentials, Workspace
from tests.helpers.accessibility import Node, Reader, session_bus
from tests.helpers.screen import Screen, until, virtual_screen

PASSPHRASE = "words"


def opened(folder: Path) -> Workspace:
    """The home below a folder, as another process of the same person opens it."""
    credentials = Credentials(passphrase=PASSPHRASE.encode())
    return Workspace.open(folder / "home", credentials, name="Ana", cwd=folder / "project")


def make_home(folder: Path, script: Sequence[Any]) -> None:
    """A home whose person knows the window, and whose agent plays a script in a bound folder."""
    (folder / "project").mkdir()
    (folder / "secret").write_text(f"{PASSPHRASE}\n")
    (folder / "script.json").write_text(json.dumps(script))
    workspace = opened(folder)
    agent = {"name": "demo", "kind": "scripted", "script": str(folder / "script.json")}
    try:
        workspace.settings.set("agents", [agent])
        workspace.settings.set("window.welcomed", True)
        workspace.write(lambda operations: operations.switch(operations.open_folder(folder / "project")))
    finally:
        workspace.close()


def program(folder: Path, *words: str) -> list[str]:
    """The command of the program in this home."""
    options = ["--home", str(folder / "home"), "--passphrase-file", str(folder / "secret")]
    return [sys.executable, "-m", "app", *options, *words]


def wait_for_window(screen: Screen) -> None:
    """Until the window is there and has the keyboard."""
    until(lambda: screen.do("search", "--onlyvisible", "--name", "Lovelace"), "the window")
    screen.do("search", "--onlyvisible", "--name", "Lovelace", "windowactivate", "--sync")


@dataclass
class Seat:
    """A person in front of the screen: the keyboard, and what is read aloud."""

    screen: Screen
    folder: Path
    reader: Reader

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the program; the window has the keyboard."""
        process = self.screen.start(*program(self.folder, "desktop", *words), stdin=subprocess.DEVNULL)
        wait_for_window(self.screen)
        until(self.window, "the window is read aloud")
        return process

    def window(self) -> Node | None:
        """The program's window."""
        for application in self.reader.applications():
            try:
                if application.name == "Lovelace" and application.count:
                    return application.child(0)
            except DBusErrorResponse:  # it has just gone
                continue
        return None

    def find(self, role: str, name: Any = "") -> Node | None:
        """Something shown in the window."""
        try:
            window = self.window()
            return window.find(role, name) if window is not None else None
        except DBusErrorResponse:  # it changed while it was read
            return None

    def wait(self, role: str, name: Any = "") -> Node:
        """Something that is shown sooner or later."""
        found: list[Node] = []

        def seen() -> bool:
            node = self.find(role, name)
            found.extend([node] if node is not None else [])
            return node is not None

        until(seen, f"{role} {name!r}")
        return found[-1]

    def press(self, *keys: str) -> None:
        self.screen.do("key", "--delay", "30", *keys)

    def type(self, text: str) -> None:
        self.screen.do("type", "--delay", "12", text)


@contextmanager
def seat(folder: Path) -> Iterator[Seat]:
    """A screen, a session bus and a screen reader."""
    with session_bus() as bus, virtual_screen() as screen:
        more = {"DBUS_SESSION_BUS_ADDRESS": bus, "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"}
        screen.more = more
        reader = Reader(bus)
        try:
            yield Seat(screen, folder, reader)
        finally:
            reader.close()
