"""Importing in the window: what is found, looked at, brought in, stopped, followed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent

from app.ui.following import is_following
from app.ui.import_job import running_import, start_import
from app.ui.settings.importing import ImportPage
from tests.app.importers.foreign import Opencode, opencode_schema, writing
from tests.app.importers.transcripts import Talk
from tests.helpers.tools import no_other_tools
from tests.ui.settings_home import SettingsRoom

FIXTURES = Path(__file__).parents[1] / "fixtures" / "import"


@pytest.fixture
def here(here: SettingsRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingsRoom:
    no_other_tools(monkeypatch, tmp_path)
    place = tmp_path / "claude" / "projects" / "-x"
    place.mkdir(parents=True)
    shutil.copy(FIXTURES / "claude_code" / "edge_cases.jsonl", place / "a.jsonl")
    return here


def open_page(here: SettingsRoom) -> ImportPage:
    page = here.page("import", ImportPage)
    here.until(lambda: page.cards)
    return page


def sessions(here: SettingsRoom) -> int:
    return len(here.workspace.read(lambda queries: queries.sessions()))


def test_look_first_changes_nothing_then_import(here: SettingsRoom) -> None:
    page = open_page(here)
    assert [card.place for card in page.cards] == [here.folder / "claude" / "projects"]
    transcript = here.folder / "claude" / "projects" / "-x" / "a.jsonl"
    transcript.write_text(transcript.read_text() + "{not json\n")
    page.look.click()
    here.until(lambda: "would come" in page.said.text())
    told = page.cards[0].said.text()
    assert "1 of Claude Code" in told and "new sessions" in told and "passed over" in told
    assert sessions(here) == 0 and page.run.isEnabled()
    page.run.click()
    here.until(lambda: page.said.property("role") == "done")
    count = sessions(here)
    assert count > 0 and f"{count:,} new" in page.said.text() and "passed over" in page.said.text()
    here.until(lambda: here.offered and running_import(here.desk) is None)
    page.run.click()
    here.until(lambda: "0 new" in page.said.text())
    assert sessions(here) == count


def test_what_is_dropped_is_a_place_and_a_place_can_be_left_out(here: SettingsRoom) -> None:
    page = open_page(here)
    dropped = FIXTURES / "codex" / "tool_calls.jsonl"
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(dropped)), QUrl("https://example.com/x")])
    buttons, held = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    page.dropEvent(QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, held))
    assert [card.place for card in page.cards][1:] == [dropped]
    page.leave_out(page.cards[0].place)
    page.look.click()
    here.until(lambda: "1 of Codex" in page.cards[0].said.text())
    page.leave_out(dropped)
    assert not page.run.isEnabled() and page.nothing.isVisible()


def test_a_place_without_sessions_or_gone_is_said_beside_it(here: SettingsRoom) -> None:
    page = open_page(here)
    strange = here.folder / "strange.txt"
    strange.write_bytes(b"\x00\xff" * 5_000)
    page.add_places([strange, here.folder / "gone"])
    page.run.click()
    here.until(lambda: page.said.property("role") == "done")
    assert "No sessions were recognised" in page.cards[1].said.text()
    assert "cannot be read" in page.cards[2].said.text()
    assert sessions(here) > 0


def test_a_damaged_export_is_said(here: SettingsRoom) -> None:
    page = open_page(here)
    export = here.folder / "export.json"
    export.write_text('{"format": "lovelace-sessions", "version": 1, "sessions": [{"id": 7}')
    page.leave_out(page.cards[0].place)
    page.add_places([export])
    page.look.click()
    here.until(lambda: page.cards[0].said.property("role") == "failed")


def test_by_folder_makes_a_workspace_for_each(here: SettingsRoom) -> None:
    page = open_page(here)
    page.by_folder.click()
    before = len(here.workspace.read(lambda queries: queries.workspaces()))
    page.run.click()
    here.until(lambda: page.said.property("role") == "done")
    assert len(here.workspace.read(lambda queries: queries.workspaces())) > before


def long_transcript(here: SettingsRoom, prompts: int) -> Path:
    talk = Talk("long")
    for number in range(prompts):
        talk.prompt(f"p{number}", "word " * 200)
        talk.answer(f"a{number}")
    path = here.folder / "long.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in talk.records))
    return path


def test_an_import_is_stopped_and_others_write_meanwhile(here: SettingsRoom) -> None:
    from app.commands.importing import find

    found = find([long_transcript(here, 12_000)])
    failed: list[object] = []
    page = open_page(here)
    job = start_import(here.desk, found)
    job.failed.connect(failed.append)
    page.shown()
    assert page.working.isVisible() and not page.run.isEnabled()
    here.until(lambda: page.working.bar.value() > 0)
    written: list[str] = []
    here.desk.write(lambda operations: operations.create(title="meanwhile"), written.append)
    here.until(lambda: written)
    assert running_import(here.desk) is not None
    page.working.stop.click()
    here.until(lambda: failed)
    assert "Stopped" in page.said.text() and page.run.isEnabled() and not page.working.isVisible()
    events = here.workspace.read(lambda queries: queries.sessions())
    assert 0 < max(row.events for row in events) < 24_000


def test_following_brings_what_is_written_until_it_is_turned_off(here: SettingsRoom) -> None:
    page = open_page(here)
    here.until(lambda: page.tools)
    assert list(page.tools) == ["claude"] and not page.tools["claude"].isChecked()
    assert page.tools["claude"].accessibleName() == "Follow Claude Code"
    page.tools["claude"].click()
    here.until(lambda: is_following(here.desk) and sessions(here) > 0)
    before = sessions(here)
    talk = Talk("later")
    talk.prompt("p1")
    talk.answer("a1")
    path = here.folder / "claude" / "projects" / "-x" / "b.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in talk.records))
    here.until(lambda: sessions(here) > before)
    assert here.setting("window.follow") == ["claude"]
    page.tools["claude"].click()
    here.until(lambda: not is_following(here.desk) and here.setting("window.follow") is None)


def test_each_tool_that_is_here_has_a_switch_of_its_own(here: SettingsRoom) -> None:
    database = here.folder / "data" / "opencode" / "opencode.db"
    database.parent.mkdir(parents=True)
    with writing(database) as connection:
        opencode_schema(connection)
        tool = Opencode(connection)
        page = open_page(here)
        here.until(lambda: page.tools)
        assert list(page.tools) == ["claude", "opencode"]
        page.tools["opencode"].click()
        here.until(lambda: is_following(here.desk))
        tool.session("ses_1")
        prompt = tool.prompt("ses_1", "one")
        here.until(lambda: sessions(here) == 1)
        page.tools["claude"].click()
        here.until(lambda: sessions(here) > 1 and is_following(here.desk))
        tool.answer("ses_1", prompt, "two")
        page.tools["claude"].click()
        here.until(lambda: here.setting("window.follow") == ["opencode"])
        page.tools["opencode"].click()
        here.until(lambda: here.setting("window.follow") is None and not is_following(here.desk))


def test_the_one_switch_of_earlier_versions_means_all(here: SettingsRoom) -> None:
    here.desk.keep_setting("follow", True)
    here.until(lambda: here.setting("window.follow") is True)
    page = open_page(here)
    here.until(lambda: page.tools)
    assert page.tools["claude"].isChecked()
