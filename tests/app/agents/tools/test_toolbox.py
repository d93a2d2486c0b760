from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.agents.backend import OutputDelta, Update
from app.agents.limits import LimitReached
from app.agents.permission import GROUPS, Policy
from app.agents.policies import PolicyRule
from app.agents.rules import Rules
from app.agents.tools import toolbox
from app.agents.tools.toolbox import TOOLS, Outcome, ToolBox
from app.sessions.events import (
    Command,
    CommandResult,
    FileChange,
    FileRead,
    Notice,
    PermissionAnswer,
    PermissionRequest,
    ToolCall,
    ToolResult,
)
from tests.app.agents.support import MemoryRecorder, Person, assert_calls_answered, bodies, context, run


class Box:
    """A tool box in a folder, and what it emitted."""

    def __init__(self, folder: Path | None, person: Person | None = None, **changes: Any) -> None:
        self.updates: list[Update] = []
        self.recorder = MemoryRecorder()
        self.person = person or Person()
        made = context(folder, self.person, keep=self.recorder.keep, **changes)
        self.tools = ToolBox(made, self.updates.append)

    def call(self, name: str, **arguments: Any) -> Outcome:
        outcome = run(self.tools.call(name, arguments))
        assert_calls_answered(self.updates)
        return outcome

    def last(self, kind: type[Any]) -> Any:
        return bodies(self.updates, kind)[-1]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_schemas_are_in_one_piece() -> None:
    for tool in TOOLS.values():
        schema = tool.schema()
        assert schema["type"] == "object"
        assert "$ref" not in msgspec.json.encode(schema).decode()


def test_write_asks_first_and_records_the_change(box: Box, tmp_path: Path) -> None:
    assert box.call("write", path="src/a.py", content="print(1)\n").status == "completed"
    kinds = [body.kind for body in bodies(box.updates)]
    assert kinds == ["tool_call", "permission_request", "permission_answer", "file_change", "tool_result"]
    change = box.last(FileChange)
    assert (change.path, change.language, change.added, change.removed) == ("src/a.py", "python", 1, 0)
    assert change.before is None
    assert box.recorder.blobs[change.after.blob] == b"print(1)\n"
    assert (tmp_path / "src" / "a.py").read_text() == "print(1)\n"


def test_rejected_means_nothing_happens(tmp_path: Path) -> None:
    box = Box(tmp_path, Person("reject"))
    assert box.call("write", path="a", content="x").status == "denied"
    assert box.last(ToolResult).status == "denied"
    assert not (tmp_path / "a").exists()


def test_nobody_there_means_denied(tmp_path: Path) -> None:
    box = Box(tmp_path, policy=Policy(asks=False))
    assert box.call("run", command="touch a").status == "denied"
    assert box.person.asked == []
    assert not (tmp_path / "a").exists()


def test_always_is_asked_once(tmp_path: Path) -> None:
    box = Box(tmp_path, Person("always"))
    box.call("write", path="a", content="1")
    box.call("write", path="b", content="2")
    assert len(box.person.asked) == 1


def test_edit(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\r\ntwo\r\ntwo\r\n")
    assert box.call("edit", path="a.txt", old="one\ntwo", new="1\n2").status == "completed"
    assert (tmp_path / "a.txt").read_bytes() == b"1\r\n2\r\ntwo\r\n"
    assert "not in 'a.txt'" in box.call("edit", path="a.txt", old="nothing", new="x").text
    assert "no such file" in box.call("edit", path="b.txt", old="x", new="y").text
    change = bodies(box.updates, FileChange)[0]
    assert (change.added, change.removed) == (2, 2)


def test_edit_of_a_text_that_is_there_twice(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x x")
    assert "2 times" in box.call("edit", path="a.txt", old="x", new="y").text
    assert box.call("edit", path="a.txt", old="x", new="y", all=True).status == "completed"
    assert (tmp_path / "a.txt").read_text() == "y y"


def test_binary_files_are_told_by_their_hash(box: Box, tmp_path: Path) -> None:
    data = bytes(range(256))
    (tmp_path / "image").write_bytes(data)
    assert hashlib.sha256(data).hexdigest() in box.call("read", path="image").text
    assert box.call("edit", path="image", old="a", new="b").status == "failed"
    box.call("write", path="image", content="text now")
    assert box.last(FileChange).binary
    assert box.last(FileChange).diff == ""


def test_read_in_parts(box: Box, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("\n".join(f"line {n}" for n in range(1, 5001)))
    whole = box.call("read", path="long")
    assert whole.text.endswith("lines 2001 to 5000 not shown.")
    assert (box.last(FileRead).first, box.last(FileRead).last) == (1, 2000)
    assert box.call("read", path="long", first=10, last=11).text.startswith("line 10\nline 11\n")
    assert box.person.asked == []


def test_search_and_list_leave_out_what_is_ignored(box: Box, tmp_path: Path) -> None:
    for name in (".git/config", "build/out.py", "src/keep.py", "src/drop.log", "src/deep/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("needle Here\n")
    (tmp_path / ".gitignore").write_text("build/\n*.log\n")
    (tmp_path / "src" / ".gitignore").write_text("!drop.log\n/deep\n")
    found = box.call("search", text="NEEDLE").text
    assert found == "src/drop.log:1: needle Here\nsrc/keep.py:1: needle Here"
    listed = box.call("list").text.splitlines()
    assert listed == [".gitignore", "src/", "src/.gitignore", "src/drop.log", "src/keep.py"]
    assert box.call("search", text="nowhere").text == "Nothing found."


def test_search_does_not_follow_links_out(box: Box, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_text("needle")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "file").symlink_to(outside / "secret")
    assert box.call("search", text="needle").text == "Nothing found."


def test_run_records_command_and_result(box: Box, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    outcome = box.call("run", command="echo out; echo err >&2; exit 3", cwd="sub")
    assert (outcome.status, outcome.text) == ("failed", "exit code 3\nstdout:\nout\n\nstderr:\nerr\n")
    command, result = box.last(Command), box.last(CommandResult)
    assert (command.command, command.cwd) == ("echo out; echo err >&2; exit 3", "sub")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert result.duration_ms is not None
    assert command.call_id == result.call_id == box.last(ToolCall).call_id
    deltas = [update for update in box.updates if isinstance(update, OutputDelta)]
    assert sorted((delta.stream, delta.text) for delta in deltas) == [("stderr", "err\n"), ("stdout", "out\n")]


def test_cancelling_a_command_leaves_one_result_each(tmp_path: Path) -> None:
    box = Box(tmp_path)

    async def cancel() -> None:
        started = asyncio.Event()

        def emit(update: Update) -> None:
            box.updates.append(update)
            if isinstance(update, OutputDelta):
                started.set()

        tools = ToolBox(context(tmp_path), emit)
        work = asyncio.ensure_future(tools.call("run", {"command": "echo started; sleep 1000"}))
        await started.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    run(cancel())
    assert_calls_answered(box.updates)
    assert box.last(ToolResult).status == "cancelled"
    assert len(bodies(box.updates, CommandResult)) == 1


def test_a_tool_that_breaks_still_has_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> str:
        raise ZeroDivisionError

    box = Box(tmp_path)
    tool = next(tool for tool in box.tools.tools if tool.name == "list")
    monkeypatch.setattr(box.tools, "tools", [dataclasses.replace(tool, perform=broken)])
    with pytest.raises(ZeroDivisionError):
        run(box.tools.call("list", {}))
    assert_calls_answered(box.updates)
    assert box.last(ToolResult).status == "failed"


def test_unknown_tools_and_wrong_arguments_are_answered(box: Box) -> None:
    assert "There is no tool 'fly'" in box.call("fly", to="moon").text
    assert "path" in box.call("read").text
    assert "unknown field `x`" in box.call("read", path="a", x=1).text
    assert box.call("read", path=7).status == "failed"


def test_without_a_folder_there_are_no_tools() -> None:
    box = Box(None, tools=("read", "run"))
    assert box.tools.tools == []
    assert box.call("read", path="/etc/passwd").status == "failed"


def test_only_the_tools_of_the_rules(tmp_path: Path) -> None:
    box = Box(tmp_path, rules=Rules(tools=("read",)))
    assert [tool.name for tool in box.tools.tools] == ["read"]
    assert box.call("run", command="true").status == "failed"


def test_the_rules_hold_whatever_a_person_says(tmp_path: Path) -> None:
    box = Box(tmp_path, rules=Rules(commands=("echo",), paths=("src/*",)), policy=Policy(allowed=GROUPS))
    assert box.call("run", command="echo a; rm -rf .").text == "The rules do not allow the command 'rm'."
    assert box.call("run", command="echo fine").status == "completed"
    assert box.call("write", path="other", content="").status == "failed"
    assert box.call("write", path="src/a", content="").status == "completed"


def test_a_call_that_repeats_is_refused_then_ends_the_turn(box: Box, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    statuses = [box.call("read", path="a").status for _ in range(4)]
    assert statuses == ["completed"] * 3 + ["failed"]
    with pytest.raises(LimitReached, match="again and again"):
        box.call("read", path="a")
    assert_calls_answered(box.updates)
    box.tools.begin_turn()
    assert box.call("read", path="a").status == "completed"


def test_after_a_change_the_same_command_may_run_again(tmp_path: Path) -> None:
    box = Box(tmp_path, policy=Policy(allowed=GROUPS))
    for number in range(5):
        box.call("write", path="a", content=str(number))
        assert box.call("read", path="a").text == str(number)


def test_steps_are_limited(tmp_path: Path) -> None:
    box = Box(tmp_path, rules=Rules(steps=2))
    box.call("list")
    box.call("list", depth=3)
    with pytest.raises(LimitReached, match="2 steps"):
        box.call("list", depth=4)


def test_without_a_sandbox_the_session_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox, "bubblewrap_works", lambda: False)
    box = Box(tmp_path)
    assert box.call("run", command="echo $DBUS_SESSION_BUS_ADDRESS$SSH_AUTH_SOCK-").text == "exit code 0\nstdout:\n-\n"
    assert "without a sandbox" in box.last(Notice).text
    box.call("run", command="true")
    assert len(bodies(box.updates, Notice)) == 1


def test_without_a_sandbox_and_a_person_commands_need_an_explicit_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "bubblewrap_works", lambda: False)
    alone = Policy(asks=False, allowed=GROUPS)
    assert Box(tmp_path, policy=alone).call("run", command="true").status == "denied"
    assert Box(tmp_path, policy=alone, rules=Rules(unconfined=True)).call("run", command="true").status == "completed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["path", "text", "depth", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(name=st.sampled_from([*TOOLS, "x"]), arguments=json_values)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_arguments_break_the_tools(tmp_path: Path, name: str, arguments: Any) -> None:
    box = Box(tmp_path, Person("reject"))
    outcome = run(box.tools.call(name, arguments))
    assert_calls_answered(box.updates)
    assert str(tmp_path) not in outcome.text
    requests, answers = bodies(box.updates, PermissionRequest), bodies(box.updates, PermissionAnswer)
    assert len(requests) == len(answers)


def ruled(folder: Path, *rules: PolicyRule, **changes: Any) -> Box:
    """A tool box held to policies."""

    async def now() -> tuple[PolicyRule, ...]:
        return rules

    return Box(folder, policies=now, **changes)


def test_a_policy_allows_without_asking_and_only_what_it_says(tmp_path: Path) -> None:
    box = ruled(
        tmp_path, PolicyRule(ruling="allow", path="docs/**"), PolicyRule(ruling="allow", command="git --version")
    )
    assert box.call("write", path="docs/a.md", content="x").status == "completed"
    assert box.person.asked == []
    assert box.call("write", path="docs/../docs/b.md", content="x").status == "failed"
    box.call("write", path="src/a.md", content="x")
    box.call("run", command="git --version; true")
    assert len(box.person.asked) == 3


def test_a_policy_forbids_whatever_else_allows(tmp_path: Path) -> None:
    never = PolicyRule(ruling="never", path="secret")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")
    (tmp_path / "link").symlink_to("secret")
    box = ruled(tmp_path, never, policy=Policy(allowed=GROUPS))
    for path in ("secret/key", "link/key", "./secret//key"):
        outcome = box.call("read", path=path)
        assert outcome.status == "denied" and "policy of this device" in outcome.text
        assert box.call("write", path=path, content="x").status == "denied"
    assert (tmp_path / "secret" / "key").read_text() == "k"
    assert box.call("search", text="k").text == "Nothing found."
    assert box.call("write", path="other", content="x").status == "completed"


def test_what_is_to_be_asked_is_denied_where_nobody_is(tmp_path: Path) -> None:
    box = ruled(tmp_path, PolicyRule(ruling="ask", tool="write"), policy=Policy(allowed=GROUPS))
    outcome = box.call("write", path="a", content="x")
    assert outcome.status == "denied" and "nobody can be asked" in outcome.text
