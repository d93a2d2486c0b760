"""The page "Review" by itself on a real home: weeks, links, hostile words, copies and exports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.commands.window import COMMANDS
from app.sessions.events import Command, CommandResult, Draft, FileChange, ToolCall, UserMessage
from app.ui.ages import DAY, week_start, week_words
from app.ui.desk import Desk
from app.ui.panels.review import ReviewPanel
from app.ui.places import CommandPlace, SessionPlace
from app.ui.review.html import place_of
from app.workspace import Workspace
from tests.ui.running import Room, open_home, open_room

HOSTILE = "<img src='file:///etc/passwd'> <b>[x](y)</b> \u202e"


class Shown(Room):
    """A page."""

    def __init__(self, qtbot: QtBot, workspace: Workspace, desk: Desk, folder: Path) -> None:
        super().__init__(qtbot, workspace, desk, folder)
        self.panel = ReviewPanel(desk)
        self.panel.resize(760, 700)
        self.shown.append(self.panel)

    def write_week(self, title: str, weeks: int = 0) -> str:
        at = week_start(self.desk.now(), weeks)

        def add(operations) -> str:  # type: ignore[no-untyped-def]
            session: str = operations.create(title=title)
            drafts = [
                Draft(body=UserMessage(text=f"Please: {title}"), time=at, turn="t"),
                Draft(body=ToolCall(call_id="c", name="bash"), time=at + 1, turn="t", agent="claude"),
                Draft(body=Command(call_id="c", command="make all"), time=at + 1, turn="t", agent="claude"),
                Draft(body=CommandResult(call_id="c", exit_code=2), time=at + 9, turn="t", agent="claude"),
                Draft(body=FileChange(path="src/a.py", added=3), time=at + 9, turn="t", agent="claude"),
            ]
            operations.append(session, drafts)
            return session

        return self.desk.workspace.write(add)

    def shows(self, text: str) -> None:
        self.until(lambda: text in self.panel.view.toPlainText())


@pytest.fixture
def shown(qtbot: QtBot, tmp_path: Path) -> Iterator[Shown]:
    with open_room(Shown, qtbot, open_home(tmp_path / "home"), tmp_path) as made:
        yield made
        made.panel._stop()


def test_weeks_one_by_one(shown: Shown) -> None:
    shown.write_week("Mine", 0)
    shown.write_week("Older", 1)
    shown.panel.show()
    shown.shows("Please: Mine")
    text = shown.panel.view.toPlainText()
    assert "claude" in text and "1 failed" in text and "make all" in text and "+3" in text and "Older" not in text
    assert (shown.panel.title.text(), shown.panel.after.isEnabled()) == ("This week", False)
    shown.panel.before.click()
    shown.shows("Please: Older")
    assert shown.panel.title.text() == "Last week"
    shown.panel.before.click()
    shown.shows("Nothing happened")
    shown.panel.after.click()
    shown.shows("Please: Older")


def test_links_lead_to_sessions_and_commands(shown: Shown) -> None:
    session = shown.write_week("Mine")
    shown.panel.show()
    shown.shows("Please: Mine")
    links = [part.split("'")[0] for part in shown.panel.view.toHtml().replace('"', "'").split("href='")[1:]]
    for link in links:
        shown.panel.view.anchorClicked.emit(QUrl(link))
    assert [type(place) for place in shown.went] == [SessionPlace, CommandPlace]
    assert {place.session for place in shown.went} == {session}  # type: ignore[union-attr]
    assert place_of("file:///etc/passwd") is None


def test_words_of_others_are_only_words(shown: Shown) -> None:
    shown.write_week(HOSTILE)
    shown.panel.show()
    shown.shows("<b>[x](y)</b>")
    assert "<img" not in shown.panel.view.toHtml()
    shown.panel.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "<img" not in copied.replace("\\<", "") and "\\[x\\](y)" in copied


def test_it_is_copied_and_written(shown: Shown, tmp_path: Path) -> None:
    session = shown.write_week("Mine")
    shown.panel.show()
    shown.shows("Please: Mine")
    shown.panel.handlers()["review.copy"]()
    text = QGuiApplication.clipboard().text()
    assert text.startswith("# Review: This week\n\n## claude\n") and f"lovelace://session/{session}" in text
    shown.panel.write(tmp_path / "out.md")
    shown.until(lambda: shown.offered)
    assert (tmp_path / "out.md").read_text() == text
    shown.panel.write(tmp_path / "missing" / "out.md")
    shown.until(lambda: shown.failed and "cannot be written" in str(shown.failed[0]))


def test_what_happens_now_comes_in(shown: Shown) -> None:
    shown.panel._soon.setInterval(10)
    shown.panel.show()
    shown.shows("Nothing happened")
    session = shown.write_week("New")
    shown.panel.refresh(frozenset({session}))
    shown.shows("Please: New")
    for theme in ("dark", "light"):
        shown.desk.themes.choose(theme)  # type: ignore[arg-type]
        shown.panel.grab()


def test_every_command_is_here(shown: Shown) -> None:
    assert {c.id for c in COMMANDS if c.panel == "review"} == set(shown.panel.handlers())


def test_weeks_begin_on_mondays_and_have_names() -> None:
    now = int(datetime(2026, 3, 4, 12).timestamp() * 1000)
    for ago in range(60):
        start = datetime.fromtimestamp(week_start(now, ago) / 1000)
        assert (start.weekday(), start.hour) == (0, 0)
        assert week_start(week_start(now, ago)) == week_start(now, ago)
    assert week_words(week_start(now), now) == "This week"
    assert week_words(week_start(now, 1), now) == "Last week"
    assert week_words(week_start(now, 2), now) == "16 – 22 Feb"
    assert week_words(week_start(now, 5), now) == "26 Jan – 1 Feb"
    assert week_words(week_start(now - 365 * DAY), now) == "3 – 9 Mar 2025"
