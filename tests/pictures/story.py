"""A home full of made-up work: imported sessions, and one session with everything that agents do."""

from __future__ import annotations

from pathlib import Path

from app.commands.importing import bring_in, find
from app.sessions.events import (
    AgentMessage,
    AgentThought,
    Body,
    Command,
    CommandResult,
    Draft,
    FileRead,
    PermissionRequest,
    Plan,
    PlanEntry,
    ToolCall,
    ToolResult,
    Usage,
    UserMessage,
    Verification,
)
from app.workspace import Workspace
from tests.helpers.changed_session import ChangedSession

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "import"
AGENT = "claude"
BEFORE = '''"""Talks to the mailbox."""

import asyncio

import httpx

BASE = "https://mailbox.example"
TRIES = 3


async def fetch(client: httpx.AsyncClient, name: str) -> bytes:
    """The bytes kept under a name."""
    for attempt in range(TRIES):
        response = await client.get(f"{BASE}/{name}")
        if response.status_code == 200:
            return response.content
        await asyncio.sleep(1)
    raise ConnectionError(f"{name} cannot be fetched")


def names(listing: str) -> list[str]:
    """What a listing names, without blank lines."""
    return [line.strip() for line in listing.splitlines() if line.strip()]
'''
AFTER = (
    BEFORE.replace("TRIES = 3\n", "TRIES = 6\nLONGEST_S = 30.0\n")
    .replace(
        "        await asyncio.sleep(1)\n",
        "        if response.status_code not in (429, 503):\n            break\n"
        "        await asyncio.sleep(min(LONGEST_S, 2**attempt * random.uniform(0.5, 1.5)))\n",
    )
    .replace("import asyncio\n", "import asyncio\nimport random\n")
)
TEST = """import pytest

from mailbox import fetch


@pytest.mark.parametrize("status", [429, 503])
async def test_busy_servers_are_asked_again(server, status):
    server.answers = [status, status, 200]
    assert await fetch(server.client, "a") == b"a"
    assert len(server.asked) == 3
"""
OUTPUT = (
    "\x1b[1m============================= test session starts ==============================\x1b[0m\n"
    "collected 14 items\n\n"
    "tests/test_mailbox.py \x1b[32m.\x1b[0m\x1b[32m.\x1b[0m\x1b[31mF\x1b[0m\x1b[32m...........\x1b[0m       [100%]\n\n"
    "\x1b[31m\x1b[1m_____________________ test_gives_up_in_time _____________________\x1b[0m\n"
    ">       assert clock.now < 60\n"
    "\x1b[1m\x1b[31mE       assert 63.0 < 60\x1b[0m\n\n"
    "\x1b[33m1 warning\x1b[0m, \x1b[31m1 failed\x1b[0m, \x1b[32m13 passed\x1b[0m in 0.84s\n"
)
ANSWER = """The client gave up too early and hammered the server while it did:

1. **Three tries** were not enough for a restart of the mailbox, which takes about ten seconds.
2. Every try waited *one second*, so all devices came back at the same moment.

It now waits longer each time, with some chance in it, and stops at once where asking again cannot help:

```python
await asyncio.sleep(min(LONGEST_S, 2**attempt * random.uniform(0.5, 1.5)))
```

| status | before | now |
|---|---|---|
| 429, 503 | 3 tries, 1 s apart | 6 tries, at most 30 s apart |
| others | 3 tries | none |
"""
OTHERS = [
    ("Speed up the import of large files", "It reads line by line now.", ("import", "speed")),
    ("Why does the search find ‘cafe’ for ‘café’?", "Diacritics are folded on purpose.", ()),
    ("Plan the release notes", "Three parts: new, better, mended.", ("release",)),
    ("Translate the first-run guide", "Which language first?", ()),
]


def fill(workspace: Workspace, folder: Path) -> str:
    """Write everything; the id of the session to look at first."""
    folder.mkdir()
    workspace.use(workspace.write(lambda operations: operations.open_folder(folder)))
    bring_in(workspace, find([FIXTURES]))
    for title, answer, tags in OTHERS:
        _small(workspace, title, answer, tags)
    return _rich(workspace, folder)


def _small(workspace: Workspace, title: str, answer: str, tags: tuple[str, ...]) -> None:
    def write(operations) -> None:  # type: ignore[no-untyped-def]
        session = operations.create(title=title, tags=tags)
        now = workspace.clock.now_ms()
        operations.append(session, [Draft(body=UserMessage(text=title), time=now, turn="t")])
        operations.append(session, [Draft(body=AgentMessage(text=answer), time=now, turn="t", agent=AGENT)])

    workspace.write(write)


def _rich(workspace: Workspace, folder: Path) -> str:
    work = _Work(workspace, folder, "Retry with backoff in the mailbox client")

    def tell(*bodies: Body) -> None:
        work.tell("t1", *bodies)

    (folder / "mailbox.py").write_text(BEFORE)
    work.touched.add("mailbox.py")
    work.begin("t1", "The mailbox client gives up when the server restarts. Look at mailbox.py and make it patient.")
    tell(
        AgentThought(text="First the client, then what its tests expect."),
        Plan(
            entries=(
                PlanEntry(text="Read the client", status="completed"),
                PlanEntry(text="Wait longer each time", status="completed"),
                PlanEntry(text="Test busy and broken servers", status="in_progress"),
                PlanEntry(text="Say it in the notes"),
            )
        ),
        ToolCall(call_id="c1", name="read", title="Read mailbox.py", tool_kind="read", input={"path": "mailbox.py"}),
        FileRead(path="mailbox.py", call_id="c1"),
        ToolResult(call_id="c1", status="completed", output=BEFORE, duration_ms=12),
        AgentMessage(text=ANSWER),
    )
    work.put("t1", "mailbox.py", AFTER.encode(), call="c2")
    tell(ToolResult(call_id="c2", status="completed", output="Written.", duration_ms=9))
    work.put("t1", "tests/test_mailbox.py", TEST.encode(), call="c3")
    tell(
        ToolResult(call_id="c3", status="completed", output="Written.", duration_ms=7),
        ToolCall(call_id="c4", name="run", title="Run the tests", tool_kind="execute", input={"command": "pytest -q"}),
        Command(call_id="c4", command="pytest -q --color=yes"),
        CommandResult(call_id="c4", exit_code=1, stdout=OUTPUT, duration_ms=1_840),
        ToolResult(call_id="c4", status="failed", output=OUTPUT, duration_ms=1_850),
        Verification(what="Busy servers are asked again", passed=True, evidence="13 of 14 tests"),
        AgentMessage(text="One test expects less than a minute in all. May I look at what it allows?"),
        Usage(input=18_400, output=1_250, model="claude-sonnet-4-5"),
        ToolCall(
            call_id="c5",
            name="run",
            title="Look at the limits",
            tool_kind="execute",
            input={"command": "grep -n limit tests/conftest.py"},
        ),
        PermissionRequest(
            request_id="r1",
            call_id="c5",
            name="run",
            title="grep -n limit tests/conftest.py",
            tool_kind="execute",
            input={"command": "grep -n limit tests/conftest.py"},
        ),
    )
    workspace.write(lambda operations: operations.set_fields(work.session, {"status": "waiting"}))
    return work.session


class _Work(ChangedSession):
    """What is told is the agent's, but for prompts."""

    def tell(self, turn: str, *bodies: Body) -> None:
        now = self.home.clock.now_ms()
        drafts = [
            Draft(body=body, time=now, turn=turn, agent=None if isinstance(body, UserMessage) else AGENT)
            for body in bodies
        ]
        self.home.write(lambda operations: operations.append(self.session, drafts))
