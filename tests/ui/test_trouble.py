"""Sessions that cannot be opened: a sentence on the screen where no terminal would show it, and the same exit codes."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.errors import UserError
from app.ui import opening as door
from app.ui import trouble
from app.ui.opening import opening
from app.ui.theme import Themes
from app.ui.trouble import Trouble, advice
from sync.errors import DamagedError, LockedError, NewerDatabaseError
from sync.store import keyslots, making
from tests.helpers.accessibility import NEEDED
from tests.ui.on_screen import PASSPHRASE, make_home, program, seat

ERRORS = [LockedError("No key."), DamagedError("Bad."), NewerDatabaseError("New."), UserError("Held."), OSError("Full")]


@pytest.fixture
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)


def in_the_window(key: Qt.Key) -> None:
    """Press a key in the small window when it is there."""

    def press() -> None:
        window = QApplication.activeModalWidget()
        if window is None:
            QTimer.singleShot(10, press)
        else:
            QTest.keyClick(window.focusWidget() or window, key)

    QTimer.singleShot(0, press)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_window_says_why_and_what_to_do(qapp: QApplication, tmp_path: Path, error: Exception) -> None:
    window = Trouble(error, tmp_path, Themes(qapp, "light"), QIcon())
    window.show()
    assert str(error) in window.reason.text()
    assert window.advice.text() == advice(error, tmp_path) != ""
    assert window.focusWidget() is window.again
    assert window.height() >= window.layout().heightForWidth(window.width())  # nothing is cut
    window.deleteLater()


def test_a_locked_home_and_one_that_is_not_made_are_told_apart(tmp_path: Path) -> None:
    error = LockedError("No keyring.")
    assert "lovelace init" in advice(error, tmp_path)
    (tmp_path / "keyslots.json").write_text("{}")
    assert "passphrase" in advice(error, tmp_path) and "init" not in advice(error, tmp_path)


def test_trying_again_may_succeed(qapp: QApplication, tmp_path: Path, no_terminal: None) -> None:
    answers: list[Callable[[], str]] = [lambda: "open"]

    def open_home() -> str:
        if len(answers) == 1:
            answers.append(answers[0])
            raise LockedError("No key.")
        return answers[0]()

    in_the_window(Qt.Key.Key_Return)
    assert opening(open_home, tmp_path, qapp, QIcon()) == "open"


def test_giving_up_raises_what_went_wrong(qapp: QApplication, tmp_path: Path, no_terminal: None) -> None:
    def open_home() -> str:
        raise DamagedError("Bad.")

    in_the_window(Qt.Key.Key_Escape)
    with pytest.raises(DamagedError, match="Bad"):
        opening(open_home, tmp_path, qapp, QIcon())


def test_on_a_terminal_there_is_no_window(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_has_terminal", lambda: True)
    monkeypatch.setattr(trouble, "Trouble", None)

    def open_home() -> str:
        raise LockedError("No key.")

    with pytest.raises(LockedError):
        opening(open_home, tmp_path, qapp, QIcon())


def lock(folder: Path) -> None:
    (folder / "secret").write_text("other words\n")


def damage(folder: Path) -> None:
    path = folder / "home" / "lovelace.db"
    data = bytearray(path.read_bytes())
    for place in range(64, 4096, 7):
        data[place] ^= 0x55
    path.write_bytes(data)


def make_newer(folder: Path) -> None:
    home = folder / "home"
    database = making.finish_home(home, keyslots.unlock(home, passphrase=PASSPHRASE.encode()))
    connection = database.writer()
    try:
        connection.execute("UPDATE meta SET value=9999 WHERE name LIKE 'schema/%'")
    finally:
        connection.close()


@pytest.mark.skipif(any(shutil.which(name) is None for name in NEEDED), reason=f"needs {', '.join(NEEDED)}")
@pytest.mark.parametrize(
    ("spoil", "code", "word"),
    [(lock, 3, "passphrase"), (damage, 6, "Restore"), (make_newer, 1, "newer")],
    ids=["locked", "damaged", "newer"],
)
def test_a_start_by_icon_that_fails_is_seen(
    tmp_path: Path, spoil: Callable[[Path], None], code: int, word: str
) -> None:
    make_home(tmp_path, [])
    spoil(tmp_path)
    with seat(tmp_path) as person:
        process = person.start()
        person.wait("label", "Your sessions cannot be opened")
        person.wait("label", lambda text: word in text)
        assert person.find("push button", "Try Again") is not None
        person.press("Escape")
        assert process.wait(20) == code


def test_a_start_on_a_terminal_has_its_sentence_there(tmp_path: Path) -> None:
    make_home(tmp_path, [])
    lock(tmp_path)
    leader, follower = pty.openpty()
    environment = {**os.environ, "DISPLAY": ":none", "QT_QPA_PLATFORM": "offscreen"}
    try:
        done = subprocess.run(
            program(tmp_path, "desktop"), stdin=follower, env=environment, capture_output=True, timeout=60, check=False
        )
    finally:
        os.close(leader)
        os.close(follower)
    assert (done.returncode, b"passphrase" in done.stderr) == (3, True)
