"""A virtual screen, and keyboard and mouse in front of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

NEEDED = ("Xvfb", "openbox", "xdotool")
PATIENCE_S = 40.0
_TAKE_PICTURE = """
import sys
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
sys.exit(not application.primaryScreen().grabWindow(0).save(sys.argv[1]))
"""


@dataclass
class Screen:
    """A virtual screen with a window manager."""

    display: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """Variables for what is started on it."""

    def environment(self) -> dict[str, str]:
        own = {"DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb", "LC_ALL": "C.UTF-8"}
        return {**os.environ, **own, **self.more}

    def start(self, *command: str, **how: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environment(), **how)  # type: ignore[call-overload]
        self.processes.append(process)
        return process  # type: ignore[no-any-return]

    def do(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self.environment(), capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout.strip()

    def titles(self) -> list[str]:
        """Of the program's visible windows."""
        return [
            self.do("getwindowname", number)
            for number in self.do("search", "--onlyvisible", "--class", "lovelace").split()
        ]

    def save_picture(self, path: Path) -> None:
        """Write what is on the screen as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", _TAKE_PICTURE, str(path)]
        subprocess.run(command, env=self.environment(), timeout=30, check=True)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextmanager
def virtual_screen() -> Iterator[Screen]:
    """A screen of its own, with a number that the X server chose."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x860x24", "-nolisten", "tcp"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as stream:
        number = stream.readline().strip()
    made = Screen(f":{number}", [server])
    try:
        made.start("openbox", stderr=subprocess.DEVNULL)
        yield made
    finally:
        made.close()


def until(done: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)
