"""What is not on this device yet: said where it is missing, fetched by a button, shown when it has come."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QBuffer, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.sessions.events import Command, CommandResult, Draft, FileChange, UserMessage
from app.ui.panels.diff import DiffPanel
from app.ui.panels.terminal import TerminalPanel
from app.ui.payload_bar import Lack, PayloadBar
from app.ui.places import PanelPlace
from tests.helpers.lost_payloads import bring_payload, lose_payloads
from tests.ui.running import Running

LONG = "A long story. " * 600


def picture() -> bytes:
    image = QImage(640, 480, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.darkCyan)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def fetches(running: Running) -> list[tuple[str, str]]:
    found = running.workspace.read(lambda queries: queries.fetches())
    return [(one.blob, one.problem) for one in found]


@pytest.fixture
def session(running: Running) -> str:
    """One that was written here, with a long message and a picture."""
    made = running.workspace.write(lambda operations: operations.create(title="Story"))
    ref = running.workspace.write(
        lambda operations: operations.put_blob(picture(), name="harbour.png", media_type="image/png")
    )
    drafts = [
        Draft(body=UserMessage(text=LONG), time=1),
        Draft(body=UserMessage(text="See", attachments=(ref,)), time=2),
    ]
    running.workspace.write(lambda operations: operations.append(made, drafts))
    return made


def shown_bar(running: Running, bar: PayloadBar) -> None:
    running.until(lambda: bar.isVisible() and bar.words.text())


def test_nothing_is_said_where_all_is_here(running: Running, session: str) -> None:
    running.open(session)
    bar = running.conversation.payloads
    bar.refresh()
    running.until(lambda: not bar._soon.isActive())
    assert not bar.isVisible()


def test_what_is_missing_is_said_fetched_and_shown(running: Running, session: str) -> None:
    contents = lose_payloads(running.workspace, session)
    running.open(session)
    panel = running.conversation
    bar = panel.payloads
    shown_bar(running, bar)
    assert bar.words.text().startswith("2 payloads of what is shown here are not on this device yet (")
    assert bar.button.text() == "Fetch" and bar.button.accessibleName().startswith("Fetch ")
    assert "not on this device yet (8.4 KB)" in (panel.model.text(0) or "")

    bar.button.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(bar.button, Qt.Key.Key_Space)
    running.until(lambda: bar.button.text() == "Cancel")
    assert sorted(blob for blob, _ in fetches(running)) == sorted(contents)
    assert bar.words.text().startswith("Fetching: 0 B of ") and bar.progress.isVisible()

    first, second = contents.items()
    bring_payload(running.workspace, *first, 0, len(first[1]) // 2)
    running.until(lambda: bar.progress.value() > 0)
    bring_payload(running.workspace, *first, len(first[1]) // 2)
    bring_payload(running.workspace, *second)
    running.until(lambda: not bar.isVisible())
    running.until(lambda: LONG[:40] in (panel.model.text(0) or ""))
    assert panel.model.missing_rows() == []


def test_what_nobody_has_is_said_and_can_be_tried_again(running: Running, session: str) -> None:
    contents = lose_payloads(running.workspace, session)
    running.open(session)
    bar = running.conversation.payloads
    shown_bar(running, bar)
    bar.button.click()
    running.until(lambda: bar.button.text() == "Cancel")
    for blob in contents:
        running.workspace.write(lambda operations, blob=blob: operations.fail_fetch(blob, "Nobody is there."))
    running.until(lambda: bar.button.text() == "Try again")
    assert bar.words.text().endswith("Nobody is there.") and not bar.progress.isVisible()
    bar.button.click()
    running.until(lambda: bar.button.text() == "Cancel")
    bar.button.click()
    running.until(lambda: bar.button.text() == "Fetch" and fetches(running) == [])


def test_the_terminal_shows_output_when_it_has_come(running: Running) -> None:
    session = running.workspace.write(lambda operations: operations.create(title="Build"))
    bodies = (Command(call_id="c", command="make", cwd=""), CommandResult(call_id="c", stdout="line\n" * 2000))
    drafts = [Draft(body=body, time=1, turn="t") for body in bodies]
    running.workspace.write(lambda operations: operations.append(session, drafts))
    contents = lose_payloads(running.workspace, session)
    running.open(session)
    running.window.go(PanelPlace("terminal"))
    panel = running.window.areas.show_kind("terminal")
    assert isinstance(panel, TerminalPanel)
    shown_bar(running, panel.payloads)
    for blob, content in contents.items():
        bring_payload(running.workspace, blob, content)
    running.until(lambda: len(panel.output.lines) >= 2000)
    running.until(lambda: not panel.payloads.isVisible())


def test_the_diff_says_what_contents_are_missing(running: Running, tmp_path: Path) -> None:
    session = running.workspace.write(lambda operations: operations.create(title="Edit"))
    before, after = (
        running.workspace.write(lambda operations, text=text: operations.put_blob(text))
        for text in (b"one\n", b"two\n")
    )
    diff = "--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n-one\n+two\n"
    body = FileChange(path="x.txt", diff=diff, added=1, removed=1, before=before, after=after)
    running.workspace.write(lambda operations: operations.append(session, [Draft(body=body, time=1)]))
    contents = lose_payloads(running.workspace, session)
    running.open(session)
    running.window.go(PanelPlace("diff"))
    panel = running.window.areas.show_kind("diff")
    assert isinstance(panel, DiffPanel)
    shown_bar(running, panel.payloads)
    assert "2 payloads" in panel.payloads.words.text()
    for blob, content in contents.items():
        bring_payload(running.workspace, blob, content)
    running.until(lambda: not panel.payloads.isVisible())


def test_words_of_one_and_of_many() -> None:
    assert Lack({"a": 12_000_000}).words == ("A payload of what is shown here is not on this device yet (12 MB).")
    assert Lack({"a": 1, "b": 1}).words.startswith("2 payloads of what is shown here are not")
