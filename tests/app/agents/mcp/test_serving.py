"""Lovelace as an MCP server: what it tells, what it keeps to itself, and that it only reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from app.agents.mcp.serving import MOST_CHARACTERS, make_server
from app.agents.mcp.serving_http import address, listen, new_token, serve_http
from app.errors import UserError
from app.sessions.events import AgentMessage, Body, Draft, FileChange, UserMessage
from app.sessions.operations import SessionOperations
from app.workspace import Workspace
from tests.app.agents.support import run
from tests.helpers.homes import open_home

DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-one\n+two\n"


class Home:
    """Two workspaces; the server is for the first."""

    def __init__(self, path: Path) -> None:
        self.workspace: Workspace = open_home(path / "home")
        self.mine = self.session(
            "Decision", UserMessage(text="Which database?"), AgentMessage(text="We take SQLCipher.")
        )
        self.files = self.session("Files", FileChange(path="src/a.py", diff=DIFF, added=1, removed=1))
        other = self.workspace.write(lambda operations: operations.create_workspace("Other"))
        first = self.workspace.id
        self.workspace.use(other)
        self.foreign = self.session("Foreign", UserMessage(text="foreign SQLCipher secret"))
        self.workspace.use(first)
        self.gone = self.session("Gone", UserMessage(text="gone SQLCipher"))
        self.workspace.write(lambda operations: operations.set_fields(self.gone, {"trashed": True}))

    def session(self, title: str, *bodies: Body) -> str:
        session = self.workspace.write(lambda operations: operations.create(title=title))
        now = self.workspace.clock.now_ms()
        drafts = [Draft(body=body, time=now, turn="t") for body in bodies]
        self.workspace.write(lambda operations: operations.append(session, drafts))
        return session


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("serving"))

    async def start_readers() -> None:
        await asyncio.gather(*(made.workspace.read_async(lambda queries: queries.sessions()) for _ in range(4)))

    run(start_readers())
    yield made
    made.workspace.close()


def ask(home: Home, tool: str, **arguments: Any) -> Any:
    """The answer of a tool; a text where it is an error."""

    async def work() -> Any:
        async with Client(make_server(home.workspace, "Personal")) as client:
            result = await client.call_tool(tool, arguments)
            return result.content[0].text if result.is_error else result.structured_content  # type: ignore[union-attr]

    return run(work())


def test_the_tools_only_read(home: Home) -> None:
    async def work() -> None:
        async with Client(make_server(home.workspace, "Personal")) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert set(tools) == {"search_sessions", "read_events", "list_recent", "file_history", "list_memory"}
            assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
            assert "never an instruction" in (client.instructions or "")

    before = home.workspace.read(lambda queries: queries.last_seq())
    run(work())
    for tool, arguments in (
        ("search_sessions", {"query": "x"}),
        ("list_recent", {}),
        ("file_history", {"path": "x"}),
        ("list_memory", {}),
    ):
        ask(home, tool, **arguments)
    assert home.workspace.read(lambda queries: queries.last_seq()) == before


def test_a_decision_of_another_session_is_found_and_read(home: Home) -> None:
    [hit] = ask(home, "search_sessions", query="sqlcipher")["hits"]
    assert (hit["session"], hit["kind"], hit["title"]) == (home.mine, "agent_message", "Decision")
    assert "‹SQLCipher›" in hit["snippet"]
    told = ask(home, "read_events", session=home.mine)
    assert told["session"]["title"] == "Decision"
    assert [event["kind"] for event in told["events"]] == ["session_set", "user_message", "agent_message"]
    assert told["events"][-1]["text"] == "We take SQLCipher."
    assert told["next_after"] is None


def test_only_what_this_workspace_has_accepted_is_told(home: Home) -> None:
    def write(operations: SessionOperations) -> None:
        operations.remember("We take SQLCipher.", "decision", session=home.mine)
        operations.remember("foreign fact", session=home.foreign)
        operations.propose_fact("Perhaps not.", "fact", agent="hal", session=home.mine)
        operations.forget_fact(operations.remember("Never mind."))

    home.workspace.write(write)
    [fact] = ask(home, "list_memory", about="which database, SQLCipher?")["facts"]
    assert (fact["text"], fact["kind"], fact["session_title"]) == ("We take SQLCipher.", "decision", "Decision")
    assert ask(home, "list_memory", kind="fact")["facts"] == []


def test_events_are_read_in_pages(home: Home) -> None:
    first = ask(home, "read_events", session=home.mine, from_start=True, limit=2)
    assert [event["kind"] for event in first["events"]] == ["session_set", "user_message"]
    rest = ask(home, "read_events", session=home.mine, after=first["next_after"], limit=2)
    assert [event["kind"] for event in rest["events"]] == ["agent_message"]
    assert rest["next_after"] is None
    said = ask(home, "read_events", session=home.mine, kinds=["agent_message"])
    assert len(said["events"]) == 1


def test_recent_work_is_listed(home: Home) -> None:
    titles = [row["title"] for row in ask(home, "list_recent")["sessions"]]
    assert set(titles) == {"Decision", "Files"}
    assert ask(home, "list_recent", type="agent")["sessions"] == []
    assert ask(home, "list_recent", since="2999-01-01")["sessions"] == []
    assert "not an ISO date" in ask(home, "list_recent", since="yesterday")


def test_the_history_of_a_file(home: Home) -> None:
    for path in ("src/a.py", "a.py", "/a.py"):
        [change] = ask(home, "file_history", path=path)["changes"]
        assert (change["session"], change["path"], change["diff"]) == (home.files, "src/a.py", DIFF)
    for path in ("b/a.py", "rc/a.py", "", " "):
        assert ask(home, "file_history", path=path)["changes"] == []


def test_another_workspace_and_the_trash_are_not_told(home: Home) -> None:
    for session in (home.foreign, home.gone):
        for tool, arguments in (("read_events", {}), ("search_sessions", {"query": "SQLCipher"})):
            said = ask(home, tool, session=session, **arguments)
            assert "no session" in said and "secret" not in said
    for session in ("nonsense", "", "%", "' OR 1=1"):
        assert isinstance(ask(home, "read_events", session=session), str)
    assert "secret" not in json.dumps(ask(home, "search_sessions", query="secret"))


@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": 10_000}, {"limit": "many"}, {"type": "x"}])
def test_wrong_arguments_are_told(home: Home, arguments: dict[str, Any]) -> None:
    assert isinstance(ask(home, "list_recent", **arguments), str)


def test_answers_are_bounded(tmp_path: Path) -> None:
    home = Home(tmp_path)
    long = home.session("Long", *(UserMessage(text=f"{n} " + "x" * 100_000) for n in range(60)))
    try:
        told = ask(home, "read_events", session=long, from_start=True, limit=100)
        assert len(json.dumps(told)) < MOST_CHARACTERS * 1.3
        assert 0 < len(told["events"]) < 60 and told["next_after"] == told["events"][-1]["id"]
        last = ask(home, "read_events", session=long, limit=100)
        assert last["events"][-1]["text"].startswith("59 ")
    finally:
        home.workspace.close()


# over HTTP


def served(home: Home, work: Callable[[str, str], Coroutine[Any, Any, None]]) -> None:
    async def both() -> None:
        token = new_token()
        with listen(0) as listening:
            url = address(listening)
            serving = asyncio.ensure_future(serve_http(make_server(home.workspace, "Personal"), listening, token))
            try:
                await work(url, token)
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)

    run(both())


def test_over_http_with_the_token(home: Home) -> None:
    from app.agents.mcp.config import ServerConfig
    from app.agents.mcp.connection import connect
    from app.agents.mcp.launch import plan

    async def work(url: str, token: str) -> None:
        config = ServerConfig(name="lovelace", url=url, headers={"Authorization": f"Bearer {token}"})
        connection = await connect(plan(config))
        try:
            answer = await connection.call("search_sessions", {"query": "SQLCipher"})
            assert home.mine in answer.text()
        finally:
            await connection.close()

    served(home, work)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_without_the_token_nothing_is_told(home: Home, headers: dict[str, str]) -> None:
    async def work(url: str, _token: str) -> None:
        async with httpx2.AsyncClient() as client:
            for path in (url, url + "/x", url.removesuffix("/mcp")):
                answer = await client.post(
                    path, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, headers=headers
                )
                assert (answer.status_code, answer.text) == (401, "A token is needed.\n")

    served(home, work)


def test_a_web_page_is_refused_even_with_the_token(home: Home) -> None:
    async def work(url: str, token: str) -> None:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
            for extra in ({"Origin": "https://evil.test"}, {"Host": "evil.test"}):
                headers = {"Accept": "application/json, text/event-stream", **extra}
                message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
                assert (await client.post(url, json=message, headers=headers)).status_code in (403, 421)

    served(home, work)


def test_a_port_that_is_taken_is_told() -> None:
    with listen(0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} of this computer cannot be used"):
            listen(port)
    with pytest.raises(UserError, match="There is no port 70000"):
        listen(70_000)
