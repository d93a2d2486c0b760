"""Writing prompts: sending, drafts per session, earlier prompts, completions, references, attachments."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from app.sessions.events import AgentMessage, UserMessage
from app.ui.composer.field import open_word
from app.ui.composer.writing import commands_for, mentioned_files
from app.ui.dragging import SESSION_MIME
from tests.ui.running import Running


@pytest.mark.parametrize(
    ("before", "word"),
    [("@", "@"), ("see @src/pa", "@src/pa"), ("/arch", "/arch"), ("/", "/"), ("a@b", None), ("x /y", None), ("", None)],
)
def test_which_words_open_the_list(before: str, word: str | None) -> None:
    found = open_word(before)
    assert (found.text if found else None) == word


@given(st.text(max_size=60))
def test_any_text_before_the_caret(before: str) -> None:
    found = open_word(before)
    assert found is None or before.endswith(found.text)


def test_slash_commands_are_those_of_the_registry() -> None:
    assert commands_for("arch")[0].command == "session.archive"
    assert commands_for("new-session")[0].command == "session.new"
    assert commands_for("zzzzzz") == []


def test_mentioned_files_stay_inside_the_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "a.txt").write_text("x")
    (inside / "link").symlink_to(outside / "a.txt")
    text = "see @a.txt, @a.txt and @../out/a.txt @link @missing @ @/etc/passwd"
    assert mentioned_files(text, [inside]) == [str((inside / "a.txt").resolve())]


def ready(running: Running):  # type: ignore[no-untyped-def]
    composer = running.conversation.composer
    running.until(lambda: composer.agents.names)
    composer.field.setFocus()
    return composer


def test_without_a_session_the_prompt_begins_one(running: Running) -> None:
    ready(running)
    running.say("Begin here")
    running.until(lambda: running.conversation.session)
    running.until(lambda: running.texts()[:1] == ["Begin here"] and "You said: Begin here" in running.texts())
    running.until(lambda: not running.window._activity.running)
    assert len(running.events(running.conversation.session, "user_message")) == 1


def test_pressed_twice_is_sent_once(running: Running) -> None:
    composer = ready(running)
    composer.field.put("Once")
    composer.field.sent.emit()
    composer.field.sent.emit()
    running.until(lambda: running.conversation.session)
    running.until(lambda: not running.window._activity.running and "You said: Once" in running.texts())
    assert len(running.workspace.read(lambda queries: queries.sessions())) == 1


def test_drafts_belong_to_their_sessions_and_survive(running: Running) -> None:
    first, second = (running.write(title, UserMessage(text="x")) for title in "ab")
    running.open(first)
    composer = ready(running)
    QTest.keyClicks(composer.field, "not sent")
    running.open(second)
    running.until(lambda: composer.field.toPlainText() == "")
    running.until(lambda: running.desk.setting("prompts", {}).get(first) == "not sent")
    running.open(first)
    running.until(lambda: composer.field.toPlainText() == "not sent")
    running.say("")
    running.until(lambda: not running.window._activity.running)
    running.until(lambda: first not in running.desk.setting("prompts", {}))


def test_up_brings_back_earlier_prompts(running: Running) -> None:
    said = [body for text in ("one", "two") for body in (UserMessage(text=text), AgentMessage(text="ok"))]
    running.open(running.write("Past", *said))
    field = ready(running).field
    QTest.keyClick(field, Qt.Key.Key_Up)
    running.until(lambda: field.toPlainText() == "two")
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert field.toPlainText() == "one"
    QTest.keyClick(field, Qt.Key.Key_Up)
    assert field.toPlainText() == "one"
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Down)
    assert field.toPlainText() == ""


def test_up_in_a_text_that_is_being_written_moves_the_caret(running: Running) -> None:
    running.open(running.write("Past", UserMessage(text="one")))
    field = ready(running).field
    QTest.keyClicks(field, "draft")
    QTest.keyClick(field, Qt.Key.Key_Up)
    running.qtbot.wait(100)
    assert field.toPlainText() == "draft"


def test_at_offers_sessions_and_files(running: Running, tmp_path: Path) -> None:
    (tmp_path / "project" / "parser.py").write_text("x")
    other = running.write("Parser work", UserMessage(text="x"))
    running.open(running.write("Here", UserMessage(text="x")))
    composer, offered = ready(running), running.conversation.prompting.writing.completions
    QTest.keyClicks(composer.field, "see @pars")
    running.until(lambda: [one.label for one in offered._completions] == ["Parser work", "parser.py"])
    QTest.keyClick(composer.field, Qt.Key.Key_Return)
    assert composer.field.toPlainText() == f"see @{other} "
    QTest.keyClicks(composer.field, "@parser.p")
    running.until(lambda: [one.label for one in offered._completions] == ["parser.py"])
    QTest.keyClick(composer.field, Qt.Key.Key_Tab)
    assert composer.field.toPlainText() == f"see @{other} @parser.py "
    assert not offered.isVisible()


def test_escape_closes_the_list_and_stops_nothing(running: Running) -> None:
    composer, offered = ready(running), running.conversation.prompting.writing.completions
    QTest.keyClicks(composer.field, "/arch")
    assert offered.isVisible()
    QTest.keyClick(composer.field, Qt.Key.Key_Escape)
    assert not offered.isVisible()
    assert composer.field.toPlainText() == "/arch"


def test_slash_runs_a_command(running: Running) -> None:
    session = running.write("Old", UserMessage(text="x"))
    running.open(session)
    composer = ready(running)
    QTest.keyClicks(composer.field, "/archive")
    QTest.keyClick(composer.field, Qt.Key.Key_Return)
    running.until(lambda: running.window.browser.model.session(session) is None)
    assert composer.field.toPlainText() == ""


def test_a_slash_inside_a_text_is_text(running: Running) -> None:
    composer = ready(running)
    QTest.keyClicks(composer.field, "and/or /x")
    assert not running.conversation.prompting.writing.completions.isVisible()


def mime(*paths: Path) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return data


def test_files_are_dropped_shown_removed_and_sent(running: Running, tmp_path: Path) -> None:
    note, other = tmp_path / "note.txt", tmp_path / "other.bin"
    note.write_text("remember")
    other.write_bytes(b"\0\1")
    composer = ready(running)
    composer.field.insertFromMimeData(mime(note, other))
    running.until(lambda: [one.name for one in composer.attachments()] == ["note.txt", "other.bin"])
    assert composer.attached.isVisible()
    composer.attached._remove(composer.attachments()[1])
    composer.field.sent.emit()
    running.until(lambda: running.conversation.session)
    running.until(lambda: running.events(running.conversation.session, "agent_message"))
    [said] = running.events(running.conversation.session, "user_message")
    assert [ref.name for ref in said.attachments] == ["note.txt"]  # type: ignore[attr-defined]
    running.until(lambda: any("remember" in text for text in running.texts()))
    assert composer.attachments() == []


def test_a_mentioned_file_goes_with_the_prompt(running: Running, tmp_path: Path) -> None:
    (tmp_path / "project" / "notes.md").write_text("the words")
    composer = ready(running)
    running.until(lambda: running.conversation.prompting.writing._folders)
    running.say("Read @notes.md.")
    running.until(lambda: running.conversation.session)
    running.until(lambda: any("the words" in text for text in running.texts()))
    assert composer.field.toPlainText() == ""


def test_a_picture_is_pasted(running: Running) -> None:
    data = QMimeData()
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    image.fill(0)
    data.setImageData(image)
    composer = ready(running)
    composer.field.insertFromMimeData(data)
    assert [one.media_type for one in composer.attachments()] == ["image/png"]


def test_a_dragged_session_is_referred_to(running: Running) -> None:
    data = QMimeData()
    data.setData(SESSION_MIME, b"01M8A29BNZ5Q\nrm -rf\n01M8A29BNZ5R")
    composer = ready(running)
    composer.field.put("like")
    composer.field.insertFromMimeData(data)
    assert composer.field.toPlainText() == "like @01M8A29BNZ5Q @01M8A29BNZ5R "


def test_what_cannot_be_attached_is_said(running: Running, tmp_path: Path) -> None:
    composer = ready(running)
    composer.field.insertFromMimeData(mime(tmp_path))
    running.until(lambda: running.window.notice.isVisible())
    assert "not a file" in running.window.notice.text.text()
    assert composer.attachments() == []


def test_related_sessions_are_offered_for_a_first_prompt_and_referred_to(running: Running) -> None:
    other = running.write("Parser columns", UserMessage(text="The parser does not tell the column of errors"))
    composer = ready(running)
    composer.field.put("Why does the parser get the column wrong?")
    running.until(lambda: [button.text() for button in composer.related.buttons] == ["Parser columns"])
    assert composer.related.isVisible()
    composer.related.buttons[0].click()
    assert f"@{other}" in composer.field.toPlainText()
    running.until(lambda: not composer.related.isVisible())
    composer.field.put("Why does the parser get the column wrong?")
    running.until(lambda: composer.related.isVisible())
    running.open(running.write("Another"))
    composer.field.put("Why does the parser get the column wrong?")
    running.until(lambda: not composer.related.isVisible())
