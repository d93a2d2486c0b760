"""MCP servers on the command line: what `cli.md` promises."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import connect
from app.agents.mcp.launch import plan
from tests.app.agents.mcp.support import DEMO, demo_address, hostile
from tests.e2e.conftest import Program


@pytest.fixture(scope="module")
def demo(program: Program) -> Program:
    program.json("mcp", "add", "demo", "--", str(DEMO.command), *map(str, DEMO.args))
    return program


def call(program: Program, *words: str) -> Any:
    return program.run("--json", "mcp", "call", *words)


def test_servers_are_added_listed_and_removed(program: Program) -> None:
    added = program.json("mcp", "add", "files", "--", "npx", "-y", "server", "--json", "--", "x")
    assert added["id"] == added["name"] == "files"
    assert added["args"] == ["-y", "server", "--json", "--", "x"]
    program.json("mcp", "add", "web", "--url", "http://127.0.0.1:9/mcp")
    rows = {row["name"]: row for row in program.json("mcp", "list")}
    assert (rows["files"]["transport"], rows["web"]["transport"]) == ("stdio", "http")
    assert program.json("mcp", "remove", "web") == {"ok": True, "ids": ["web"]}
    assert program.run("mcp", "remove", "web").code == 4
    program.json("mcp", "remove", "files")


def test_tools_have_the_promised_shape(demo: Program) -> None:
    tools = {tool["name"]: tool for tool in demo.json("mcp", "tools", "demo")}
    assert set(tools["echo"]) == {"name", "title", "description", "input_schema"}
    assert tools["echo"]["title"] == "Say it back"
    assert tools["echo"]["input_schema"]["properties"]["message"]["type"] == "string"


def test_a_call_is_answered_and_recorded(demo: Program) -> None:
    result = call(demo, "demo", "echo", '{"message": "hi"}')
    assert result.code == 0
    assert result.json["is_error"] is False
    assert result.json["content"] == [{"type": "text", "text": "hi"}]
    events = demo.run("--json", "sessions", "show", result.json["session"]).lines
    assert [event["kind"] for event in events[-2:]] == ["tool_call", "tool_result"]
    assert events[-1]["id"] == result.json["event"]
    [row] = demo.json("sessions", "list", "--type", "mcp")
    assert row["id"] == result.json["session"]
    again = call(demo, "demo", "add", '{"a": 1, "b": 2}')
    assert again.json["session"] == row["id"]
    other = call(demo, "demo", "add", '{"a": 1, "b": 2}', "--new")
    assert other.json["session"] != row["id"]


def test_an_error_of_the_tool_is_1(demo: Program) -> None:
    result = call(demo, "demo", "fail", '{"why": "no"}')
    assert (result.code, result.json["is_error"]) == (1, True)


def test_exit_codes(demo: Program) -> None:
    demo.json("mcp", "add", "down", "--url", "http://127.0.0.1:9/mcp")
    demo.json("mcp", "add", "gone", "--", "/no/such/program")
    for words, code in (
        (("tools", "nowhere"), 4),
        (("call", "nowhere", "echo"), 4),
        (("call", "demo", "no-such-tool"), 4),
        (("tools", "down"), 5),
        (("call", "down", "echo"), 5),
        (("tools", "gone"), 5),
        (("call", "demo", "echo", "{"), 2),
        (("call", "demo", "echo", "[1]"), 2),
        (("add", "x"), 2),
        (("add", "x", "--url", "http://127.0.0.1/", "--", "y"), 2),
        (("add", "x", "--url", "nowhere"), 1),
    ):
        result = demo.run("--json", "mcp", *words)
        assert (words, result.code) == (words, code)
        assert result.out == ""
        assert result.error["message"]
    assert "echo" in call(demo, "demo", "no-such-tool").error["candidates"]


def test_without_a_terminal_questions_are_declined(demo: Program) -> None:
    assert call(demo, "demo", "greet").json["content"][0]["text"] == "declined"


def test_over_http(demo: Program) -> None:
    with demo_address() as address:
        demo.json("mcp", "add", "remote", "--url", address)
        assert call(demo, "remote", "echo", '{"message": "far"}').json["content"][0]["text"] == "far"


def test_a_hostile_server_is_told_in_one_sentence(demo: Program) -> None:
    config = hostile("halfway")
    demo.json("mcp", "add", "evil", "--", str(config.command), *map(str, config.args))
    result = call(demo, "evil", "go")
    assert result.code == 5
    assert "was ended by signal 9" in result.error["message"]


def test_files_are_imported_with_a_look_first(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "claude_desktop_config.json"
    entries = {"one": {"command": "npx", "args": ["a"]}, "two": {"url": "http://127.0.0.1:9/mcp"}, "bad": {}}
    file.write_text(json.dumps({"mcpServers": entries}))
    looked = program.json("mcp", "import", str(file), "--dry-run")
    assert looked["new"] == ["one", "two"]
    assert [one["name"] for one in looked["skipped"]] == ["bad"]
    assert "one" not in {row["name"] for row in program.json("mcp", "list")}
    program.json("mcp", "import", str(file))
    assert {"one", "two"} <= {row["name"] for row in program.json("mcp", "list")}
    assert program.json("mcp", "import", str(file))["unchanged"] == ["one", "two"]


def test_secrets_without_a_keyring_are_refused(program: Program) -> None:
    result = program.run("--json", "mcp", "add", "x", "--env", "API_KEY=abc1234567", "--", "npx")
    assert result.code == 1
    assert "keyring" in result.error["message"]


# Lovelace as a server


def test_another_agent_finds_a_decision_through_the_server(program: Program) -> None:
    program.run("chat", "We decided to take SQLCipher", "--new", "--agent", "scripted")
    program.json("workspace", "create", "Elsewhere")
    words = program.arguments(["mcp", "serve"])
    program.json("mcp", "add", "lovelace", "--", *words)
    names = {tool["name"] for tool in program.json("mcp", "tools", "lovelace")}
    assert names == {"search_sessions", "read_events", "list_recent", "file_history", "list_memory"}
    found = call(program, "lovelace", "search_sessions", '{"query": "SQLCipher decided"}')
    assert found.code == 0, found.err
    [hit] = [hit for hit in found.json["structured_content"]["hits"] if hit["kind"] == "user_message"]
    assert "‹SQLCipher›" in hit["snippet"]
    elsewhere = program.arguments(["--workspace", "Elsewhere", "mcp", "serve"])
    program.json("mcp", "add", "elsewhere", "--", *elsewhere)
    nothing = call(program, "elsewhere", "search_sessions", '{"query": "SQLCipher"}')
    assert nothing.json["structured_content"] == {"hits": []}
    refused = call(program, "elsewhere", "read_events", json.dumps({"session": hit["session"]}))
    assert refused.code == 1 and refused.json["is_error"]


def test_over_http_address_and_token_are_printed(program: Program, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    words = program.arguments(["--json", "mcp", "serve", "--http", "--token-file", str(token_file)])
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=program.environment, cwd=program.folder)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert token_file.read_text().strip() == told["token"]
        assert token_file.stat().st_mode & 0o777 == 0o600
        headers = {"Authorization": f"Bearer {told['token']}"}

        async def look() -> list[str]:
            connection = await connect(plan(ServerConfig(name="x", url=told["url"], headers=dict(headers))))
            try:
                return [tool.name for tool in await connection.tools()]
            finally:
                await connection.close()

        assert "list_recent" in asyncio.run(look())
        process.send_signal(signal.SIGINT)
        assert process.wait(10) in (0, 130)
    finally:
        process.kill()
        process.communicate()


def test_options_of_http_without_it_are_refused(program: Program) -> None:
    assert program.run("mcp", "serve", "--port", "5").code == 2


# Agents with the servers' tools


def script(folder: Path, *steps: dict[str, Any]) -> str:
    (folder / "script.json").write_text(json.dumps([[*steps, {"say": "done"}]]))
    return str(folder / "script.json")


def test_an_agent_of_a_chat_and_of_a_task_calls_a_tool(demo: Program, tmp_path: Path) -> None:
    step = {"tool": "mcp__demo__add", "input": {"a": 40, "b": 2}}
    demo.json("agents", "add", "adder", "--script", script(tmp_path, step))
    project = tmp_path / "project"
    project.mkdir()
    words = ("chat", "add", "--new", "--agent", "adder", "--tools", "--yes")
    for allow, status in (("all", "completed"), ("read", "denied")):
        events = demo.run("--json", *words, "--allow", allow, cwd=project).lines
        [result] = [event for event in events if event["kind"] == "tool_result"]
        assert result["status"] == status
    plain = demo.run("--json", "chat", "add", "--new", "--agent", "adder").lines
    [result] = [event for event in plain if event["kind"] == "tool_result"]
    assert result["status"] == "failed"
    rules = tmp_path / "rules.json"
    for servers, status in (([], "failed"), (["demo"], "completed")):
        rules.write_text(json.dumps({"servers": servers}))
        events = demo.run(
            "--json", "task", "add", "--agent", "adder", "--rules", str(rules), "--yes", cwd=project
        ).lines
        assert next(event["status"] for event in events if event["kind"] == "tool_result") == status


def test_a_form_in_the_middle_of_an_agents_call_is_filled_in_at_the_terminal(demo: Program, tmp_path: Path) -> None:
    step = {"tool": "mcp__demo__greet", "input": {}}
    demo.json("agents", "add", "greeter", "--script", script(tmp_path, step))
    project = tmp_path / "project"
    project.mkdir()
    words = ["chat", "Greet", "--new", "--agent", "greeter", "--tools", "--allow", "all"]
    declined = demo.run("--json", *words, "--yes", cwd=project).lines
    assert next(one["output"] for one in declined if one["kind"] == "tool_result") == "declined"
    assert not [one for one in declined if one["kind"] == "permission_request"]
    ours, theirs = os.openpty()
    with subprocess.Popen(
        demo.arguments(["--json", *words]),
        cwd=project,
        env=demo.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        for question, typed in ((b"Answer?", b"y\n"), (b"Name: ", b"Ann\n"), (b"Age [0]: ", b"\n")):
            said = b""
            while question not in said:
                said += os.read(ours, 1024)
            os.write(ours, typed)
        out, _ = process.communicate(timeout=45)
    os.close(ours)
    events = [json.loads(line) for line in out.splitlines()]
    assert next(one["output"] for one in events if one["kind"] == "tool_result") == "hello Ann"
    [answer] = [one for one in events if one["kind"] == "permission_answer"]
    assert (answer["answer"], answer["values"]) == ("once", {"name": "Ann", "age": 0})
