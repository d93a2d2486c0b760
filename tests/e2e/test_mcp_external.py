"""The MCP servers that people use, with the real program: `make test-external` installs them.

Each is a program of this computer; where one listens or calls an address, it does so in a network of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.agents.mcp.config import ServerConfig
from app.agents.mcp.connection import connect
from app.agents.mcp.launch import plan
from tests.e2e.conftest import Program
from tests.e2e.test_terminal import terminal
from tests.helpers.mcp_servers import needed

pytestmark = [pytest.mark.external, pytest.mark.timeout(120)]


def add(program: Program, name: str, *words: str, env: tuple[str, ...] = ()) -> str:
    """Configure a server under its own name; skips the test where it is not installed."""
    options = [word for variable in env for word in ("--env", variable)]
    program.json("mcp", "add", name, *options, "--", *needed(name), *words)
    return name


def tools(program: Program, name: str) -> set[str]:
    return {tool["name"] for tool in program.json("mcp", "tools", name)}


def call(program: Program, name: str, tool: str, *, code: int = 0, **values: Any) -> dict[str, Any]:
    """Call a tool and look that the call was recorded as it was; the answer."""
    result = program.run("--json", "mcp", "call", name, tool, json.dumps(values))
    assert result.code == code, result.err or result.out
    answer: dict[str, Any] = result.json
    recorded = last_call(program, name, tool, values)
    assert recorded["id"] == answer["event"]
    assert recorded["status"] == ("failed" if answer["is_error"] else "completed")
    assert all(block["text"] in recorded["output"] for block in answer["content"] if block["type"] == "text")
    return answer


def last_call(program: Program, name: str, tool: str, values: dict[str, Any]) -> dict[str, Any]:
    """The result of the newest call of a server, which was this one."""
    rows = program.json("sessions", "list", "--type", "mcp")
    session = next(row["id"] for row in rows if row["title"] == f"MCP: {name}")
    events = program.run("--json", "sessions", "show", session).lines
    asked = [event for event in events if event["kind"] == "tool_call"][-1]
    answered: dict[str, Any] = events[-1]
    assert (asked["name"], asked["input"]) == (f"mcp__{name}__{tool}", values)
    assert (answered["kind"], answered["call_id"]) == ("tool_result", asked["call_id"])
    assert answered["duration_ms"] >= 0
    return answered


def text(answer: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in answer["content"] if block["type"] == "text")


# the everything-server


@pytest.fixture(scope="module")
def everything(program: Program) -> str:
    return add(program, "everything")


def test_everything_lists_its_tools(program: Program, everything: str) -> None:
    names = {"echo", "get-sum", "get-tiny-image", "trigger-long-running-operation", "get-resource-reference"}
    assert names <= tools(program, everything)
    assert {"trigger-elicitation-request", "trigger-sampling-request"} <= tools(program, everything)


def test_everything_says_it_back_and_adds(program: Program, everything: str) -> None:
    assert text(call(program, everything, "echo", message="hello ü")) == "Echo: hello ü"
    assert "42" in text(call(program, everything, "get-sum", a=40, b=2))
    wrong = call(program, everything, "get-sum", code=1, a="forty", b=2)
    assert "a" in text(wrong) and wrong["is_error"]
    city = call(program, everything, "get-structured-content", location="Chicago")
    assert city["structured_content"].keys() == {"temperature", "conditions", "humidity"}


def test_everything_gives_pictures_and_resources(program: Program, everything: str) -> None:
    picture = call(program, everything, "get-tiny-image")
    [block] = [one for one in picture["content"] if one["type"] == "image"]
    assert block["mimeType"] == "image/png"
    kept = last_call(program, everything, "get-tiny-image", {})["content"]["blocks"][0]
    assert kept["mimeType"] == "image/png" and kept["data"]["size"] > 100
    given = call(program, everything, "get-resource-reference", resourceType="Text", resourceId=1)
    [resource] = [one["resource"] for one in given["content"] if one["type"] == "resource"]
    assert resource["uri"].startswith("demo://resource/dynamic/text/1") and resource["text"]
    values = {"resourceType": "Blob", "resourceId": 1}
    call(program, everything, "get-resource-reference", **values)
    [block] = last_call(program, everything, "get-resource-reference", values)["content"]["blocks"]
    assert block["resource"]["blob"]["size"] > 40
    links = call(program, everything, "get-resource-links", count=2)
    assert [one["type"] for one in links["content"]].count("resource_link") == 2


def test_everything_tells_how_far_it_is(program: Program, everything: str) -> None:
    values = {"duration": 2, "steps": 4}
    with terminal(program, "mcp", "call", everything, "trigger-long-running-operation", json.dumps(values)) as shown:
        shown.expect("75%")
        assert "Long running operation completed. Duration: 2 seconds, Steps: 4." in shown.end()
    assert shown.code == 0
    assert last_call(program, everything, "trigger-long-running-operation", values)["duration_ms"] >= 2_000


def test_everything_asks_the_person(program: Program, everything: str) -> None:
    """Enter takes what the form proposes."""
    with terminal(program, "mcp", "call", everything, "trigger-elicitation-request") as asked:
        asked.expect("Answer? [y/N] ")
        asked.type("y\n")
        asked.expect("String: ")
        asked.type("Ada\n")
        for title in ("Boolean", *(("String with",) * 4), "Integer [42]", "Number in range", "Monica", "[Guitar]"):
            asked.expect(title)
            asked.expect(": ")
            asked.type("\n")
        for typed in ("hero-2\n", "\n", "\n"):
            asked.expect("Select Enum")
            asked.expect(": ")
            asked.type(typed)
        said = asked.end()
    assert asked.code == 0
    assert "- Name: Ada" in said and "- Favorite Integer: 42" in said and '"hero-2"' in said and '"pet-1"' in said
    declined = call(program, everything, "trigger-elicitation-request")
    assert "declined" in text(declined)


def test_everything_asks_for_a_page_to_be_visited(program: Program, everything: str) -> None:
    values = {"url": "http://127.0.0.1:9/x", "message": "Sign it"}
    with terminal(program, "mcp", "call", everything, "trigger-url-elicitation", json.dumps(values)) as asked:
        asked.expect("everything asks at http://127.0.0.1:9/x: Sign it")
        asked.type("y\n")
        assert "User completed the URL elicitation flow" in asked.end()


def test_everything_asks_a_model_with_consent(program: Program, everything: str) -> None:
    script = program.folder / "oracle.json"
    script.write_text(json.dumps([[{"say": "It is 42."}]]))
    program.json("agents", "add", "oracle", "--script", str(script))
    values = json.dumps({"prompt": "What is the answer?"})
    with terminal(program, "mcp", "call", everything, "trigger-sampling-request", values) as asked:
        assert "context: What is the answer?" in asked.expect("Let it be answered? [y/N] ")
        asked.type("y\n")
        said = asked.end()
    assert asked.code == 0 and '"model": "oracle"' in said and "It is 42." in said
    refused = call(program, everything, "trigger-sampling-request", code=1, prompt="And now?")
    assert "declined" in text(refused)


def test_an_agent_calls_everything(program: Program, everything: str, tmp_path: Path) -> None:
    script = program.folder / "adder.json"
    steps = [{"tool": "mcp__everything__get-sum", "input": {"a": 40, "b": 2}}, {"say": "done"}]
    script.write_text(json.dumps([steps]))
    program.json("agents", "add", "adder", "--script", str(script))
    words = ("chat", "add", "--new", "--agent", "adder", "--tools", "--yes", "--allow", "all")
    events = program.run("--json", *words, cwd=tmp_path).lines
    [result] = [event for event in events if event["kind"] == "tool_result"]
    assert result["status"] == "completed" and "42" in result["output"]


# the others from npm


def test_filesystem_stays_in_its_folder(program: Program, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_text("not yours")
    (inside / "way-out").symlink_to(tmp_path / "secret")
    add(program, "filesystem", str(inside))
    assert {"read_text_file", "write_file", "list_directory"} <= tools(program, "filesystem")
    call(program, "filesystem", "write_file", path=str(inside / "a.txt"), content="eins\nzwei\n")
    assert (inside / "a.txt").read_text() == "eins\nzwei\n"
    assert "[FILE] a.txt" in text(call(program, "filesystem", "list_directory", path=str(inside)))
    assert text(call(program, "filesystem", "read_text_file", path=str(inside / "a.txt"), head=1)) == "eins"
    for path in (tmp_path / "secret", inside / "way-out", inside / "../secret"):
        refused = call(program, "filesystem", "read_text_file", code=1, path=str(path))
        assert "outside allowed directories" in text(refused)


def test_filesystem_keeps_to_the_folders_of_the_workspace(tmp_path: Path) -> None:
    """They count instead of its own, as soon as it has asked for them."""
    own, folder = tmp_path / "own", tmp_path / "project"
    own.mkdir()
    folder.mkdir()
    command, *words = needed("filesystem")
    config = ServerConfig(name="filesystem", command=command, args=(*words, str(own)))

    async def allowed() -> str:
        connection = await connect(plan(config), roots=[folder])
        try:
            async with asyncio.timeout(20):
                while str(own) in (answer := await connection.call("list_allowed_directories", {})).text():
                    pass
            return answer.text()
        finally:
            await connection.close()

    assert asyncio.run(allowed()) == f"Allowed directories:\n{folder}"


def test_memory_keeps_what_it_is_told(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    add(program, "memory", env=(f"MEMORY_FILE_PATH={file}",))
    entity = {"name": "Lovelace", "entityType": "program", "observations": ["keeps sessions"]}
    made = call(program, "memory", "create_entities", entities=[entity])
    assert made["structured_content"] == {"entities": [entity]}
    found = call(program, "memory", "search_nodes", query="sessions")  # by a process of its own
    assert found["structured_content"]["entities"] == [entity]
    assert "Lovelace" in file.read_text()


# those from PyPI


def test_git_tells_the_status_of_a_repository(program: Program, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    for words in (["init", "-q", "-b", "main", str(repository)], ["-C", str(repository), "config", "user.name", "Ada"]):
        subprocess.run(["git", *words], check=True, timeout=20)
    (repository / "new.txt").write_text("new\n")
    add(program, "git", "--repository", str(repository))
    assert {"git_status", "git_log", "git_diff"} <= tools(program, "git")
    assert "new.txt" in text(call(program, "git", "git_status", repo_path=str(repository)))
    outside = call(program, "git", "git_status", code=1, repo_path=str(tmp_path))
    assert outside["is_error"]


def test_time_converts_between_zones(program: Program) -> None:
    add(program, "time", "--local-timezone", "Europe/Vienna")
    values = {"source_timezone": "Europe/Vienna", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    converted = call(program, "time", "convert_time", **values)
    assert converted["structured_content"]["target"]["timezone"] == "Asia/Tokyo"
    assert call(program, "time", "get_current_time", timezone="Asia/Tokyo")["structured_content"]["is_dst"] is False
    assert call(program, "time", "get_current_time", code=1, timezone="Middle/Earth")["is_error"]


@contextmanager
def page() -> Iterator[str]:
    """A page on the loopback."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body><article><h1>Title</h1><p>Some <b>words</b>.</p></article></body></html>"
            self.send_response(404 if self.path == "/robots.txt" else 200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as serving:
        thread = Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}/page"
        finally:
            serving.shutdown()
            thread.join()


@pytest.mark.namespace
def test_fetch_gives_a_page_as_text(program: Program, tmp_path: Path) -> None:
    """Without a PATH: it would look for Node.js and fetch a package there."""
    add(program, "fetch", "--allow-private-ips", env=(f"PATH={tmp_path}",))
    with page() as address:
        answer = text(call(program, "fetch", "fetch", url=address))
        assert "words" in answer and "<b>" not in answer
        assert "<b>words</b>" in text(call(program, "fetch", "fetch", url=address, raw=True))
        program.json("mcp", "remove", "fetch")
        add(program, "fetch", env=(f"PATH={tmp_path}",))
        refused = call(program, "fetch", "fetch", code=1, url=address)
        assert "not a public address" in text(refused)


# over HTTP


@pytest.mark.namespace
def test_everything_over_http(program: Program) -> None:
    command = needed("everything")
    environment = os.environ | {"PORT": "3001"}
    with subprocess.Popen([*command, "streamableHttp"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None and "listening on port 3001" in process.stderr.readline()
            program.json("mcp", "add", "far", "--url", "http://127.0.0.1:3001/mcp")
            assert "get-sum" in tools(program, "far")
            assert "42" in text(call(program, "far", "get-sum", a=40, b=2))
            assert any(block["type"] == "image" for block in call(program, "far", "get-tiny-image")["content"])
            operation = call(program, "far", "trigger-long-running-operation", duration=0.2, steps=2)
            assert "completed" in text(operation)
            assert "declined" in text(call(program, "far", "trigger-elicitation-request"))
        finally:
            process.kill()
