"""The panel of MCP tools: a server, what it has, a form from the schema, calls, and questions of the server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QListWidgetItem

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.consent import Elicitation
from app.agents.registry import AgentConfig
from app.sessions.events import AgentMessage, PermissionRequest, ToolCall, ToolResult
from app.ui.mcp.asked import Asked, AskedView, WindowConsent
from app.ui.mcp.schema_form import NOT_GIVEN, JsonText, SchemaForm
from app.ui.panels.mcp import McpPanel
from app.ui.places import PanelPlace, SessionPlace
from tests.app.agents.mcp.support import DEMO, hostile
from tests.ui.settings_home import SettingsRoom


def panel_of(here: SettingsRoom, *configs: ServerConfig) -> McpPanel:
    """The panel, with these servers configured."""

    async def add() -> None:
        await (await here.desk.turns.servers.pool()).registry.add(*configs)

    here.desk.bridge.call(add()).result(10)
    panel = McpPanel(here.desk)
    here.show(panel)
    return panel


def names(panel: McpPanel) -> list[str]:
    return [panel.list.item(row).text() for row in range(panel.list.count())]


def choose(panel: McpPanel, name: str) -> None:
    [item] = panel.list.findItems(name, Qt.MatchFlag.MatchExactly)
    panel.list.setCurrentItem(item)


def bodies(here: SettingsRoom, session: str) -> list[Any]:
    return [event.body for event in here.workspace.read(lambda queries: list(queries.iterate(session)))][1:]


def test_a_tool_is_called_through_a_form_and_recorded(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    assert panel.state_label.text().startswith("Demo 1.2 · protocol")
    assert names(panel)[:2] == ["Tools", "Say it back"]
    assert "Resources" in names(panel) and "review" in names(panel)
    choose(panel, "add")
    view = panel.view
    assert view.form is not None
    view.form.controls["a"].setText("2")  # type: ignore[attr-defined]
    view.run.click()
    assert view.said.text() == "B is missing."
    view.form.controls["b"].setText("3")  # type: ignore[attr-defined]
    view.run.click()
    here.until(lambda: view.called and not view.is_busy)
    assert view.result.toPlainText() == "5"
    assert view.said.text().startswith("Done in")
    assert view.called is not None
    call, result = bodies(here, view.called.session)
    assert isinstance(call, ToolCall) and call.input == {"a": 2, "b": 3}
    assert isinstance(result, ToolResult) and result.output == "5"
    view.show_event.click()
    assert here.went == [SessionPlace(view.called.session, view.called.event)]


def test_errors_are_shown_and_the_panel_goes_on(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    choose(panel, "die")
    panel.view.run.click()
    here.until(lambda: panel.view.called)
    assert "ended with exit code 3. It last said: “out of memory”" in panel.view.said.text()
    choose(panel, "fail")
    assert panel.view.form is not None
    panel.view.form.controls["why"].setText("no")  # type: ignore[attr-defined]
    panel.view.called = None
    panel.view.run.click()
    here.until(lambda: panel.view.called)
    assert panel.view.said.text().startswith("It reports an error")


def test_a_call_is_stopped(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    choose(panel, "slow")
    view = panel.view
    assert view.form is not None
    view.form.controls["seconds"].setText("60")  # type: ignore[attr-defined]
    view.run.click()
    here.until(lambda: view.working.word.text().startswith("step"))
    assert not view.run.isEnabled()
    view.working.stop.click()
    assert view.said.text() == "Cancelled." and view.run.isEnabled()
    here.until(lambda: any(row.type == "mcp" for row in here.workspace.read(lambda q: q.sessions())))
    [row] = [row for row in here.workspace.read(lambda q: q.sessions()) if row.type == "mcp"]
    here.until(lambda: [type(body) for body in bodies(here, row.id)] == [ToolCall, ToolResult])
    assert bodies(here, row.id)[-1].status == "cancelled"


def test_a_question_of_the_server_is_answered_in_place(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    choose(panel, "greet")
    view = panel.view
    view.run.click()
    here.until(lambda: view.question)
    assert view.question is not None and view.question.form is not None
    view.question.form.controls["name"].setText("Ann")  # type: ignore[attr-defined]
    view.question.form.controls["age"].setText("old")  # type: ignore[attr-defined]
    view.question.yes.click()
    assert view.question.said.text() == "Age: this is no whole number."
    view.question.form.controls["age"].setText("30")  # type: ignore[attr-defined]
    view.question.yes.click()
    here.until(lambda: view.called)
    assert view.question is None
    assert view.result.toPlainText() == "hello Ann"


def test_escape_declines(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    choose(panel, "greet")
    panel.view.run.click()
    here.until(lambda: panel.view.question)
    assert panel.view.question is not None
    QTest.keyClick(panel.view.question, Qt.Key.Key_Escape)
    here.until(lambda: panel.view.called)
    assert panel.view.result.toPlainText() == "declined"


def test_a_model_answers_once_the_person_agrees(here: SettingsRoom) -> None:
    here.desk.bridge.call(_use_scripted(here)).result(10)
    panel = panel_of(here, hostile("sample"))
    here.until(lambda: panel.offered)
    panel.view.run.click()
    here.until(lambda: panel.view.question)
    assert panel.view.question is not None
    assert "6 × 7?" in panel.view.question.accessibleName()
    assert panel.view.question.yes.text() == "Let scripted answer"
    panel.view.question.yes.click()
    here.until(lambda: panel.view.called)
    assert "You said: 6" in panel.view.result.toPlainText()


async def _use_scripted(here: SettingsRoom) -> None:
    await (await here.desk.turns.agents.registry()).choose_default("scripted")


def test_resources_are_read_and_prompts_filled_in(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    choose(panel, "memo")
    assert panel.view.form is None and panel.view.run.text() == "Read"
    panel.view.run.click()
    here.until(lambda: panel.view.called)
    assert panel.view.result.toPlainText() == "[memo://hello]\nhello"
    choose(panel, "review")
    assert panel.view.form is not None
    panel.view.form.controls["code"].setText("x = 1")  # type: ignore[attr-defined]
    panel.view.called = None
    panel.view.run.click()
    here.until(lambda: panel.view.called)
    assert panel.view.result.toPlainText() == "Review this: x = 1"


def test_words_narrow_the_list(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    panel.words.setText("two NUMBERS")
    assert names(panel) == ["add"]
    panel.words.setText("no such thing")
    assert names(panel) == []
    panel.words.clear()
    assert len(names(panel)) > 10


def test_servers_are_changed_between(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO, hostile("legacy"), ServerConfig(name="gone", command="/no/such"))
    here.until(lambda: panel.offered)
    panel.go(PanelPlace("mcp", "hostile"))
    here.until(lambda: panel.offered and panel.offered.server == "hostile")
    assert names(panel) == ["go"]
    assert panel.state() == {"server": "hostile"}
    panel.go(PanelPlace("mcp", "gone"))
    here.until(lambda: "no program '/no/such'" in panel.view.said.text())
    assert names(panel) == []
    panel.again.click()
    here.until(lambda: "no program '/no/such'" in panel.view.said.text())
    panel.configure.click()
    assert here.went == [PanelPlace("settings", "servers")]


def test_without_servers_the_panel_says_what_to_do(here: SettingsRoom) -> None:
    panel = panel_of(here)
    here.until(lambda: "“Servers…” adds one" in panel.view.said.text())


def test_closing_the_window_ends_servers_and_calls(here: SettingsRoom) -> None:
    """The check for leftover processes of every test looks after it."""
    panel = panel_of(here, hostile("hang"))
    here.until(lambda: panel.offered)
    panel.view.run.click()
    here.until(lambda: any(row.type == "mcp" for row in here.workspace.read(lambda q: q.sessions())))


def test_an_agent_in_an_mcp_session_calls_a_tool_once_allowed(here: SettingsRoom, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    step = {"tool": "mcp__demo__add", "input": {"a": 40, "b": 2}}
    script.write_text(json.dumps([[step, {"say": "done"}]]))

    async def configure() -> None:
        await (await here.desk.turns.servers.pool()).registry.add(DEMO)
        adder = AgentConfig(name="adder", kind="scripted", script=str(script))
        await (await here.desk.turns.agents.registry()).add(adder)

    here.desk.bridge.call(configure()).result(10)
    session = here.write("MCP", type="mcp")
    here.desk.bridge.call(here.desk.turns.prompt(session, "adder", "go", tools=False))
    here.until(lambda: any(isinstance(body, PermissionRequest) for body in bodies(here, session)))
    [request] = [body for body in bodies(here, session) if isinstance(body, PermissionRequest)]
    assert request.title == "demo: add"
    here.desk.bridge.call(here.desk.turns.answer(session, request.request_id, "once"))
    here.until(lambda: any(isinstance(body, ToolResult) for body in bodies(here, session)))
    [result] = [body for body in bodies(here, session) if isinstance(body, ToolResult)]
    assert (result.status, result.output) == ("completed", "42")
    here.until(lambda: any(isinstance(body, AgentMessage) for body in bodies(here, session)))


# forms

KINDS = {
    "properties": {
        "text": {"type": "string", "default": "hi"},
        "flag": {"type": "boolean"},
        "sure": {"type": "boolean", "default": True},
        "level": {"enum": [1, 2]},
        "many": {"type": "array", "items": {"enum": ["x", "y"]}},
        "more": {"type": "object", "default": {"a": 1}},
    },
    "required": ["many"],
}


def test_every_kind_of_field_has_a_control(here: SettingsRoom) -> None:
    form = SchemaForm(KINDS)
    here.show(form)
    controls = form.controls
    assert isinstance(controls["text"], QLineEdit)
    assert isinstance(controls["flag"], QComboBox) and controls["flag"].currentText() == NOT_GIVEN
    assert isinstance(controls["sure"], QCheckBox) and controls["sure"].isChecked()
    assert isinstance(controls["more"], JsonText)
    assert form.arguments() == {"text": "hi", "sure": True, "many": [], "more": {"a": 1}}
    controls["flag"].setCurrentIndex(2)
    level = controls["level"]
    assert isinstance(level, QComboBox)
    level.setCurrentIndex(1)
    controls["many"].findChildren(QCheckBox)[1].click()
    assert form.arguments() == {
        "text": "hi", "flag": False, "sure": True, "level": 1, "many": ["y"], "more": {"a": 1}
    }  # fmt: skip
    assert all(control.accessibleName() for control in controls.values())


def test_a_schema_that_is_no_form_is_filled_in_as_json(here: SettingsRoom) -> None:
    form = SchemaForm({"type": "object", "properties": 5})
    here.show(form)
    text = form.controls[""]
    assert isinstance(text, JsonText)
    text.setPlainText('{"a": [1]}')
    assert form.arguments() == {"a": [1]}


def test_texts_of_servers_are_never_markup(here: SettingsRoom) -> None:
    evil = "<img src='file:///etc/passwd'><b>bold</b> R&D"
    form = SchemaForm({"properties": {"a": {"type": "string", "title": evil, "description": evil}}})
    here.show(form)
    labels = form.findChildren(QLabel)
    assert labels
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in labels)


def test_a_page_is_opened_only_after_a_yes(here: SettingsRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    consent = WindowConsent(here.desk, here.desk.requests)
    settled: list[object] = []
    monkeypatch.setattr(consent, "settle", lambda _question, value: settled.append(value))
    import asyncio

    loop = asyncio.new_event_loop()
    question = Asked(Elicitation("demo", "Sign in", {}, "https://x.test/login"), "", loop.create_future())
    view = AskedView(consent, question)
    here.show(view)
    assert "https://x.test/login" in view.accessibleName()
    assert opened == []
    view.yes.click()
    assert opened == ["https://x.test/login"]
    assert [getattr(one, "action", None) for one in settled] == ["accept"]
    loop.close()


def test_headings_cannot_be_chosen(here: SettingsRoom) -> None:
    panel = panel_of(here, DEMO)
    here.until(lambda: panel.offered)
    heading = panel.list.item(0)
    assert isinstance(heading, QListWidgetItem)
    assert heading.flags() == Qt.ItemFlag.NoItemFlags
    assert panel.list.currentItem().text() == "Say it back"
