"""One window per home, also after the first was killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.ui.instance import SingleInstance

LATER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.ui.instance import SingleInstance
application = QCoreApplication([])
instance = SingleInstance(Path(sys.argv[1]))
first = instance.claim(sys.argv[2:])
print("first" if first else "handed over", flush=True)
if first:
    sys.stdin.read()
"""


def later(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LATER, str(home), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def first(qapp: QApplication, tmp_path: Path):  # type: ignore[no-untyped-def]
    instance = SingleInstance(tmp_path)
    assert instance.claim([])
    instance.listen()
    yield instance
    instance.release()


def test_later_starts_hand_their_arguments_over(first: SingleInstance, qtbot: QtBot, tmp_path: Path) -> None:
    got: list[list[str]] = []
    first.arguments.connect(got.append)
    starts = [later(tmp_path, "lovelace:x", f"ü {number}\nline") for number in range(3)]
    qtbot.waitUntil(lambda: len(got) == 3, timeout=20_000)
    assert [start.communicate(timeout=20)[0] for start in starts] == ["handed over\n"] * 3
    assert sorted(got) == [["lovelace:x", f"ü {number}\nline"] for number in range(3)]


def test_a_start_waits_for_the_first_to_listen(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> None:
    instance = SingleInstance(tmp_path)
    assert instance.claim([])
    got: list[list[str]] = []
    instance.arguments.connect(got.append)
    start = later(tmp_path, "lovelace:x")
    qtbot.wait(1_000)
    assert start.poll() is None
    instance.listen()
    qtbot.waitUntil(lambda: got == [["lovelace:x"]], timeout=20_000)
    assert start.communicate(timeout=20)[0] == "handed over\n"
    instance.release()


def test_one_that_is_let_go_while_a_later_start_leaves_is_freed_once(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    for number in range(3):
        instance = SingleInstance(tmp_path)
        assert instance.claim([])
        instance.listen()
        got: list[list[str]] = []
        instance.arguments.connect(got.append)
        start = later(tmp_path, str(number))
        qtbot.waitUntil(lambda g=got: bool(g), timeout=20_000)
        assert start.communicate(timeout=20)[0] == "handed over\n"
        instance.release()
        del instance
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_another_home_has_a_window_of_its_own(first: SingleInstance, qapp: QApplication, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = SingleInstance(tmp_path / "other")
    assert other.claim([])
    other.release()


def test_a_killed_window_is_taken_over(qapp: QApplication, tmp_path: Path) -> None:
    killed = later(tmp_path)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "first\n"
    killed.kill()
    killed.communicate(timeout=20)
    instance = SingleInstance(tmp_path)
    assert instance.claim([])
    instance.release()


def test_garbage_from_outside_is_ignored(first: SingleInstance, qtbot: QtBot) -> None:
    from PySide6.QtNetwork import QLocalSocket

    got: list[list[str]] = []
    first.arguments.connect(got.append)
    for garbage in (b"not json\n", b'{"a": 1}\n', b"[1, 2]\n", b"x" * 200_000, b"\xff\xfe\n"):
        socket = QLocalSocket()
        socket.connectToServer(first._name)
        assert socket.waitForConnected(1000)
        socket.write(garbage)
        socket.waitForBytesWritten(1000)
        qtbot.wait(30)
        socket.abort()
    assert got == []
