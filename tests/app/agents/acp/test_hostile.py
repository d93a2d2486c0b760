"""Agents that crash, flood, lie, ask for what is not theirs, or say nothing: nothing is lost and nothing leaks."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from app.agents.acp.limits import Limits
from app.agents.backend import TextDelta, Update
from app.agents.process import MARKER
from app.errors import AgentError
from app.sessions.events import FileChange, Notice, PermissionAnswer, PermissionRequest, ToolCall, ToolResult
from tests.app.agents.support import Person, assert_calls_answered, bodies, collect, context, run
from tests.helpers.external_agents import external_agent

QUICK = Limits(opening=5.0, cancel=0.5)
CALL = {"toolCallId": "t", "kind": "edit", "title": "Write", "locations": [{"path": "{cwd}/a.txt"}]}


def told(step: str, **update: Any) -> dict[str, Any]:
    return {"update": {"sessionUpdate": step, **update}}


def play(
    folder: Path, tmp_path: Path, *steps: dict[str, Any], person: Person | None = None, **changes: Any
) -> list[Any]:
    """What one turn gives; an error is the last of it, as a text. changes: of the context."""

    async def work() -> list[Any]:
        backend = external_agent(tmp_path, {"turns": [list(steps)]}, limits=QUICK)
        updates: list[Any] = []
        conversation = await backend.start(context(folder, person, **changes))
        try:
            async for update in conversation.prompt([]):
                updates.append(update)
        except AgentError as error:
            updates.append(str(error))
        finally:
            await conversation.close()
        return updates

    updates = run(work())
    assert_calls_answered(updates)
    assert not list(running(str(tmp_path)))
    return updates


def running(part: str) -> list[int]:
    """Processes whose command line has a part."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                line = Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue
            if part.encode() in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def said(updates: list[Any]) -> str:
    return "".join(one.text for one in updates if isinstance(one, TextDelta) and one.kind == "agent_message")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


def test_a_crash_in_the_middle_of_a_line_keeps_what_came_before(folder: Path, tmp_path: Path) -> None:
    call = told("tool_call", status="in_progress", rawInput={"x": 1}, **CALL)
    updates = play(
        folder, tmp_path, {"say": "Half of it"}, call, {"stderr": "\x1b[31mboom\x1b[0m: no disk\n\n"}, {"die": 7}
    )
    assert said(updates) == "Half of it"
    assert [result.status for result in bodies(updates, ToolResult)] == ["failed"]
    assert updates[-1] == "The agent 'test' broke off: it ended with code 7. Its last words: boom: no disk"


def test_what_is_no_message_is_passed_over(folder: Path, tmp_path: Path) -> None:
    garbage = ["hello\n", "\n", "[]\n", "17\n", '{"id": {}}\n', '{"id": 1, "error": "no"}\n', "\x00\n"]
    garbage += ['{"method": 5, "id": 1}\n', '{"jsonrpc": "2.0", "id": 99, "result": {}}\n', '{"a": ' * 3000 + "\n"]
    updates = play(folder, tmp_path, *({"raw": line} for line in garbage), {"say": "Still here."})
    assert said(updates) == "Still here."


def test_half_of_a_surrogate_pair_does_not_stop_anything(folder: Path, tmp_path: Path) -> None:
    piece = '{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s1", "update": {"sessionUpdate": '
    piece += '"agent_message_chunk", "content": {"type": "text", "text": "a\\ud800b"}}}}\n'
    updates = play(folder, tmp_path, {"raw": piece}, {"say": "!"})
    assert said(updates) == "a?b!"


def test_an_agent_that_prints_no_messages_at_all_is_given_up(folder: Path, tmp_path: Path) -> None:
    updates = play(folder, tmp_path, {"say": "Hi"}, {"raw": "log\n" * 2000}, {"wait": 60})
    assert said(updates) == "Hi"
    assert updates[-1].startswith("The agent 'test' broke off: it prints something else than messages.")


def test_a_message_of_a_hundred_megabytes_ends_the_turn_in_bounded_memory(folder: Path, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    updates = play(folder, tmp_path, {"say": "Before"}, {"big": 120}, {"say": "After"})
    assert said(updates) == "Before"
    assert updates[-1] == "The agent 'test' broke off: it sent a message of more than 50 MB."
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024


def test_a_flood_waits_for_who_records_it(folder: Path, tmp_path: Path) -> None:
    async def work() -> int:
        backend = external_agent(tmp_path, {"turns": [[{"flood": 30_000}]]})
        conversation = await backend.start(context(folder))
        count = most = 0
        async for update in conversation.prompt([]):
            count += isinstance(update, TextDelta)
            most = max(most, conversation._stream._queue.qsize())
            if count % 1000 == 0:
                await asyncio.sleep(0.001)
        await conversation.close()
        assert most <= 4_000
        return count

    assert run(work()) == 30_000


def test_updates_of_unknown_kinds_and_shapes_lose_nothing(folder: Path, tmp_path: Path) -> None:
    odd: list[dict[str, Any]] = [
        {"update": {"sessionUpdate": "hologram", "beam": [1, 2]}},
        {"update": {"sessionUpdate": "hologram", "beam": [3]}},
        {"update": {"sessionUpdate": 5}},
        {"update": {"sessionUpdate": "agent_message_chunk", "content": [1, None]}},
        {"update": {"sessionUpdate": "agent_message_chunk"}},
        {"update": {"sessionUpdate": "plan", "entries": "none"}},
        {"update": {"sessionUpdate": "plan", "entries": [{"content": 1}, 5, {"content": "do", "status": "odd"}]}},
        {"update": {"sessionUpdate": "tool_call", "toolCallId": 5}},
        {"update": {"sessionUpdate": "tool_call", "toolCallId": "t", "kind": "dance", "status": "in_progress",
                    "locations": [{"path": 1}], "content": [{"type": "diff"}], "rawInput": [[]]}},
        {"update": {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "content": None}},
        {"say": "Done."},
    ]  # fmt: skip
    updates = play(folder, tmp_path, *odd)
    assert said(updates) == "Done."
    notices = [body for body in bodies(updates, Notice) if body.data and "acp" not in body.data]
    assert notices[0].data == {"sessionUpdate": "hologram", "beam": [1, 2]}
    assert len(notices) == 2
    assert [call.tool_kind for call in bodies(updates, ToolCall)] == ["other"]


def test_lies_about_ids_make_no_call_twice(folder: Path, tmp_path: Path) -> None:
    opened = told("tool_call", toolCallId="t", title="A", status="in_progress", rawInput={"n": 1})
    ended = told("tool_call_update", toolCallId="t", status="completed")
    failed = told("tool_call_update", toolCallId="t", status="failed")
    never = told("tool_call_update", toolCallId="never", status="completed")
    left = told("tool_call", toolCallId="open", title="B", status="in_progress", rawInput={})
    updates = play(folder, tmp_path, opened, opened, ended, ended, failed, never, left, {"say": "Done."})
    assert [result.status for result in bodies(updates, ToolResult)] == ["completed", "completed", "failed"]
    assert len({call.call_id for call in bodies(updates, ToolCall)}) == 3


def test_answers_that_come_twice_or_to_nothing_are_ignored(folder: Path, tmp_path: Path) -> None:
    again = '{"jsonrpc": "2.0", "id": %d, "result": {"stopReason": "cancelled"}}\n'
    updates = play(folder, tmp_path, *({"raw": again % n} for n in (0, 1, 900)), {"say": "Mine."})
    assert said(updates) == "Mine."


@pytest.mark.parametrize(
    "path", ["{cwd}/../secret.txt", "/etc/passwd", "{cwd}/link/secret.txt", "{cwd}/hidden", "", "a\0b"]
)
def test_files_outside_the_folders_are_neither_read_nor_written(path: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path)
    (folder / "hidden").write_text("secret")
    ask = {"ask": {**CALL, "locations": [{"path": path}]}}
    steps = [{"read": path}, {"write": [path, "owned"]}, ask, {"write": [path, "owned"]}, {"tell_answers": 0}]
    updates = play(folder, tmp_path, *steps, hidden=(folder / "hidden",))
    assert "secret" not in said(updates).replace("secret.txt", "")
    assert "root:" not in said(updates)
    assert {(tmp_path / "secret.txt").read_text(), (folder / "hidden").read_text()} == {"secret"}
    assert bodies(updates, FileChange) == []


def test_a_file_that_was_not_asked_for_needs_permission(folder: Path, tmp_path: Path) -> None:
    person = Person("reject")
    steps = [{"write": ["{cwd}/a.txt", "x"]}, {"tell_answers": 0}]
    updates = play(folder, tmp_path, *steps, person=person)
    assert [request.title for request in person.asked] == ["Write a.txt"]
    assert not (folder / "a.txt").exists()
    assert [result.status for result in bodies(updates, ToolResult)] == ["denied"]
    updates = play(folder, tmp_path, *steps, person=Person())
    assert (folder / "a.txt").read_text() == "x"
    assert [change.path for change in bodies(updates, FileChange)] == ["a.txt"]


def test_another_session_of_the_agent_is_not_ours(folder: Path, tmp_path: Path) -> None:
    other = '{"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "s2", "update": {"sessionUpdate": '
    other += '"agent_message_chunk", "content": {"type": "text", "text": "other"}}}}\n'
    person = Person()
    asked = {"sessionId": "s2", "toolCall": CALL, "options": []}
    updates = play(
        folder, tmp_path, {"raw": other}, {"request": ["session/request_permission", asked]}, {"tell_answers": 0},
        person=person,
    )  # fmt: skip
    assert not said(updates).startswith("other")
    assert "Nothing was asked in this session." in said(updates)
    assert person.asked == []


def test_what_is_not_offered_is_said_to_be_so(folder: Path, tmp_path: Path) -> None:
    updates = play(folder, tmp_path, {"request": ["terminal/create", {"command": "id"}]}, {"tell_answers": 0})
    assert "-32601" in said(updates)


def test_odd_options_never_become_a_yes(folder: Path, tmp_path: Path) -> None:
    options = [{"optionId": "x", "kind": "allow_forever"}, {"optionId": 5, "kind": "allow_once"}, 7]
    updates = play(folder, tmp_path, {"ask": {**CALL, "options": options}}, person=Person())
    assert bodies(updates, PermissionAnswer)[0].answer == "once"
    assert updates[-1] == "The agent 'test' broke off: it says that it was cancelled."


def test_an_agent_that_does_not_hear_cancel_is_ended(folder: Path, tmp_path: Path) -> None:
    async def work() -> tuple[list[Update], float, list[Update]]:
        script = {"turns": [[{"say": "Wait"}, {"wait": 600}]], "deaf": True}
        backend = external_agent(tmp_path, script)
        conversation = await backend.start(context(folder))
        loop = asyncio.get_running_loop()
        updates, began = [], 0.0
        async for update in conversation.prompt([]):
            updates.append(update)
            if isinstance(update, TextDelta) and not began:
                began, stop = loop.time(), asyncio.ensure_future(conversation.cancel())
        took = loop.time() - began
        await stop
        external_agent(tmp_path, {"turns": [[{"say": "Anew."}]]})
        again = await collect(conversation)
        await conversation.close()
        return updates, took, again

    updates, took, again = run(work())
    assert said(updates) == "Wait"
    assert took < 5  # under one second on an idle machine
    assert said(again) == "Anew."
    assert not running(str(tmp_path))


def test_cancelling_while_a_person_is_asked_ends_the_turn(folder: Path, tmp_path: Path) -> None:
    class Slow(Person):
        async def ask(self, request: PermissionRequest) -> Any:
            self.asked.append(request)
            await asyncio.sleep(600)

    async def work() -> list[Update]:
        conversation = await external_agent(tmp_path, {"turns": [[{"ask": CALL}]]}).start(context(folder, Slow()))
        updates = []
        async for update in conversation.prompt([]):
            updates.append(update)
            if isinstance(update, PermissionRequest):
                stop = asyncio.ensure_future(conversation.cancel())
        await stop
        await conversation.close()
        return updates

    updates = run(work())
    assert_calls_answered(updates)
    assert [result.status for result in bodies(updates, ToolResult)] == ["cancelled"]


@pytest.mark.parametrize("method", ["initialize", "session/new"])
def test_an_agent_that_never_answers_is_given_up(method: str, folder: Path, tmp_path: Path) -> None:
    async def work() -> str:
        backend = external_agent(tmp_path, {"turns": [[]], "silent": [method]}, limits=Limits(opening=1.5))
        with pytest.raises(AgentError) as failure:
            await backend.start(context(folder))
        return str(failure.value)

    assert run(work()).startswith("The agent 'test' did not ")
    assert not running(str(tmp_path))


def test_a_child_that_holds_the_output_open_does_not_keep_a_dead_agent_alive(folder: Path, tmp_path: Path) -> None:
    updates = play(folder, tmp_path, {"say": "Hi"}, {"child": 347}, {"die": 2})
    assert updates[-1].startswith("The agent 'test' broke off: it ended with code 2")
    assert not running("\0347\0")


def test_many_requests_at_once_are_refused(folder: Path, tmp_path: Path) -> None:
    class Slow(Person):
        async def ask(self, request: PermissionRequest) -> Any:
            self.asked.append(request)
            await asyncio.sleep(1)
            return await super().ask(request)

    line = '{"jsonrpc": "2.0", "id": "r%d", "method": "session/request_permission", "params": {"sessionId": "s1", '
    line += '"toolCall": {"toolCallId": "t%d", "kind": "edit"}, "options": []}}\n'
    person = Slow()
    play(folder, tmp_path, *({"raw": line % (n, n)} for n in range(300)), {"wait": 0.5}, person=person)
    assert len(person.asked) <= 2 * Limits().requests


def test_none_of_our_variables_reach_the_agent(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOVELACE_HOME", "/nowhere")
    monkeypatch.setenv("LOVELACE_SECRET", "x")
    monkeypatch.setenv("TOKEN_OF_THE_PERSON", "theirs")
    updates = play(folder, tmp_path, {"environment": 0})
    assert "LOVELACE_HOME" not in said(updates) and "LOVELACE_SECRET" not in said(updates)
    assert said(updates).count("LOVELACE_") == said(updates).count(MARKER) == 1
    assert "TOKEN_OF_THE_PERSON" in said(updates)
