"""Recorded conversations with real agents, played again by a program: what a session keeps of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.agents.backend import TextDelta, Update
from app.sessions.events import (
    Command,
    CommandResult,
    FileChange,
    Notice,
    PermissionRequest,
    Plan,
    ToolCall,
    ToolResult,
    Usage,
)
from app.sessions.views import Author
from tests.app.agents.support import Past, Person, assert_calls_answered, bodies, collect, context, run
from tests.helpers.acp_recording import AGENTS, recorded_script
from tests.helpers.external_agents import external_agent

OWN = "aa" * 32
AUTHOR = Author(identity=OWN, device="bb", name="Ana", agent="test")


def said(updates: list[Update]) -> str:
    return "".join(one.text for one in updates if isinstance(one, TextDelta) and one.kind == "agent_message")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "demo"
    made.mkdir()
    return made


@pytest.mark.parametrize("agent", AGENTS)
def test_a_recorded_turn_is_kept_with_its_changes_commands_and_permissions(
    agent: str, folder: Path, tmp_path: Path
) -> None:
    person = Person()

    async def work() -> list[Update]:
        backend = external_agent(tmp_path, recorded_script(agent))
        conversation = await backend.start(context(folder, person))
        updates = await collect(conversation)
        await conversation.close()
        return updates

    updates = run(work())
    assert_calls_answered(updates)
    assert said(updates).rstrip().endswith("Done: I created hello.py, changed it and ran it (exit code 3).")
    assert (folder / "hello.py").read_text() == "print('hello world')\n"
    first, second = bodies(updates, FileChange)
    assert (first.path, first.added, first.before) == ("hello.py", 1, None)
    assert (second.path, second.added, second.removed) == ("hello.py", 1, 1)
    assert "-print('hello')\n+print('hello world')" in second.diff
    command, ended = bodies(updates, Command)[0], bodies(updates, CommandResult)[0]
    assert (command.command, command.cwd) == ("python3 hello.py; echo oops >&2; exit 3", ".")
    assert ended.exit_code == (None if agent == "vibe" else 3)
    assert "hello world" in ended.stdout and "oops" in ended.stdout + ended.stderr
    assert [request.tool_kind for request in person.asked][-1] == "execute"
    assert [body.status for body in bodies(updates, ToolResult)].count("completed") >= 2
    assert str(folder) not in json.dumps([str(body) for body in bodies(updates, ToolCall)])


def test_what_the_agents_tell_beside_their_work(folder: Path, tmp_path: Path) -> None:
    async def work(agent: str) -> list[Update]:
        backend = external_agent(tmp_path, recorded_script(agent))
        conversation = await backend.start(context(folder))
        updates = await collect(conversation)
        await conversation.close()
        return updates

    told = {agent: run(work(agent)) for agent in AGENTS}
    for agent in ("opencode", "vibe"):
        assert [entry.text for entry in bodies(told[agent], Plan)[0].entries] == ["Create hello.py", "Run it"], agent
    spent = {agent: [(one.input, one.output) for one in bodies(told[agent], Usage)] for agent in AGENTS}
    assert spent == {"opencode": [(100, 20)], "qwen": [(400, 80)], "vibe": [(500, 100)]}
    names = {agent: [call.name for call in bodies(told[agent], ToolCall)] for agent in AGENTS}
    assert names["opencode"] == ["todowrite", "write", "edit", "bash"]
    assert names["vibe"] == ["todo", "write_file", "edit", "bash"]
    assert names["qwen"] == ["write_file", "edit", "run_shell_command"]


@pytest.mark.parametrize("agent", AGENTS)
def test_a_recorded_cancel_ends_with_what_was_said(agent: str, folder: Path, tmp_path: Path) -> None:
    async def work() -> tuple[list[Update], float]:
        backend = external_agent(tmp_path, recorded_script(agent))
        conversation = await backend.start(context(folder))
        await collect(conversation)
        updates, stop, began = [], None, 0.0
        loop = asyncio.get_running_loop()
        async for update in conversation.prompt([]):
            updates.append(update)
            if "tick20" in said(updates) and stop is None:
                began, stop = loop.time(), asyncio.ensure_future(conversation.cancel())
        took = loop.time() - began
        assert stop is not None
        await stop
        await conversation.close()
        return updates, took

    updates, took = run(work())
    assert "tick0 tick1" in said(updates)
    assert took < 5  # far less on an idle machine


@pytest.mark.parametrize("agent", AGENTS)
def test_a_session_that_goes_on_records_nothing_twice(agent: str, folder: Path, tmp_path: Path) -> None:
    async def work() -> tuple[list[Update], list[Update], list[str]]:
        log = tmp_path / "log"
        script = recorded_script(agent, log=str(log))
        backend = external_agent(tmp_path, script)
        conversation = await backend.start(context(folder, own=OWN))
        first = await collect(conversation)
        await conversation.close()
        history = [Past(body, author=AUTHOR) for body in bodies(first)]
        log.unlink()
        backend = external_agent(tmp_path, {**script, "turns": [[{"say": "Again: {prompt}"}]]})
        conversation = await backend.start(replace(context(folder, own=OWN), history=history))
        second = await collect(conversation, "And now?")
        await conversation.close()
        return first, second, [json.loads(line)["method"] for line in log.read_text().splitlines()]

    first, second, methods = run(work())
    assert [body.data for body in bodies(first, Notice) if body.data] == [{"acp": {"agent": "test", "session": "s1"}}]
    assert said(second) == "Again: And now?"
    assert bodies(second) == []
    assert ("session/load" if agent == "vibe" else "session/resume") in methods
    assert "session/new" not in methods


def test_permissions_that_are_refused_change_nothing(folder: Path, tmp_path: Path) -> None:
    person = Person("reject")

    async def work() -> list[Update]:
        backend = external_agent(tmp_path, recorded_script("opencode"))
        conversation = await backend.start(context(folder, person))
        updates = await collect(conversation)
        await conversation.close()
        return updates

    updates = run(work())
    assert_calls_answered(updates)
    assert not (folder / "hello.py").exists()
    assert len(bodies(updates, PermissionRequest)) >= 3
    assert bodies(updates, FileChange) == []
    assert bodies(updates, Command) == []
