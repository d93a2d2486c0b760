"""Agents from the terminal: chat and task with scripts, tools and permission, as JSON and as text."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

from app.agents.sandbox import bubblewrap_works
from tests.e2e.conftest import Program
from tests.helpers.external_agents import external_command

WRITER = [
    [
        {"think": "easy"},
        {"say": "I will write."},
        {"tool": "write", "input": {"path": "a.py", "content": "print(6 * 7)\n"}},
        {"tool": "run", "input": {"command": "python3 a.py"}},
        {"say": "It prints 42."},
        {"usage": {"input": 3, "output": 4}},
    ]
]
needs_sandbox = pytest.mark.skipif(not bubblewrap_works(), reason="commands of tasks need bubblewrap")


@pytest.fixture(scope="module")
def agents(program: Program) -> None:
    """Scripted agents: one that writes and runs, one that fails, one that never ends."""
    scripts = {
        "writer": WRITER,
        "broken": [[{"say": "Well"}, {"fail": "The model is on holiday."}]],
        "slow": [[{"say": "One moment"}, {"delay_ms": 60_000}, {"say": "never said"}]],
    }
    for name, script in scripts.items():
        path = program.folder / f"{name}.json"
        path.write_text(json.dumps(script))
        added = program.json("agents", "add", name, "--script", str(path))
        assert (added["id"], added["kind"]) == (name, "scripted")


@pytest.fixture
def folder(program, tmp_path):
    """A folder that is bound to a workspace of its own."""
    program.json("workspace", "open", str(tmp_path))
    return tmp_path


def kinds(lines) -> list[str]:
    return [line["kind"] for line in lines if line["kind"] != "delta"]


def test_agents_list_test_and_remove(program, agents) -> None:
    rows = program.json("agents", "list")
    assert [row["name"] for row in rows] == ["writer", "broken", "slow", "local", "scripted"]
    assert [row["default"] for row in rows] == [True, False, False, False, False]
    assert program.json("agents", "test", "scripted")["text"].startswith("You said: ")
    assert program.run("agents", "test", "broken").code == 5
    assert program.run("agents", "test", "nobody").code == 4
    script = str(program.folder / "writer.json")
    assert program.run("agents", "add", "extra", "--script", script).code == 0
    assert program.json("agents", "remove", "extra") == {"ok": True, "ids": ["extra"]}
    assert program.run("agents", "remove", "extra").code == 4


def test_an_external_agent_is_added_tried_and_works(program, folder) -> None:
    call = {"toolCallId": "t", "kind": "edit", "title": "Write", "locations": [{"path": "{cwd}/a.txt"}]}
    ended = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"}
    turn = [
        {"ask": call},
        {"effect": ["{cwd}/a.txt", None, "one\n"]},
        {"update": ended},
        {"run": "cat a.txt; exit 3"},
        {"say": "Done."},
    ]
    command = external_command(folder, {"turns": [turn]})
    added = program.json("agents", "add", "outside", "--", *command)
    assert (added["kind"], added["command"], added["model"]) == ("acp", list(command), None)
    tried = program.json("agents", "test", "outside")
    assert (tried["text"], tried["models"], tried["modes"]) == ("Done.", [], [])
    words = ["--json", "chat", "Do it", "--new", "--agent", "outside", "--tools", "--allow", "all"]
    lines = program.run(*words, cwd=folder).lines
    assert kinds(lines) == [
        "user_message", "notice", "tool_call", "file_change", "tool_result",
        "tool_call", "command", "command_result", "tool_result", "agent_message",
    ]  # fmt: skip
    change = next(line for line in lines if line["kind"] == "file_change")
    assert (change["path"], change["cause"]) == ("a.txt", "tool")
    assert next(line for line in lines if line["kind"] == "command_result")["exit_code"] == 3
    assert (folder / "a.txt").read_text() == "one\n"
    assert program.json("agents", "remove", "outside")["ok"]


def test_an_external_agent_is_described_right_or_refused(program, tmp_path) -> None:
    assert program.run("agents", "add", "x", "--url", "http://127.0.0.1:1/v1", "--", "prog").code == 2
    assert program.run("agents", "add", "x", "--key-fd", "0", "--", "prog").code == 2
    assert program.run("agents", "add", "x", "--mode", "ask", "--script", "a.json").code == 2
    added = program.json("agents", "add", "gone", "--mode", "ask", "--model", "m", "--", "no-such-program")
    assert (added["mode"], added["model"]) == ("ask", "m")
    failed = program.run("--json", "agents", "test", "gone")
    assert failed.code == 5
    assert "there is no such program" in failed.error["message"]
    assert program.run("agents", "remove", "gone").code == 0


def test_agents_titles(other_program, tmp_path) -> None:
    script = tmp_path / "namer.json"
    script.write_text(json.dumps([[{"say": "Eight minutes."}, {"title": "About eggs"}]]))
    other_program.json("agents", "add", "namer", "--script", str(script))

    def title() -> str:
        other_program.run("chat", "How long?", "--new", "--agent", "namer")
        return other_program.json("sessions", "list")[0]["title"]

    assert other_program.json("agents", "titles") == {"ok": True, "ids": [], "titles": True}
    assert title() == "About eggs"
    assert other_program.json("agents", "titles", "off") == {"ok": True, "ids": [], "titles": False}
    assert other_program.json("agents", "titles")["titles"] is False
    assert title() == "How long?"
    assert "Agents name" in other_program.run("agents", "titles", "on").out
    assert title() == "About eggs"
    assert other_program.run("agents", "titles", "perhaps").code == 2
    assert "nobody has named" in other_program.run("agents", "titles", "--help").out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--url", "http://127.0.0.1:1/v1"],
        ["--script", "s.json", "--model", "m"],
        ["--provider", "nobody", "--model", "m"],
        ["--url", "http://127.0.0.1:1/v1", "--provider", "openai", "--model", "m"],
    ],
)
def test_agents_add_refuses_what_makes_no_sense(program, words) -> None:
    assert program.run("agents", "add", "x", *words).code == 2


def test_an_absent_server_is_unreachable_and_the_prompt_is_kept(program, agents) -> None:
    program.json("agents", "add", "absent", "--url", "http://127.0.0.1:1/v1", "--model", "m")
    result = program.run("--json", "chat", "--new", "--agent", "absent", "Are you there?")
    assert result.code == 5 and result.error["code"] == 5
    program.json("agents", "remove", "absent")
    shown = program.run("--json", "sessions", "show").lines
    assert [e["text"] for e in shown if e["kind"] == "user_message"] == ["Are you there?"]


def test_chat_streams_and_goes_on_in_the_most_recent_session(program, agents) -> None:
    lines = program.run("--json", "chat", "--new", "--agent", "scripted", "Hello").lines
    assert kinds(lines) == ["user_message", "agent_thought", "agent_message", "usage"]
    deltas = [line for line in lines if line["kind"] == "delta"]
    message = next(line for line in lines if line["kind"] == "agent_message")
    assert all(set(delta) == {"kind", "turn", "text"} for delta in deltas)
    assert "".join(delta["text"] for delta in deltas) == message["text"]
    assert {line["turn"] for line in lines} == {message["turn"]}
    again = program.run("chat", "And again")
    assert again.code == 0 and again.out.startswith("You said: And again\n")
    shown = program.run("--json", "sessions", "show", message["session"]).lines
    assert [e["text"] for e in shown if e["kind"] == "user_message"] == ["Hello", "And again"]
    assert "delta" not in {event["kind"] for event in shown}
    stored = {event["id"]: event for event in shown}
    assert all(stored[line["id"]] == line for line in lines if line["kind"] != "delta")
    assert program.json("sessions", "list")[0]["title"] == "Hello"


def test_chat_with_an_unknown_agent_or_session_is_not_found(program) -> None:
    assert program.run("chat", "--agent", "nobody", "x").code == 4
    assert program.run("chat", "--session", "zzz", "x").code == 4
    for words in (["--new", "--session", "x", "y"], [""], [], ["--allow", "everything", "x"]):
        assert program.run("chat", *words).code == 2, words


def test_without_a_terminal_only_what_is_allowed_happens(program, agents, folder) -> None:
    denied = program.run("--json", "chat", "--new", "--agent", "writer", "--tools", "Write", cwd=folder).lines
    assert [e["status"] for e in denied if e["kind"] == "tool_result"] == ["denied", "denied"]
    assert not (folder / "a.py").exists()
    edits = program.run(
        "--json", "chat", "--new", "--agent", "writer", "--tools", "--allow", "edit", "Write", cwd=folder
    ).lines
    assert [e["status"] for e in edits if e["kind"] == "tool_result"] == ["completed", "denied"]
    change = next(e for e in edits if e["kind"] == "file_change")
    assert (change["path"], change["added"], change["language"]) == ("a.py", 1, "python")
    assert (folder / "a.py").read_text() == "print(6 * 7)\n"


@needs_sandbox
def test_everything_allowed_runs_the_command(program, agents, folder) -> None:
    text = program.run("chat", "--new", "--agent", "writer", "--tools", "--allow", "all", "Write", cwd=folder)
    assert text.code == 0
    assert [line for line in text.out.splitlines() if not line.startswith("  ")] == [
        "I will write.", "▸ Write a.py", "▸ changed a.py +1 -0", "▸ Run python3 a.py", "$ python3 a.py", "42",
        "It prints 42.",
    ]  # fmt: skip
    result = next(
        e for e in program.run("--json", "sessions", "show", cwd=folder).lines if e["kind"] == "command_result"
    )
    assert (result["exit_code"], result["stdout"]) == (0, "42\n")


def test_tools_need_a_folder(program, agents, tmp_path) -> None:
    unbound = tmp_path / "unbound"
    unbound.mkdir()
    for words in (["chat", "--new", "--agent", "writer", "--tools", "x"], ["task", "--agent", "writer", "x"]):
        result = program.run(*words, cwd=unbound)
        assert (result.code, result.err.count("\n")) == (1, 1) and str(unbound) in result.err
    before = len(program.json("workspace", "list"))
    assert program.run("chat", "--new", "--agent", "writer", "--tools", "--yes", "x", cwd=unbound).code == 0
    assert len(program.json("workspace", "list")) == before + 1
    assert program.json("workspace", "show", cwd=unbound)["folders"] == [str(unbound)]


def test_an_interrupted_turn_keeps_what_was_said(program, agents) -> None:
    chat = subprocess.Popen(
        program.arguments(["--json", "chat", "--new", "--agent", "slow", "Wait for it"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=program.environment,
        cwd=program.folder,
    )
    assert chat.stdout
    for line in chat.stdout:
        if json.loads(line)["kind"] == "delta" and "moment" in line:
            break
    chat.send_signal(signal.SIGINT)
    rest, error = chat.communicate(timeout=30)
    assert chat.returncode == 130 and "Traceback" not in error
    message = next(e for e in map(json.loads, rest.splitlines()) if e["kind"] == "agent_message")
    assert message["text"] == "One moment" and message["interrupted"] is True


@needs_sandbox
def test_a_task_is_done_verified_and_concluded(program, agents, folder) -> None:
    lines = program.run("--json", "task", "--agent", "writer", "Write a program", cwd=folder).lines
    assert {"plan", "tool_call", "file_change", "command_result", "verification", "conclusion"} <= set(kinds(lines))
    conclusion = next(line for line in lines if line["kind"] == "conclusion")
    assert (conclusion["outcome"], conclusion["text"]) == ("completed", "It prints 42.")
    [row] = program.json("sessions", "list", "--type", "agent", cwd=folder)
    assert (row["status"], row["title"], row["agent"]) == ("completed", "Write a program", "writer")


@needs_sandbox
def test_a_task_that_fails_waits_or_is_unreachable_says_so(program, agents, folder) -> None:
    assert program.run("task", "--agent", "broken", "x", cwd=folder).code == 5
    rules = folder / "rules.json"
    rules.write_text(json.dumps({"checks": ["false"], "attempts": 1}))
    failed = program.run("--json", "task", "--agent", "writer", "--rules", str(rules), "x", cwd=folder)
    assert failed.code == 1 and failed.error["code"] == 1 and "false" in failed.error["message"]
    rules.write_text(json.dumps({"steps": 1}))
    assert program.run("task", "--agent", "writer", "--rules", str(rules), "x", cwd=folder).code == 7
    rules.write_text("{")
    assert program.run("task", "--agent", "writer", "--rules", str(rules), "x", cwd=folder).code == 1
    assert program.run("task", "--agent", "nobody", "x", cwd=folder).code == 4


@needs_sandbox
def test_a_task_goes_on_in_the_background(program, agents, folder) -> None:
    row = program.json("task", "--background", "--agent", "writer", "--", "-v is a word", cwd=folder)
    deadline = time.monotonic() + 30
    while program.json("sessions", "list", cwd=folder)[0]["status"] != "completed":
        assert time.monotonic() < deadline
    assert program.json("sessions", "list", cwd=folder)[0]["id"] == row["id"]
    assert (folder / "a.py").exists()


def test_models_are_listed_and_refused(program, tmp_path) -> None:
    assert program.json("models", "list") == []
    (tmp_path / "no.gguf").write_text("not a model")
    assert program.run("models", "add", str(tmp_path / "no.gguf")).code == 1
    assert program.run("models", "get", "nothing").code == 4
    assert program.run("models", "remove", "nothing", "--yes").code == 4
    assert program.run("models", "remove", "nothing").code == 1
