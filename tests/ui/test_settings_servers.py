"""Settings: MCP servers are added, tested, given to agents, removed and imported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.agents.mcp.config import ServerConfig
from app.ui.places import PanelPlace
from app.ui.settings.servers import ServersPage
from tests.app.agents.mcp.support import DEMO, hostile
from tests.ui.settings_home import SettingsRoom

COMMAND = " ".join(map(str, (DEMO.command, *DEMO.args)))


def page_of(here: SettingsRoom, *configs: ServerConfig) -> ServersPage:
    """The page with these servers."""

    async def add() -> None:
        await (await here.desk.turns.servers.pool()).registry.add(*configs)

    if configs:
        here.desk.bridge.call(add()).result(10)
    page = here.page("servers", ServersPage)
    here.until(lambda: len(page.cards) == len(configs))
    return page


def rows(here: SettingsRoom) -> list[dict[str, Any]]:
    stored = here.setting("mcp servers")
    assert isinstance(stored, list)
    return stored


def test_a_server_is_described_tested_and_added(here: SettingsRoom) -> None:
    page = page_of(here)
    assert page.nothing.isVisible()
    form = page.form
    form.name.setText("demo")
    form.command.setText(COMMAND)
    form.variables.setPlainText("GITHUB_TOKEN=ghp_0123456789abcdefghijKLMN\nDEBUG=1")
    form.test.click()
    here.until(lambda: "Demo 1.2 answers after" in form.said.text())
    assert "11 tools, 1 resource, 1 prompt" in form.said.text()
    assert here.setting("mcp servers") is None
    form.keep.click()
    here.until(lambda: len(page.cards) == 1)
    assert "ghp_" not in json.dumps(rows(here))
    assert rows(here)[0]["env"] == {"GITHUB_TOKEN": None, "DEBUG": "1"}
    assert "ghp_" in json.dumps(list(here.ring.kept.values()))
    assert (form.command.text(), form.variables.toPlainText()) == ("", "")
    assert here.configured == ["servers"]


def test_an_address_is_added(here: SettingsRoom) -> None:
    page = page_of(here)
    form = page.form
    form.kind.setCurrentIndex(1)
    assert form.url.isVisible() and not form.command.isVisible()
    form.name.setText("web")
    form.url.setText("http://127.0.0.1:9/mcp")
    form.headers.setPlainText("Authorization: Bearer abc")
    form.keep.click()
    here.until(lambda: len(page.cards) == 1)
    assert rows(here) == [{"name": "web", "url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": None}}]


@pytest.mark.parametrize(
    ("name", "command", "variables", "sentence"),
    [
        ("", "x", "", "cannot name a server"),
        ("x", "", "", "The command line is empty"),
        ("x", "'open", "", "cannot be read"),
        ("x", "x", "nonsense", "NAME=VALUE"),
    ],
)
def test_what_makes_no_sense_is_said_in_place(
    here: SettingsRoom, name: str, command: str, variables: str, sentence: str
) -> None:
    form = page_of(here).form
    form.name.setText(name)
    form.command.setText(command)
    form.variables.setPlainText(variables)
    for button in (form.keep, form.test):
        form.said.say("")
        button.click()
        assert sentence in form.said.text()
    assert here.setting("mcp servers") is None


def test_a_test_that_takes_too_long_is_stopped(here: SettingsRoom) -> None:
    form = page_of(here).form
    config = hostile("mute")
    form.name.setText("mute")
    form.command.setText(" ".join(map(str, (config.command, *config.args))))
    form.test.click()
    assert form.test.text() == "Stop"
    form.test.click()
    assert (form.test.text(), form.said.text()) == ("&Test", "Stopped.")


def test_cards_test_use_and_forget(here: SettingsRoom) -> None:
    page = page_of(here, DEMO, ServerConfig(name="gone", command="/no/such"))
    good, bad = page.cards
    good.test.click()
    bad.test.click()
    here.until(lambda: good.test.isEnabled() and bad.test.isEnabled())
    assert "11 tools" in good.said.text()
    assert "no program '/no/such'" in bad.said.text()
    good.use.click()
    assert here.went == [PanelPlace("mcp", "demo")]
    bad.remove.click()
    assert bad.question.isVisible()
    bad.question.yes.click()
    here.until(lambda: len(page.cards) == 1)
    assert page.said.text() == "gone is forgotten."


def test_a_server_is_given_to_agents_or_not(here: SettingsRoom) -> None:
    page = page_of(here, DEMO)
    page.cards[0].agents.click()
    here.until(lambda: rows(here)[0].get("agents") is False)
    here.until(lambda: not page.cards[0].agents.isChecked())


def test_files_are_looked_at_and_chosen_servers_taken_over(here: SettingsRoom, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    entries = {"new": {"command": "x"}, "demo": {"command": "other"}, "old": {"type": "sse", "url": "http://x.test"}}
    file.write_text(json.dumps({"servers": entries}))
    page = page_of(here, DEMO)
    page.imports.add(file)
    here.until(lambda: page.imports.boxes)
    boxes = page.imports.boxes
    assert {name: box.isChecked() for name, box in boxes.items()} == {"new": True, "demo": False}
    assert "configured otherwise here" in boxes["demo"].text()
    page.imports.run.click()
    here.until(lambda: len(page.cards) == 2)
    assert rows(here)[1] == {"name": "new", "command": "x"}
    assert page.imports.said.text() == "1 server taken over."
    here.until(lambda: not page.imports.boxes["new"].isEnabled())


def test_a_file_that_is_none_is_said_in_place(here: SettingsRoom, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[")
    page = page_of(here)
    page.imports.add(tmp_path / "x.json")
    here.until(lambda: any("is not JSON" in label.text() for label in page.imports.findChildren(type(page.said))))
    assert not page.imports.run.isEnabled()
