"""The settings: sections, appearance, agents. What is changed is in force at once, and kept."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QListWidget, QTableView, QWidget

from app.agents.local import model_store
from app.ui import agent_form
from app.ui.editors import editor_arguments, editor_problem
from app.ui.forms import Question
from app.ui.panels.settings import SettingsPanel
from app.ui.settings import PAGES
from app.ui.settings.agents import AgentCard, AgentsPage
from app.ui.settings.appearance import AppearancePage
from app.ui.settings.page import Page
from tests.helpers.external_agents import external_command
from tests.helpers.model_server import ModelServer, Reply
from tests.ui.settings_home import SettingsRoom, serving

_FIELDS = (QAbstractButton, QLineEdit, QComboBox, QListWidget, QTableView)


# the frame


def test_sections_are_chosen_by_keys_and_remembered(here: SettingsRoom) -> None:
    panel = SettingsPanel(here.desk)
    here.show(panel)
    assert list(panel.pages) == ["agents"]
    QTest.keyClick(panel.sections, Qt.Key.Key_Down)
    assert panel.section == "servers"
    for _ in range(3):
        QTest.keyClick(panel.sections, Qt.Key.Key_Down)
    assert panel.section == "appearance" and isinstance(panel.stack.currentWidget().widget(), AppearancePage)  # type: ignore[attr-defined]
    other = SettingsPanel(here.desk)
    here.show(other)
    other.restore(panel.state())
    assert other.section == "appearance"
    other.restore({"section": 7})
    other.restore({})
    assert other.section == "appearance"


@pytest.mark.parametrize("section", [kind.id for kind in PAGES])
def test_everything_has_a_name_and_can_be_reached(here: SettingsRoom, section: str) -> None:
    page = here.page(section, Page)
    fields = [w for w in page.findChildren(QWidget) if isinstance(w, _FIELDS) and not isinstance(w.parent(), _FIELDS)]
    assert fields or section == "links"  # nothing was shared yet
    nameless = [type(w).__name__ for w in fields if not _name(w)]
    unreachable = [_name(w) for w in fields if w.isVisible() and not w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert nameless == [] and unreachable == []


def _name(widget: QWidget) -> str:
    return widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")


# appearance


def test_theme_and_text_size_take_effect_at_once_and_are_kept(here: SettingsRoom) -> None:
    page = here.page("appearance", AppearancePage)
    page.choices["dark"].click()
    assert here.desk.themes.theme.dark
    page.zoom.setCurrentIndex(page.zoom.findText("150 %"))
    page.zoom.activated.emit(page.zoom.currentIndex())
    assert here.desk.themes.zoom == 1.5
    page.motion.click()
    here.until(lambda: here.setting("window.reduced_motion") is True)
    assert QApplication.cursorFlashTime() == 0
    page.motion.click()
    assert QApplication.cursorFlashTime() > 0
    assert (here.setting("window.theme"), here.setting("window.zoom")) == ("dark", 1.5)
    page.choices["light"].click()
    assert not here.desk.themes.theme.dark
    here.desk.themes.set_zoom(1.0)
    assert page.zoom.currentText() == "100 %"


def test_an_editor_that_cannot_be_is_said_in_place(here: SettingsRoom) -> None:
    page = here.page("appearance", AppearancePage)
    page.editor.setFocus()
    page.editor.setCurrentText("no-such-program {path}")
    page.editor.lineEdit().editingFinished.emit()  # type: ignore[union-attr]
    assert "no-such-program" in page.editor_said.text()
    page.editor.setCurrentText("sh {path}")
    page.editor.lineEdit().editingFinished.emit()  # type: ignore[union-attr]
    here.until(lambda: here.setting("window.editor") == "sh {path}")
    assert page.editor_said.text() == ""


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("code --goto {path}:{line}", ["code", "--goto", "/a b.py:7"]),
        ("'my editor' -x", ["my editor", "-x", "/a b.py"]),
        ("vi +{line}", ["vi", "+7", "/a b.py"]),
    ],
)
def test_the_arguments_of_an_editor(command: str, arguments: list[str]) -> None:
    assert editor_arguments(command, "/a b.py", 7) == arguments
    assert editor_arguments("vi {path}", "/{line}") == ["vi", "/{line}"]


def test_the_problems_of_an_editor() -> None:
    assert editor_problem("") == "" and editor_problem("sh") == ""
    assert "does not close" in editor_problem("sh 'x")


# agents


def agents_page(here: SettingsRoom) -> AgentsPage:
    page = here.page("agents", AgentsPage)
    here.until(lambda: page.cards)
    return page


def card(page: AgentsPage, name: str) -> AgentCard:
    return next(card for card in page.cards if card.row.config.name == name)


def names(page: AgentsPage) -> list[str]:
    return [card.row.config.name for card in page.cards]


def test_a_server_is_added_tried_made_default_and_forgotten(here: SettingsRoom) -> None:
    page, form = (found := agents_page(here)), found.form
    with serving(ModelServer([Reply(text="ready")], key="secret")) as server:
        form.url.setText(server.url)
        form.key.setText("secret")
        form.key.editingFinished.emit()
        here.until(lambda: form.model.currentText() == "test")
        form.test.click()
        here.until(lambda: "answers “ready” after" in form.said.text())
        assert here.ring.kept == {}
        form.keep.click()
        here.until(lambda: "server" in names(page))
        assert here.ring.kept == {("lovelace", "agent:server"): "secret"}
        assert form.key.text() == "" and form.name.text() == "server-2" and here.configured == ["agents"]
        assert "key in the keyring" in card(page, "server").row.detail()
        card(page, "server").test.click()
        here.until(lambda: "answers “ready”" in card(page, "server").said.text())
    assert names(page)[0] == "server"
    card(page, "local").default.click()
    here.until(lambda: names(page)[0] == "local")
    assert here.setting("window.agent") == "local"
    card(page, "server").remove.click()
    assert card(page, "server").question.no.hasFocus() or not QGuiApplication.focusWindow()
    card(page, "server").question.no.click()
    card(page, "server").remove.click()
    card(page, "server").question.yes.click()
    here.until(lambda: names(page) == ["local", "scripted"])
    assert here.ring.kept == {}


def test_an_installed_agent_is_found_tried_and_added(
    here: SettingsRoom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    choices = {"currentModelId": "small", "availableModels": [{"modelId": "big"}, {"modelId": "small"}]}
    command = external_command(
        tmp_path, {"turns": [[{"say": "ready"}]], "new": {"sessionId": "s1", "models": choices}}
    )  # fmt: skip
    program = programs / "opencode"
    program.write_text(f'#!/bin/sh\n[ "$1" = acp ] && exec {shlex.join(command)}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin")
    form = (page := agents_page(here)).form
    form.choose("acp")
    here.until(lambda: form.command.currentText() == "opencode acp")
    assert form.name.text() == "opencode" and "Found on this computer: opencode." in form.said.text()
    assert not form.key.isVisible() and not form.url.isVisible()
    form.test.click()
    here.until(lambda: "answers “ready” after" in form.said.text())
    assert [form.model.itemText(n) for n in range(form.model.count())] == ["small", "big"]
    assert form.model.currentText() == ""
    form.keep.click()
    here.until(lambda: "opencode" in names(page))
    assert card(page, "opencode").row.detail() == "opencode acp"
    assert here.ring.kept == {}


def test_a_command_that_is_no_agent_is_said_in_place(here: SettingsRoom) -> None:
    form = agents_page(here).form
    form.choose("acp")
    form.command.setEditText("")
    form.keep.click()
    here.until(lambda: "needs a command" in form.said.text())
    form.command.setEditText("no-such-agent 'x")
    form.test.click()
    here.until(lambda: "there is no such program" in form.said.text())


def test_a_refused_key_is_said_in_place_and_nothing_is_kept(here: SettingsRoom) -> None:
    page, form = (found := agents_page(here)), found.form
    with serving(ModelServer(key="secret")) as server:
        form.url.setText(server.url)
        form.key.setText("wrong")
        form.key.editingFinished.emit()
        here.until(lambda: "refused the key" in form.said.text())
        form.model.setEditText("test")
        form.test.click()
        here.until(lambda: "the key is missing or wrong" in form.said.text())
    assert form.said.property("role") == "failed" and names(page) == ["local", "scripted"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "nonsense", "http://127.0.0.1:99999"])
def test_an_address_that_is_none_is_said_in_place(here: SettingsRoom, url: str) -> None:
    form = agents_page(here).form
    form.url.setText(url)
    form.model.setEditText("m")
    form.test.click()
    here.until(lambda: form.said.property("role") == "failed")
    assert "cannot reach" in form.said.text() or "is not a web address" in form.said.text()
    assert form.test.text() == "&Test"


def test_a_server_that_hangs_is_given_up_or_stopped(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_form, "TEST_SECONDS", 0.5)
    form = agents_page(here).form
    with serving(ModelServer([Reply(text="half ", fault="hangs")])) as server:
        form.url.setText(server.url)
        form.model.setEditText("test")
        form.test.click()
        here.until(lambda: "did not answer within 0.5 seconds" in form.said.text())
        monkeypatch.setattr(agent_form, "TEST_SECONDS", 60)
        form.test.click()
        assert form.test.text() == "Stop"
        form.test.click()
        assert form.said.text() == "Stopped." and form.test.text() == "&Test"


def test_a_panel_that_is_closed_while_it_waits_hears_nothing(here: SettingsRoom) -> None:
    panel = SettingsPanel(here.desk)
    here.show(panel)
    page = panel.pages["agents"]
    assert isinstance(page, AgentsPage)
    with serving(ModelServer([Reply(text="ready", pause=0.2)])) as server:
        page.form.url.setText(server.url)
        page.form.model.setEditText("test")
        page.form.test.click()
        testing = page.form._testing
        assert testing is not None
        panel.deleteLater()
        here.until(testing.done)
        answers: list[int] = []
        here.desk.bridge.compute(lambda: 1, answers.append)
        here.until(lambda: answers)


def test_a_script_is_an_agent(here: SettingsRoom) -> None:
    page, form = (found := agents_page(here)), found.form
    form.choose("scripted")
    form.keep.click()
    here.until(lambda: "needs a script" in form.said.text())
    script = here.folder / "script.json"
    script.write_text(json.dumps([[{"say": "ready"}]]))
    form.script.setText(str(script))
    form.keep.click()
    here.until(lambda: "script" in names(page))


def test_titles_can_be_turned_off(here: SettingsRoom) -> None:
    page = agents_page(here)
    assert page.titles.isChecked()
    page.titles.click()
    here.until(lambda: here.setting("titles") is False)
    page.titles.click()
    here.until(lambda: here.setting("titles") is None)


def test_the_embedded_model_is_fetched_with_progress(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def fetch(_model: object, progress) -> Path:  # type: ignore[no-untyped-def]
        for done in range(1, 40):
            asked.append(done)
            progress(done * 10**8, 4 * 10**9)
            here.ring.gate = None
            if done == 2 and len(asked) < 30:
                while True:
                    progress(2 * 10**8, 4 * 10**9)
        return here.folder

    monkeypatch.setattr(model_store, "ensure", fetch)
    monkeypatch.setattr(model_store, "list_models", list)
    page = agents_page(here)
    here.until(lambda: page.model.fetch.isVisible())
    page.model.fetch.click()
    here.until(lambda: page.model.working.word.text() == "0.20 of 4.00 GB")
    page.model.working.stop.click()
    here.until(lambda: "Stopped" in page.model.said.text() and page.model.fetch.isVisible())
    asked.extend(range(30))
    page.model.fetch.click()
    here.until(lambda: page.model.said.text() == "The model is here and checked.")


def test_the_keyboard_stays_where_it_was_when_the_list_changes(here: SettingsRoom) -> None:
    page = agents_page(here)
    page.activateWindow()
    card(page, "local").test.setFocus()
    card(page, "scripted").default.click()
    here.until(lambda: names(page)[0] == "scripted")
    assert card(page, "local").test is page.window().focusWidget()


def test_escape_answers_a_question_with_no(here: SettingsRoom) -> None:
    question, answers = Question(), list[int]()
    here.show(question)
    question.ask("Sure?", "Yes", lambda: answers.append(1))
    QTest.keyClick(question.no, Qt.Key.Key_Escape)
    assert question.isHidden() and answers == []
    question.ask("Sure?", "Yes", lambda: answers.append(1))
    QTest.keyClick(question.yes, Qt.Key.Key_Space)
    assert question.isHidden() and answers == [1]
