"""Going on with sessions of other tools: imported, then continued with a model; what it was really sent is checked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CHECKOUT, Program
from tests.helpers.model_server import ModelServer, Reply

FIXTURES = CHECKOUT / "tests" / "fixtures" / "import"
SECRET_WORD = "xylophone"


@pytest.fixture(scope="module")
def imported(program: Program) -> dict[str, str]:
    """Ids of the imported sessions by title."""
    program.json("import", str(FIXTURES))
    return {row["title"]: row["id"] for row in program.json("sessions", "list")}


def chat(
    program: Program, session: str, text: str, replies: Sequence[Reply] = (Reply(text="Gladly."),)
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One turn with a model: the requests that its server got, and the lines that the program printed."""

    async def run() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        async with ModelServer(replies) as server:

            def call() -> list[dict[str, Any]]:
                program.json("agents", "add", "helper", "--url", server.url, "--model", "unheard-of")
                done = program.run("--json", "chat", "--session", session, "--agent", "helper", text)
                assert done.code == 0, done.err
                return done.lines

            lines = await asyncio.to_thread(call)
            return server.requests, lines

    return asyncio.run(run())


def contents(request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], str(message.get("content"))) for message in request["messages"]]


def test_a_claude_code_session_goes_on(program: Program, imported: dict[str, str]) -> None:
    session = next(id for title, id in imported.items() if title.startswith("User learned about Python decorators"))
    shown = program.run("--json", "sessions", "show", session).lines
    [request], _ = chat(program, session, "What did we write?")
    messages = contents(request)
    assert messages[0][0] == "system" and "You go on with the session" in messages[0][1]
    told = [text for _, text in messages[1:]]
    prompts = [event["text"] for event in shown if event["kind"] == "user_message"]
    assert [text for text in told if not text.startswith("[")] == [*prompts, "What did we write?"]
    answers = [event["text"] for event in shown if event["kind"] == "agent_message"]
    label = "[The agent claude-code said:]\n"
    assert [text for text in told if text.startswith(label)] == [label + text for text in answers]
    results = {event["call_id"]: event["output"] for event in shown if event["kind"] == "tool_result"}
    calls = [event for event in shown if event["kind"] == "tool_call"]
    assert calls
    for call in calls:
        [used] = [text for text in told if f" used {call['name']} " in text and results[call["call_id"]] in text]
        assert used.startswith("[The agent claude-code used ")


def test_a_codex_session_goes_on(program: Program, imported: dict[str, str]) -> None:
    session = imported["create one focused commit"]
    [request], lines = chat(program, session, "Push it.")
    told = [text for _, text in contents(request)][1:]
    assert told[0] == "create one focused commit"
    assert told[-2:] == ["[The agent codex said:]\nCreated one focused commit.", "Push it."]
    assert any(text.startswith("[The agent codex used apply_patch") and text.endswith("Done") for text in told)
    assert [line["text"] for line in lines if line["kind"] == "agent_message"] == ["Gladly."]


def test_a_long_foreign_session_is_summed_up_and_shown(program: Program, tmp_path: Path) -> None:
    source = tmp_path / "long.jsonl"
    records = []
    for number in range(200):
        common = {"sessionId": "long", "cwd": "/tmp", "isSidechain": False, "version": "1"}
        common["timestamp"] = f"2026-01-01T{number // 60:02d}:{number % 60:02d}:00.000Z"
        word = SECRET_WORD if number == 3 else "words"
        prompt = {"role": "user", "content": f"Prompt {number}: {word} " + "x " * 300}
        answer = {"role": "assistant", "content": [{"type": "text", "text": f"Answer {number} " + "y " * 100}]}
        parent = f"a{number - 1}" if number else None
        records.append(common | {"type": "user", "uuid": f"u{number}", "parentUuid": parent, "message": prompt})
        records.append(
            common | {"type": "assistant", "uuid": f"a{number}", "parentUuid": f"u{number}", "message": answer}
        )
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert program.json("import", str(source))["created"] == 1
    session = next(row["id"] for row in program.json("sessions", "list") if row["title"].startswith("Prompt 0"))
    requests, lines = chat(program, session, "And now?", [Reply(text=f"They spoke of a {SECRET_WORD}.")])
    assert any(SECRET_WORD in json.dumps(request) for request in requests[:-1])
    told = [text for _, text in contents(requests[-1])]
    assert told[1] == f"[What happened before, in short:]\nThey spoke of a {SECRET_WORD}."
    assert told[-1] == "And now?" and any(text.startswith("Prompt 199") for text in told)
    [compaction] = [line for line in lines if line["kind"] == "compaction"]
    assert compaction["text"].startswith("They spoke") and compaction["first"] < compaction["last"] < compaction["id"]
    text = program.run("sessions", "show", session).out
    assert f"[compaction] They spoke of a {SECRET_WORD}." in text
    out = tmp_path / "out.md"
    assert program.run("export", session, "--format", "markdown", "--out", str(out)).code == 0
    assert f"**Compaction**\n\nThey spoke of a {SECRET_WORD}." in out.read_text()
    [again], _ = chat(program, session, "Still?")
    assert [text for _, text in contents(again)][1] == told[1]
