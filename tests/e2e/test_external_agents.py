"""Real coding agents, answered by a scripted model: opencode, mistral-vibe and qwen-code change files and run commands.

`make test-external` installs them; each has a home of its own, and nothing leaves this computer.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.agents.acp.backend import AcpBackend
from app.agents.acp.session import AgentSession
from app.agents.backend import TextDelta, Update
from app.agents.files.watch import FileWatch
from app.agents.process import MARKER
from app.sessions.events import AgentMessage, Command, CommandResult, FileChange, Notice, ToolCall, ToolResult
from app.sessions.views import Author
from tests.app.agents.support import MemoryRecorder, Past, Person, assert_calls_answered, bodies, collect, context, run
from tests.helpers.coding_model import COMMAND, DONE, CodingModel

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]
AGENTS = Path(__file__).parents[2] / "build/external/agents"
OWN = "aa" * 32
AUTHOR = Author(identity=OWN, device="bb", name="Ana", agent="agent")
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "opencode": (str(AGENTS / "node_modules/.bin/opencode"), "acp"),
    "qwen": (str(AGENTS / "node_modules/.bin/qwen"), "--acp"),
    "vibe": (str(AGENTS / "vibe/bin/vibe-acp"),),
}
_VIBE = """
active_model = "fake"
enable_update_checks = false
enable_auto_update = false
enable_telemetry = false
[[providers]]
name = "fake"
api_base = "{url}"
api_key_env_var = "OPENAI_API_KEY"
[[models]]
name = "fake"
provider = "fake"
alias = "fake"
"""
_QWEN = {
    "security": {"auth": {"selectedType": "openai"}},
    "telemetry": {"enabled": False},
    "general": {"disableAutoUpdate": True},
    "privacy": {"usageStatisticsEnabled": False},
}


class Recorder(MemoryRecorder):
    """Also for a watch of the folders."""

    async def load(self, ref: Any) -> bytes | None:
        return self.blobs.get(ref.blob)

    async def file_states(self) -> dict[str, Any]:
        return {}


@dataclass
class Place:
    """One agent in a home of its own, with a folder to work in."""

    backend: AcpBackend
    folder: Path
    recorder: Recorder = field(default_factory=Recorder)
    history: list[Past] = field(default_factory=list)

    async def turn(self, text: str, person: Person) -> list[Update]:
        """A prompt, as the application runs one: each with a conversation of its own."""
        files = FileWatch(self.recorder, (self.folder,))
        made = context(
            self.folder, person, files=files, keep=self.recorder.keep, own=OWN, history=tuple(self.history)
        )  # fmt: skip
        conversation = await self.backend.start(made)
        try:
            await files.begin_turn()
            updates = await collect(conversation, text)
            await files.end_turn()
        finally:
            await conversation.close()
        assert_calls_answered(updates)
        said = AgentMessage(text=spoken(updates))
        self.history += [Past(body, author=AUTHOR) for body in [*bodies(updates), said]]
        return updates


def spoken(updates: list[Update]) -> str:
    return "".join(one.text for one in updates if isinstance(one, TextDelta) and one.kind == "agent_message")


def settings(home: Path, url: str) -> dict[str, str]:
    """Settings that lead each agent to the scripted model."""
    (home / ".vibe").mkdir()
    (home / ".vibe/config.toml").write_text(_VIBE.format(url=url))
    (home / ".qwen").mkdir()
    (home / ".qwen/settings.json").write_text(json.dumps(_QWEN))
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Fake", "options": {"baseURL": url, "apiKey": "x"}}
    models = {"fake": {"name": "Fake", "limit": {"context": 32000, "output": 4096}}}
    opencode = {"model": "fake/fake", "small_model": "fake/fake", "share": "disabled", "autoupdate": False,
                "provider": {"fake": provider | {"models": models}}}  # fmt: skip
    return {
        "HOME": str(home),
        "VIBE_HOME": str(home / ".vibe"),
        "OPENAI_API_KEY": "x",
        "OPENAI_BASE_URL": url,
        "OPENAI_MODEL": "fake",
        "OPENCODE_CONFIG_CONTENT": json.dumps(opencode),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".local/state"),
    }


@pytest.fixture(params=list(COMMANDS))
def agent(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not os.access(COMMANDS[name][0], os.X_OK):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed; make test-external does it")
    return name


@asynccontextmanager
async def place_of(agent: str, tmp_path: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    async with CodingModel(folder=folder) as server:
        for name, value in settings(home, server.url).items():
            patch.setenv(name, value)
        yield Place(AcpBackend("agent", COMMANDS[agent]), folder)


def left_running(marker: str = "acp") -> list[bytes]:
    """Agents that were not ended: processes with our marker whose command line says that they are one."""
    found = []
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and MARKER.encode() in Path(entry.path, "environ").read_bytes():
                found.append(Path(entry.path, "cmdline").read_bytes())
        except OSError:
            continue
    return [line for line in found if str(AGENTS).encode() in line]


def test_a_real_agent_works_with_permission_and_goes_on(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person()

    async def work() -> tuple[list[Update], list[Update], Place]:
        async with place_of(agent, tmp_path, monkeypatch) as place:
            first = await place.turn("CODE: create hello.py, change it and run it.", person)
            return first, await place.turn("And now?", person), place

    first, second, place = run(work(), seconds=280)
    assert spoken(first).rstrip().endswith(DONE)
    assert (place.folder / "hello.py").read_text() == "print('hello world')\n"
    changes = bodies(first, FileChange)
    assert [(change.path, change.added, change.removed, change.cause) for change in changes] == [
        ("hello.py", 1, 0, "tool"), ("hello.py", 1, 1, "tool")
    ]  # fmt: skip
    assert {change.call_id for change in changes} <= {call.call_id for call in bodies(first, ToolCall)}
    assert [command.command for command in bodies(first, Command)] == [COMMAND]
    (ended,) = bodies(first, CommandResult)
    assert ended.exit_code == (None if agent == "vibe" else 3)
    assert "hello world" in ended.stdout
    assert [request.tool_kind for request in person.asked] == ["edit", "edit", "execute"]
    assert place.recorder.kinds.count("file_change") == 0  # nothing was taken for the person's
    # The second turn is a process of its own: the agent goes on with its own session, and nothing comes again.
    assert spoken(second).strip() == "Ready."
    assert bodies(second, ToolCall, ToolResult, FileChange, Notice) == []
    assert left_running() == []


def test_a_real_agent_that_is_refused_changes_nothing(
    agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> tuple[list[Update], Place]:
        async with place_of(agent, tmp_path, monkeypatch) as place:
            return await place.turn("CODE: create hello.py.", Person("reject")), place

    updates, place = run(work(), seconds=280)
    assert not (place.folder / "hello.py").exists()
    assert bodies(updates, FileChange, Command) == []
    assert "denied" in {result.status for result in bodies(updates, ToolResult)}


def test_a_real_agent_stops_when_it_is_told_to(agent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> tuple[str, float, list[str]]:
        async with place_of(agent, tmp_path, monkeypatch) as place:
            conversation = await place.backend.start(context(place.folder))
            loop = asyncio.get_running_loop()
            updates: list[Update] = []
            began, stop = 0.0, None
            async for update in conversation.prompt([text("SLOW: count")]):
                updates.append(update)
                if stop is None and "tick3" in spoken(updates):
                    began, stop = loop.time(), asyncio.ensure_future(conversation.cancel())
            took = loop.time() - began
            assert stop is not None
            await stop
            await conversation.close()
            return spoken(updates), took, await listed(place)

    said, took, sessions = run(work(), seconds=280)
    assert said.startswith("tick0 tick1 tick2 tick3")
    assert took < 5  # under a second on a machine that has nothing else to do
    assert len(sessions) >= 1
    assert left_running() == []


def text(words: str) -> Any:
    from app.agents.backend import PromptText

    return PromptText(words)


async def listed(place: Place) -> list[str]:
    """Ids of the sessions that the agent keeps for the folder."""

    async def nothing(*_: Any) -> Any:
        return {}

    session = AgentSession(place.backend, on_update=nothing, on_request=nothing)
    try:
        await session.open(place.folder, context(place.folder), None)
        return [str(one.get("sessionId")) for one in await session.sessions(place.folder)]
    finally:
        await session.close()
