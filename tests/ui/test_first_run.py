"""The guide for newcomers: by keyboard alone to a working chat, skipped at every step, and with all that goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from app.agents import offers
from app.agents.local import model_store
from app.ui.first_run.answering import AnsweringStep
from app.ui.first_run.greeting import greet, is_due
from app.ui.first_run.guide import FirstRun
from app.ui.first_run.name import NameStep
from app.ui.first_run.work import WorkStep
from app.ui.places import SessionPlace
from app.ui.window import MainWindow
from tests.helpers.model_server import ModelServer, Reply
from tests.helpers.tools import no_other_tools
from tests.ui.settings_home import SettingsRoom, serving

FIXTURE = Path(__file__).parents[1] / "fixtures" / "import" / "claude_code" / "representative_messages.jsonl"


@pytest.fixture
def here(here: SettingsRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SettingsRoom:
    monkeypatch.setattr(offers, "OLLAMA", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(model_store, "list_models", list)
    no_other_tools(monkeypatch, tmp_path)
    return here


class Shown:
    """The guide in a window of its own, and what came of it."""

    def __init__(self, here: SettingsRoom) -> None:
        self.here = here
        self.guide = FirstRun(here.desk)
        self.places = here.went
        self.finished: list[int] = []
        self.commands = here.commanded
        self.guide.finished.connect(lambda: self.finished.append(len(self.places)))
        here.show(self.guide)
        self.name, self.answering, self.work = self.guide.steps
        assert isinstance(self.name, NameStep)
        assert isinstance(self.answering, AnsweringStep)
        assert isinstance(self.work, WorkStep)
        here.qtbot.waitExposed(self.guide)
        self.guide.activateWindow()

    def press(self, widget: QWidget, key: Qt.Key = Qt.Key.Key_Return) -> None:
        QTest.keyClick(widget, key)

    def sessions(self) -> list[str]:
        return [row.id for row in self.here.workspace.read(lambda queries: queries.sessions())]


@pytest.fixture
def shown(here: SettingsRoom) -> Shown:
    return Shown(here)


def test_it_is_due_in_an_empty_home_once(here: SettingsRoom) -> None:
    assert is_due(here.desk)
    here.workspace.write(lambda operations: operations.create(title="x"))
    assert not is_due(here.desk)


def test_by_keyboard_to_a_new_session_with_a_server_that_answers(shown: Shown) -> None:
    here, guide = shown.here, shown.guide
    folder = here.folder / "project"
    folder.mkdir()
    assert shown.name.name.text() == "Ada" and str(here.workspace.home) in _words(shown.name)
    shown.name.name.clear()
    QTest.keyClicks(shown.name.name, "Ada Lovelace")
    shown.press(shown.name.name)
    here.until(lambda: guide.number == 1)
    assert here.setting("name") == "Ada Lovelace"
    with serving(ModelServer([Reply(text="ready")])) as server:
        shown.press(shown.answering.choices["openai-compatible"], Qt.Key.Key_Space)
        form = shown.answering.form
        QTest.keyClicks(form.url, server.url)
        form.url.editingFinished.emit()
        here.until(lambda: form.model.currentText() == "test")
        shown.press(form.test, Qt.Key.Key_Space)
        here.until(lambda: "answers “ready”" in form.said.text())
        shown.press(form.url)
        here.until(lambda: guide.number == 2)
    QTest.keyClicks(shown.work.folder, str(folder))
    shown.press(shown.work.folder)
    here.until(lambda: shown.commands)
    assert shown.finished == [0] and shown.commands == ["conversation.compose"]
    assert shown.places == [SessionPlace(shown.sessions()[0])]
    assert here.workspace.read(lambda queries: queries.folders()) == [folder]
    here.until(lambda: here.setting("window.welcomed") is True)
    assert not is_due(here.desk)
    agents = here.desk.bridge.call(here.desk.turns.agents.names()).result(10)
    assert agents[0] == "server"


def _words(widget: QWidget) -> str:
    from PySide6.QtWidgets import QLabel

    return " ".join(label.text() for label in widget.findChildren(QLabel))


def test_every_step_can_be_skipped(shown: Shown) -> None:
    shown.guide.skip.click()
    shown.guide.skip.click()
    assert shown.guide.number == 2 and not shown.guide.skip.isVisible()
    shown.guide.next.click()
    shown.here.until(lambda: shown.finished)
    assert shown.here.setting("name") == "Ada" and len(shown.sessions()) == 1


def test_all_can_be_skipped_and_twice_is_once(shown: Shown) -> None:
    shown.guide.leave.click()
    shown.guide.leave.click()
    shown.here.until(lambda: shown.finished)
    assert len(shown.sessions()) == 1 and len(shown.places) == 1


def test_back_and_an_empty_name(shown: Shown) -> None:
    shown.name.name.setText("   ")
    shown.guide.next.click()
    assert "Write a name" in shown.name.said.text() and shown.guide.number == 0
    shown.guide.skip.click()
    shown.guide.back.click()
    assert shown.guide.number == 0 and not shown.guide.back.isVisible()


def test_a_model_that_is_not_here_is_no_answer_yet(shown: Shown) -> None:
    shown.guide.skip.click()
    shown.here.until(lambda: "to be fetched" in shown.answering.choices["local"].text())
    assert shown.answering.local.model.fetch.isVisible() and not shown.answering.local.test.isVisible()
    shown.guide.next.click()
    assert "Fetch the model first" in shown.answering.said.text() and shown.guide.number == 1


def test_a_model_that_is_here_needs_nothing(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    file = model_store.ModelFile("q", here.folder, 1, "0" * 64, True)
    monkeypatch.setattr(model_store, "list_models", lambda: [file])
    shown = Shown(here)
    here.until(lambda: "recommended" in shown.answering.choices["local"].text())
    shown.guide.skip.click()
    shown.press(shown.answering.choices["local"])
    assert shown.guide.number == 2


def test_an_agent_that_cannot_be_kept_is_said_in_place(shown: Shown) -> None:
    shown.guide.skip.click()
    shown.answering.choices["openai-compatible"].click()
    shown.answering.form.url.setText("nonsense")
    shown.guide.next.click()
    shown.here.until(lambda: "is not a web address" in shown.answering.form.said.text())
    assert shown.guide.number == 1


def test_ollama_is_offered_where_it_runs(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(ModelServer()) as server:
        monkeypatch.setattr(offers, "OLLAMA", server.url)
        shown = Shown(here)
        shown.guide.skip.click()
        here.until(lambda: shown.answering.choices["ollama"].isVisible())
        assert "1 model" in shown.answering.choices["ollama"].text()
        shown.answering.choices["ollama"].click()
        config = shown.answering.form.config()
        assert (config.name, config.url, config.model) == ("ollama", server.url, "test")


def test_sessions_of_other_tools_come_along(here: SettingsRoom) -> None:
    place = here.folder / "claude" / "projects" / "-x"
    place.mkdir(parents=True)
    shutil.copy(FIXTURE, place / "a.jsonl")
    shown = Shown(here)
    offered: list[str] = []
    here.desk.requests.offered.connect(lambda text, _button, _action: offered.append(text))
    shown.guide.skip.click()
    shown.guide.skip.click()
    here.until(lambda: shown.work.bring.isVisible())
    assert "1 of Claude Code" in shown.work.found_words.text() and shown.work.bring.isChecked()
    shown.guide.next.click()
    here.until(lambda: offered)
    assert offered[0].startswith("Imported 1 file: ")
    assert len(shown.sessions()) > 1


def test_a_folder_that_is_not_there_is_said_in_place(shown: Shown) -> None:
    shown.guide.skip.click()
    shown.guide.skip.click()
    shown.here.until(lambda: "No sessions" in shown.work.found_words.text())
    shown.work.folder.setText(str(shown.here.folder / "nowhere"))
    shown.guide.next.click()
    assert "There is no folder" in shown.work.said.text() and not shown.finished


# in the window


@pytest.fixture
def window(here: SettingsRoom) -> MainWindow:
    window = MainWindow(here.desk, QIcon())
    here.show(window)
    window.load()
    return window


def test_the_window_shows_it_until_it_is_over(here: SettingsRoom, window: MainWindow) -> None:
    guide = greet(here.desk, window.areas)
    assert guide is not None and guide.isVisible() and not window.areas.isVisible()
    guide.leave.click()
    here.until(lambda: window.areas.isVisible() and window.session)
    here.until(lambda: window.conversation.composer.field is window.focusWidget())
    here.until(lambda: here.setting("window.welcomed"))
    assert greet(here.desk, window.areas) is None


@pytest.mark.parametrize("command", ["window.settings", "session.new"])
def test_it_gives_way_to_where_the_person_goes(here: SettingsRoom, window: MainWindow, command: str) -> None:
    guide = greet(here.desk, window.areas)
    assert guide is not None
    window.actions_of[command].trigger()
    here.until(window.areas.isVisible)
    here.until(lambda: here.setting("window.welcomed"))
    assert len(here.workspace.read(lambda queries: queries.sessions())) == (command == "session.new")


def test_the_list_knows_the_new_name(here: SettingsRoom, window: MainWindow) -> None:
    guide = greet(here.desk, window.areas)
    assert guide is not None
    name = guide.steps[0]
    assert isinstance(name, NameStep)
    name.name.setText("Grace")
    guide.next.click()
    here.until(lambda: guide.number == 1)
    assert here.desk.me == "Grace" and window.browser.model._me == "Grace"
